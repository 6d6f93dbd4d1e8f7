#include "occvla/serve/guard.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/serve/json_reply.h"
#include "occvla/serve/refusal.h"

namespace occvla::serve {
namespace {

using httplib::Request;
using httplib::Response;

constexpr size_t kMaxPath = 2048;  // Also for the regular expressions of routes, which recurse.
constexpr size_t kShortestToken = 16;
constexpr const char* kContentPolicy =
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "localhost:8000" -> localhost, "[::1]:80" -> ::1.
std::string HostName(const std::string& header) {
  if (header.starts_with("[")) return header.substr(1, header.find(']') - 1);
  return Lower(header.substr(0, header.find(':')));
}

bool IsAddress(const std::string& host) {
  in_addr four;
  in6_addr six;
  return inet_pton(AF_INET, host.c_str(), &four) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &six) == 1;
}

std::optional<uint64_t> DeclaredLength(const Request& request) {
  const auto text = request.get_header_value("Content-Length");
  if (text.empty()) return 0;
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return '0' <= c && c <= '9'; });
  if (!digits || text.size() > 15 || request.get_header_value_count("Content-Length") > 1)
    return std::nullopt;
  return std::stoull(text);
}

bool IsJson(const Request& request) {
  const auto type = Lower(request.get_header_value("Content-Type"));
  return type == "application/json" || type.starts_with("application/json;");
}

class Guard {
 public:
  Guard(HttpServer& server, GuardOptions options, std::map<std::string, std::string> allowed)
      : max_body_(server.limits().body_bytes),
        options_(std::move(options)),
        allowed_(std::move(allowed)) {}

  /// Throws Refusal.
  void Check(const Request& request) const {
    if (request.path.size() > kMaxPath) throw Refusal(414, "the path is too long");
    CheckHost(request);
    CheckOrigin(request);
    CheckBody(request);
    CheckToken(request);
  }

  bool IsPreflight(const Request& request) const {
    return request.method == "OPTIONS" && request.has_header("Origin") &&
           request.has_header("Access-Control-Request-Method");
  }

  void AnswerPreflight(const Request& request, Response& response) const {
    if (!MayRead(request.get_header_value("Origin"))) {
      throw Refusal(403, "pages of this origin may not ask this server", "permission_error");
    }
    response.status = 204;
    response.set_header("Access-Control-Allow-Methods", "GET, POST");
    response.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type");
    response.set_header("Access-Control-Max-Age", "600");
  }

  void AddHeaders(const Request& request, Response& response) const {
    const auto set = [&](const char* name, const char* value) {
      if (!response.has_header(name)) response.set_header(name, value);
    };
    set("X-Content-Type-Options", "nosniff");
    set("Content-Security-Policy", kContentPolicy);
    set("X-Frame-Options", "DENY");
    set("Referrer-Policy", "no-referrer");
    set("Cache-Control", "no-store");
    const auto origin = request.get_header_value("Origin");
    if (!origin.empty() && MayRead(origin)) {
      response.set_header("Access-Control-Allow-Origin", origin);
      response.set_header("Vary", "Origin");
    } else {
      set("Cross-Origin-Resource-Policy", "same-origin");
    }
  }

  /// The methods of a path, where another one was asked for.
  std::optional<std::string> OtherMethods(const Request& request) const {
    const auto found = allowed_.find(request.path);
    if (found == allowed_.end()) return std::nullopt;
    return found->second;
  }

 private:
  bool MayRead(const std::string& origin) const {
    return options_.origins.count("*") > 0 || options_.origins.count(origin) > 0;
  }

  void CheckHost(const Request& request) const {
    const auto host = HostName(request.get_header_value("Host"));
    if (request.get_header_value_count("Host") == 1 &&
        (host == "localhost" || IsAddress(host) || options_.hosts.count(host) > 0)) {
      return;
    }
    throw Refusal(403,
                  "the Host header names another machine; reach the server by its address, or "
                  "start it with --allow-host NAME",
                  "permission_error");
  }

  // A page of another site cannot read what comes back, but it could make the browser ask.
  void CheckOrigin(const Request& request) const {
    const auto origin = request.get_header_value("Origin");
    if (origin.empty() || request.method == "GET" || request.method == "HEAD") return;
    const auto host = request.get_header_value("Host");
    if (origin == "http://" + host || origin == "https://" + host || MayRead(origin)) return;
    throw Refusal(403, "pages of this origin may not ask this server", "permission_error");
  }

  void CheckBody(const Request& request) const {
    if (request.has_header("Transfer-Encoding")) {
      throw Refusal(411, "send the body with a Content-Length, not in chunks");
    }
    const auto length = DeclaredLength(request);
    if (!length) throw Refusal(400, "Content-Length must be one number");
    if (*length > max_body_) {
      throw Refusal(413, "the body may have " + std::to_string(max_body_) + " bytes, but has " +
                             std::to_string(*length));
    }
    if (*length == 0) return;
    const auto encoding = Lower(request.get_header_value("Content-Encoding"));
    if (!encoding.empty() && encoding != "identity") {
      throw Refusal(415, "send the body without Content-Encoding");
    }
    if (!IsJson(request)) throw Refusal(415, "send JSON, with Content-Type: application/json");
  }

  void CheckToken(const Request& request) const {
    const auto& path = request.path;
    if (options_.tokens.empty() || !(path.starts_with("/v1/") || path == "/metrics")) return;
    constexpr std::string_view kScheme = "Bearer ";
    const auto header = request.get_header_value("Authorization");
    bool known = false;
    if (header.starts_with(kScheme)) {
      const auto given = header.substr(kScheme.size());
      // All are compared, each in a time that does not tell where it differs.
      for (const auto& token : options_.tokens) {
        known |= token.size() == given.size() &&
                 CRYPTO_memcmp(token.data(), given.data(), token.size()) == 0;
      }
    }
    if (known) return;
    throw Refusal(401, "give one of this server's tokens: Authorization: Bearer TOKEN",
                  "authentication_error");
  }

  const size_t max_body_;
  const GuardOptions options_;
  const std::map<std::string, std::string> allowed_;
};

/// What httplib refuses by itself, as our JSON.
void ExplainStatus(const Guard& guard, const Request& request, Response& response) {
  if (response.status == 404) {
    if (const auto methods = guard.OtherMethods(request)) {
      response.set_header("Allow", *methods);
      SendError(response, 405, "this path answers " + *methods);
    } else {
      SendError(response, 404, "there is nothing at this path", "not_found_error");
    }
    return;
  }
  const char* text = "the request cannot be understood as HTTP, or passes a limit of the server";
  if (response.status == 413) text = "the body is too long";
  if (response.status == 414) text = "the path is too long";
  if (response.status == 416) text = "the Range header cannot be followed";
  if (response.status >= 500) text = "a fault of the server";
  SendError(response, response.status, text,
            response.status >= 500 ? "server_error" : "invalid_request_error");
}

}  // namespace

std::vector<std::string> ReadTokens(const std::string& path) {
  const auto text = ReadTextFile(path, size_t{1} << 20, ErrorKind::kConfig);
  std::vector<std::string> tokens;
  for (size_t at = 0, line = 1; at < text.size(); ++line) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto token = text.substr(at, end - at);
    at = end + 1;
    if (token.ends_with('\r')) token.pop_back();
    if (token.empty() || token.starts_with('#')) continue;
    const bool plain =
        std::all_of(token.begin(), token.end(), [](char c) { return '!' <= c && c <= '~'; });
    if (!plain || token.size() < kShortestToken) {
      throw ConfigError(path + ", line " + std::to_string(line) +
                        ": a token has at least 16 characters, printable and without blanks.");
    }
    tokens.push_back(std::move(token));
  }
  if (tokens.empty()) throw ConfigError(path + ": holds no token; write one a line.");
  return tokens;
}

void InstallGuard(HttpServer& server, GuardOptions options,
                  const std::map<std::string, std::string>& allowed) {
  const auto guard = std::make_shared<const Guard>(server, std::move(options), allowed);
  auto& routes = server.routes();
  const auto refuse = [guard](const Request& request, Response& response) {
    try {
      if (guard->IsPreflight(request)) {
        guard->AnswerPreflight(request, response);
        return true;
      }
      guard->Check(request);
      return false;
    } catch (const Refusal& refusal) {
      if (refusal.status() == 401) response.set_header("WWW-Authenticate", "Bearer");
      SendRefusal(response, refusal);
      return true;
    }
  };
  routes.set_pre_routing_handler([refuse](const Request& request, Response& response) {
    return refuse(request, response) ? httplib::Server::HandlerResponse::Handled
                                     : httplib::Server::HandlerResponse::Unhandled;
  });
  // Who asks before he sends a long body learns at once that it will be refused.
  routes.set_expect_100_continue_handler([refuse](const Request& request, Response& response) {
    return refuse(request, response) ? response.status : 100;
  });
  routes.set_post_routing_handler([guard](const Request& request, Response& response) {
    guard->AddHeaders(request, response);
  });
  const httplib::Server::HandlerWithResponse explain = [guard](const Request& request,
                                                               Response& response) {
    if (!response.body.empty() || response.content_provider_)
      return httplib::Server::HandlerResponse::Unhandled;
    ExplainStatus(*guard, request, response);
    return httplib::Server::HandlerResponse::Handled;
  };
  routes.set_error_handler(explain);
  routes.set_exception_handler(
      [](const Request&, Response& response, const std::exception_ptr& error) {
        SendRefusal(response, RefusalOf(error).refusal);
      });
}

}  // namespace occvla::serve
