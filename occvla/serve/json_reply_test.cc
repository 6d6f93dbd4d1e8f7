#include "occvla/serve/json_reply.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

namespace occvla::serve {
namespace {

TEST(JsonReplyTest, AnErrorNamesTheFieldAtFaultInOpenAisShape) {
  httplib::Response response;
  SendError(response, 400, "top_p must be a number", "invalid_request_error", "top_p");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(nlohmann::json::parse(response.body),
            nlohmann::json::parse(R"({"error": {"message": "top_p must be a number",
                "type": "invalid_request_error", "param": "top_p", "code": null}})"));
}

TEST(JsonReplyTest, AnErrorWithoutAFieldHasANullParam) {
  httplib::Response response;
  SendError(response, 404, "no such page", "not_found_error");
  EXPECT_TRUE(nlohmann::json::parse(response.body).at("error").at("param").is_null());
}

TEST(JsonReplyTest, BrokenUtf8GoesOutAsReplacementCharacters) {
  httplib::Response response;
  SendJson(response, {{"text", "a\xff"}});
  EXPECT_EQ(nlohmann::json::parse(response.body).at("text"), "a\uFFFD");
}

}  // namespace
}  // namespace occvla::serve
