#include <algorithm>
#include <array>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/label/chat_endpoint.h"

namespace occvla::label {
namespace {

constexpr const char *kUrl = "OCCVLA_CHAT_URL", *kKey = "OCCVLA_CHAT_KEY";

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Complaints name lines, not what they hold: it may be a key.
void ReadAddressFile(const std::filesystem::path& path, ChatAddress& address,
                     std::vector<std::string>& problems) {
  const std::string text = ReadTextFile(path, 64 << 10, ErrorKind::kConfig);
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = Trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const size_t equals = line.find('=');
    const std::string_view name = Trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || (name != kUrl && name != kKey)) {
      problems.push_back(path.string() + ", line " + std::to_string(number) + ": must be " + kUrl +
                         "=... or " + kKey + "=...");
      continue;
    }
    std::string& value = name == kUrl ? address.url : address.key;
    if (!value.empty())
      problems.push_back(path.string() + ", line " + std::to_string(number) + ": says " +
                         std::string(name) + " again");
    value = Trimmed(line.substr(equals + 1));
  }
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool IsThisMachine(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

void CheckUrl(const ChatAddress& address, std::vector<std::string>& problems) {
  const std::string& url = address.url;
  if (url.empty()) {
    problems.push_back(std::string(kUrl) + " is not set: say where to ask, such as " +
                       "http://localhost:8000/v1");
    return;
  }
  const bool http = url.starts_with("http://"), https = url.starts_with("https://");
  const std::string_view rest = std::string_view(url).substr(https ? 8 : http ? 7 : 0);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if ((!http && !https) || authority.empty() || authority.starts_with(':')) {
    problems.push_back(std::string(kUrl) + " must be http:// or https:// and a host");
    return;
  }
  if (!IsPrintable(url) || url.find_first_of("?#\\\"<>") != std::string::npos ||
      url.size() > 2000 || authority.find('@') != std::string_view::npos) {
    problems.push_back(std::string(kUrl) +
                       " must have neither user name, query, fragment nor blanks");
  }
  const std::string_view host = authority.substr(
      0, authority.starts_with('[') ? authority.find(']') + 1
                                    : std::min(authority.find(':'), authority.size()));
  if (http && !address.key.empty() && !IsThisMachine(host)) {
    problems.push_back(std::string(kKey) +
                       " would travel readable for all over http:// to another machine; use "
                       "https:// or set no key");
  }
}

}  // namespace

ChatAddress ReadChatAddress(const std::filesystem::path& file,
                            const std::function<const char*(const char*)>& environment) {
  ChatAddress address;
  std::vector<std::string> problems;
  if (!file.empty()) ReadAddressFile(file, address, problems);
  for (const auto& [name, value] : {std::pair(kUrl, &address.url), std::pair(kKey, &address.key)}) {
    const char* set = value->empty() ? environment(name) : nullptr;
    if (set != nullptr) *value = Trimmed(set);
  }
  while (address.url.ends_with('/')) address.url.pop_back();
  CheckUrl(address, problems);
  if (!IsPrintable(address.key) || address.key.size() > 4096)
    problems.push_back(std::string(kKey) + " must be printable ASCII without blanks");
  if (problems.empty()) return address;
  throw ConfigError("chat endpoint:\n  - " + Join(problems, "\n  - "));
}

std::vector<std::string> ChatSettings::Problems() const {
  std::vector<std::string> problems;
  const auto need = [&](bool good, const std::string& problem) {
    if (!good) problems.push_back(problem);
  };
  need(!model.empty() && model.size() <= 200 && IsValidUtf8(model), "model must name a model");
  need(token_field == "max_tokens" || token_field == "max_completion_tokens",
       "token_field must be max_tokens or max_completion_tokens, is " + Quoted(token_field));
  need(max_answer_tokens >= 1 && max_answer_tokens <= 100'000,
       "max_answer_tokens must be 1 to 100000, is " + std::to_string(max_answer_tokens));
  need(temperature <= 2, "temperature must be at most 2, is " + std::to_string(temperature));
  need(timeout > 0 && timeout <= 3600,
       "timeout must be above 0 and at most 3600 s, is " + std::to_string(timeout));
  need(attempts >= 1 && attempts <= 20, "attempts must be 1 to 20, is " + std::to_string(attempts));
  need(first_wait >= 0 && longest_wait >= first_wait && longest_wait <= 3600,
       "first_wait must be from 0 to longest_wait, and that at most 3600 s; they are " +
           std::to_string(first_wait) + " and " + std::to_string(longest_wait));
  need(max_requests >= 1,
       "max_requests must say how many requests may be sent, is " + std::to_string(max_requests));
  need(max_tokens >= 0, "max_tokens must not be below 0, is " + std::to_string(max_tokens));
  return problems;
}

}  // namespace occvla::label
