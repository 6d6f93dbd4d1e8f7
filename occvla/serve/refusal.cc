#include "occvla/serve/refusal.h"

#include <httplib.h>

#include <string_view>

#include "occvla/base/error.h"
#include "occvla/serve/json_reply.h"

namespace occvla::serve {
namespace {

// The name in quotes that follows `before`, if `problem` begins so.
std::string NameAfter(std::string_view problem, std::string_view before) {
  if (!problem.starts_with(before)) return {};
  problem.remove_prefix(before.size());
  return std::string(problem.substr(0, problem.find('"')));
}

// "request: messages[0].content must be ..." -> "messages[0].content must be ..." about
// messages[0].content.
Refusal AboutField(std::string_view text) {
  const std::string opening = std::string(kRequest) + ": ";
  if (!text.starts_with(opening)) return {400, std::string(text)};
  text.remove_prefix(opening.size());
  constexpr std::string_view kRoot = "the document";
  std::string param;
  std::string_view problem = text;
  if (text.starts_with(kRoot)) {
    problem.remove_prefix(std::min(text.size(), kRoot.size() + 1));
  } else if (!text.starts_with("not usable as JSON") && !text.starts_with("holds ")) {
    param = text.substr(0, text.find(' '));
    problem.remove_prefix(std::min(text.size(), param.size() + 1));
  }
  for (const auto* before : {"has the unknown field \"", "lacks the field \""}) {
    const auto name = NameAfter(problem, before);
    if (!name.empty()) param += (param.empty() ? "" : ".") + name;
  }
  return {400, std::string(text), "invalid_request_error", param};
}

}  // namespace

Answerable RefusalOf(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Refusal& refusal) {
    return {refusal, ""};
  } catch (const ConfigError& complaint) {
    return {AboutField(complaint.what()), ""};
  } catch (const DataError& complaint) {
    return {{500, "the server's own files of this frame cannot be used", "server_error"},
            complaint.what()};
  } catch (const BusyError&) {
    return {{503, "the server stopped working on the request", "server_error", "", 1}, ""};
  } catch (const DeviceError& complaint) {
    return {{503, "the machine lacks what the request needs; ask for less", "server_error", "", 5},
            complaint.what()};
  } catch (const std::bad_alloc&) {
    return {{503, "the machine lacks what the request needs; ask for less", "server_error", "", 5},
            "out of memory"};
  } catch (const std::exception& fault) {
    return {{500, "a fault of the server", "server_error"}, fault.what()};
  } catch (...) {
    return {{500, "a fault of the server", "server_error"}, "an exception of unknown type"};
  }
}

void SendRefusal(httplib::Response& response, const Refusal& refusal) {
  if (refusal.retry_after_s() > 0) {
    response.set_header("Retry-After", std::to_string(refusal.retry_after_s()));
  }
  SendError(response, refusal.status(), refusal.what(), refusal.type(), refusal.param());
}

}  // namespace occvla::serve
