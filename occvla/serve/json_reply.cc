#include "occvla/serve/json_reply.h"

#include <httplib.h>

#include <nlohmann/json.hpp>

namespace occvla::serve {

void SendJson(httplib::Response& response, const nlohmann::json& body, int status) {
  response.status = status;
  // Text that came in as broken UTF-8 goes out with U+FFFD: an answer is valid JSON in any case.
  response.set_content(
      body.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace),
      "application/json");
}

void SendError(httplib::Response& response, int status, const std::string& message,
               const std::string& type, const std::string& param) {
  nlohmann::json error{{"message", message}, {"type", type}, {"param", nullptr}, {"code", nullptr}};
  if (!param.empty()) error["param"] = param;
  SendJson(response, {{"error", error}}, status);
}

}  // namespace occvla::serve
