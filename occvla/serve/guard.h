#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "occvla/serve/http_server.h"

namespace occvla::serve {

/// Who may ask, and how.
struct GuardOptions {
  /// Names that the Host header may have beside localhost and addresses: a page of another site
  /// whose name was made to lead here (DNS rebinding) sends its own.
  std::set<std::string> hosts;
  /// Bearer tokens; empty = none is asked for. Every /v1 path and /metrics ask for one.
  std::vector<std::string> tokens;
  /// Origins ("https://viewer.example") whose pages may read answers; "*" for all. Others' pages
  /// may not even ask to write.
  std::set<std::string> origins;
};

/// Tokens of a file: one a line, blank lines and lines that begin with # left out. Throws
/// ConfigError for a file without any, for a token that is short (under 16 characters), or has
/// characters that a header cannot carry.
std::vector<std::string> ReadTokens(const std::string& path);

/// Sets what holds for every route, whoever registers it: Host and Origin, bearer tokens, bodies
/// (declared length within the limit, JSON, neither chunked nor compressed), CORS, security
/// headers, errors as JSON, 405 for known paths. Before the routes; once.
/// `allowed` names the methods ("GET, POST") of exact paths, for 405.
void InstallGuard(HttpServer& server, GuardOptions options,
                  const std::map<std::string, std::string>& allowed);

}  // namespace occvla::serve
