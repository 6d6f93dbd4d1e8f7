#pragma once
#include <exception>
#include <stdexcept>
#include <string>

namespace httplib {
struct Response;
}

namespace occvla::serve {

/// A request that is answered with an error: by a rule of the server, or because it asks for what
/// cannot be done. The text goes to the client as it is.
class Refusal final : public std::runtime_error {
 public:
  Refusal(int status, const std::string& message, std::string type = "invalid_request_error",
          std::string param = "", int retry_after_s = 0)
      : std::runtime_error(message),
        status_(status),
        type_(std::move(type)),
        param_(std::move(param)),
        retry_after_s_(retry_after_s) {}

  int status() const { return status_; }
  const std::string& type() const { return type_; }
  const std::string& param() const { return param_; }
  int retry_after_s() const { return retry_after_s_; }  ///< 0 = trying again does not help.

 private:
  int status_;
  std::string type_, param_;
  int retry_after_s_;
};

/// Where complaints about a request's JSON begin: JsonNode(document, kRequest, ErrorKind::kConfig).
inline constexpr const char* kRequest = "request";

/// What goes wrong while a request is answered, as its client sees it. A ConfigError about
/// `kRequest` names the field at fault; what the machine or its files cause is one sentence without
/// a path, and `log` (empty otherwise) is what the server's log should say.
struct Answerable {
  Refusal refusal;
  std::string log;
};
Answerable RefusalOf(const std::exception_ptr& error);

/// `SendError` of it, with Retry-After.
void SendRefusal(httplib::Response& response, const Refusal& refusal);

}  // namespace occvla::serve
