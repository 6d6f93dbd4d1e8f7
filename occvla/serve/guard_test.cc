#include "occvla/serve/guard.h"

#include <gmock/gmock.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/serve/test_service.h"

namespace occvla::serve {
namespace {

using httplib::Headers;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kToken = "0123456789abcdef";

ServiceOptions WithToken() {
  ServiceOptions options;
  options.guard.tokens = {"another-token-0000", kToken};
  return options;
}

std::string ErrorOf(const httplib::Result& result) {
  if (!result) return "no reply";
  return std::to_string(result->status) + " " +
         nlohmann::json::parse(result->body)["error"]["message"].get<std::string>();
}

TEST(GuardTest, EveryV1PathAsksForATokenAndThePageDoesNot) {
  TestService test(FakeEngine::Echo, WithToken());
  auto client = test.Client();
  const auto refused = client.Get("/v1/models");
  EXPECT_EQ(ErrorOf(refused), "401 give one of this server's tokens: Authorization: Bearer TOKEN");
  EXPECT_EQ(refused->get_header_value("WWW-Authenticate"), "Bearer");
  for (const auto* path : {"/metrics", "/v1/no/such/path", "/v1/frames/x"})
    EXPECT_EQ(client.Get(path)->status, 401) << path;
  EXPECT_EQ(client.Get("/healthz")->status, 200);
  const auto as = [&](const std::string& header) {
    return client.Get("/v1/models", Headers{{"Authorization", header}})->status;
  };
  EXPECT_EQ(as(std::string("Bearer ") + kToken), 200);
  EXPECT_EQ(as(std::string("Bearer ") + kToken + "0"), 401);
  EXPECT_EQ(as("Bearer 0123456789abcdeF"), 401);
  EXPECT_EQ(as(kToken), 401);
}

TEST(GuardTest, AnotherMachinesNameInHostIsRefused) {
  ServiceOptions options;
  options.guard.hosts = {"car.example"};
  TestService test(FakeEngine::Echo, options);
  const auto as = [&](const std::string& host) {
    return test.Client().Get("/healthz", Headers{{"Host", host}})->status;
  };
  EXPECT_EQ(as("localhost:80"), 200);
  EXPECT_EQ(as("[::1]:80"), 200);
  EXPECT_EQ(as("10.1.2.3"), 200);
  EXPECT_EQ(as("Car.example:1"), 200);
  EXPECT_EQ(as("evil.example"), 403);
  EXPECT_EQ(as("127.0.0.1.evil.example"), 403);
  EXPECT_EQ(as(""), 403);
}

TEST(GuardTest, PagesOfOtherOriginsMayNotAskAndReadNothing) {
  ServiceOptions options;
  options.guard.origins = {"https://viewer.example"};
  TestService test(FakeEngine::Echo, options);
  const auto here = "http://127.0.0.1:" + std::to_string(test.port());
  const auto post = [&](const std::string& origin) {
    return test.Post("/v1/chat/completions", ChatBody("x"), {{"Origin", origin}});
  };
  EXPECT_EQ(post(here)->status, 200);
  EXPECT_EQ(post("https://evil.example")->status, 403);
  const auto known = post("https://viewer.example");
  EXPECT_EQ(known->status, 200);
  EXPECT_EQ(known->get_header_value("Access-Control-Allow-Origin"), "https://viewer.example");
  const auto get = test.Client().Get("/healthz", Headers{{"Origin", "https://evil.example"}});
  EXPECT_FALSE(get->has_header("Access-Control-Allow-Origin"));
  EXPECT_EQ(get->get_header_value("Cross-Origin-Resource-Policy"), "same-origin");
  const auto preflight = [&](const std::string& origin) {
    return test.Client()
        .Options("/v1/predict",
                 Headers{{"Origin", origin}, {"Access-Control-Request-Method", "POST"}})
        ->status;
  };
  EXPECT_EQ(preflight("https://viewer.example"), 204);
  EXPECT_EQ(preflight("https://evil.example"), 403);
}

TEST(GuardTest, BodiesAreJsonOfADeclaredLengthWithinTheLimit) {
  ServiceOptions options;
  options.http.body_bytes = 1000;
  TestService test(FakeEngine::Echo, options);
  auto client = test.Client();
  const std::string body(100, ' ');
  EXPECT_EQ(ErrorOf(client.Post("/v1/predict", body, "text/plain")),
            "415 send JSON, with Content-Type: application/json");
  EXPECT_EQ(ErrorOf(client.Post("/v1/predict", std::string(1001, ' '), "application/json")),
            "413 the body may have 1000 bytes, but has 1001");
  EXPECT_EQ(ErrorOf(client.Post("/v1/predict", Headers{{"Content-Encoding", "gzip"}}, body,
                                "application/json")),
            "415 send the body without Content-Encoding");
  EXPECT_EQ(ErrorOf(client.Post(
                "/v1/predict",
                [](size_t, httplib::DataSink& sink) {
                  sink.done();
                  return true;
                },
                "application/json")),
            "411 send the body with a Content-Length, not in chunks");
  // The connection is of use afterwards, or a new one is made.
  EXPECT_EQ(client.Get("/healthz")->status, 200);
}

TEST(GuardTest, KnownPathsSayWhichMethodsTheyAnswer) {
  TestService test;
  const auto get = test.Client().Get("/v1/predict");
  EXPECT_EQ(ErrorOf(get), "405 this path answers POST");
  EXPECT_EQ(get->get_header_value("Allow"), "POST");
  EXPECT_EQ(ErrorOf(test.Client().Get("/nothing")), "404 there is nothing at this path");
  EXPECT_EQ(ErrorOf(test.Client().Get("/../../etc/passwd")), "404 there is nothing at this path");
  EXPECT_EQ(ErrorOf(test.Client().Get("/" + std::string(3000, 'a'))), "414 the path is too long");
}

TEST(GuardTest, RepliesTellTheBrowserToTrustNothingElse) {
  TestService test;
  const auto reply = test.Client().Get("/healthz");
  EXPECT_EQ(reply->get_header_value("X-Content-Type-Options"), "nosniff");
  EXPECT_THAT(reply->get_header_value("Content-Security-Policy"), HasSubstr("default-src 'self'"));
  EXPECT_EQ(reply->get_header_value("X-Frame-Options"), "DENY");
}

TEST(GuardTest, TokensComeFromAFile) {
  const TestFolder folder;
  const auto write = [&](const std::string& text) {
    WriteFileAtomically(folder / "tokens", std::string_view(text));
    return (folder / "tokens").string();
  };
  EXPECT_THAT(ReadTokens(write("# mine\n\n0123456789abcdef\r\nanother-token-0000")),
              ElementsAre("0123456789abcdef", "another-token-0000"));
  const auto problem = [&](const std::string& text) -> std::string {
    try {
      ReadTokens(write(text));
    } catch (const ConfigError& error) {
      return std::string(error.what()).substr((folder / "tokens").string().size());
    }
    return "accepted";
  };
  EXPECT_EQ(problem("# none\n"), ": holds no token; write one a line.");
  EXPECT_EQ(problem("0123456789abcdef\nshort\n"),
            ", line 2: a token has at least 16 characters, printable and without blanks.");
  EXPECT_EQ(problem("0123456789 abcdef\n"),
            ", line 1: a token has at least 16 characters, printable and without blanks.");
}

}  // namespace
}  // namespace occvla::serve
