#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace httplib {
struct Response;
}

namespace occvla::serve {

/// Answers with a JSON body.
void SendJson(httplib::Response& response, const nlohmann::json& body, int status = 200);

/// Answers `{"error": {"message", "type", "param", "code"}}`, the shape of OpenAI's errors. `type`
/// is a word that programs compare (invalid_request_error, not_found_error, ...); `param` names the
/// field at fault, empty where there is none (null in the answer). `message` says nothing about the
/// machine: no path, no address, no text of the operating system.
void SendError(httplib::Response& response, int status, const std::string& message,
               const std::string& type = "invalid_request_error", const std::string& param = "");

}  // namespace occvla::serve
