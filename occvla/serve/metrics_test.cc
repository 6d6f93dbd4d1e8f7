#include "occvla/serve/metrics.h"

#include <gmock/gmock.h>

namespace occvla::serve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, RoutesAreFewWhateverPathsClientsAskFor) {
  EXPECT_EQ(RouteOf("/v1/frames/abc/images/CAM_FRONT"), "/v1/frames");
  EXPECT_EQ(RouteOf("/v1/chat/completions"), "/v1/chat/completions");
  EXPECT_EQ(RouteOf("/assets/a.js"), "/assets");
  EXPECT_EQ(RouteOf("/"), "/");
  EXPECT_EQ(RouteOf("/healthzz"), "other");
  EXPECT_EQ(RouteOf("/v1/\"evil\n"), "other");
  EXPECT_EQ(RouteOf(""), "other");
}

TEST(MetricsTest, TimesFallIntoEveryBucketAboveThem) {
  Metrics metrics;
  metrics.Count({"GET", "/healthz", 200, 0.03, 0});
  metrics.Count({"GET", "/healthz", 200, 100, 5});
  const auto text = metrics.Text({}, 3);
  EXPECT_THAT(text, HasSubstr("occvla_http_requests_total{method=\"GET\",route=\"/healthz\",status="
                              "\"200\"} 2\n"));
  const auto bucket = [](const char* bound, int count) {
    return std::string("occvla_http_request_seconds_bucket{route=\"/healthz\",le=\"") + bound +
           "\"} " + std::to_string(count) + "\n";
  };
  EXPECT_THAT(text, HasSubstr(bucket("0.02", 0)));
  EXPECT_THAT(text, HasSubstr(bucket("0.05", 1)));
  EXPECT_THAT(text, HasSubstr(bucket("60", 1)));
  EXPECT_THAT(text, HasSubstr(bucket("+Inf", 2)));
  EXPECT_THAT(text, HasSubstr("occvla_http_body_bytes_total 5\n"));
  EXPECT_THAT(text, HasSubstr("occvla_http_connections 3\n"));
}

// What a scraper needs: a type for every series, and no line that is neither comment nor sample.
TEST(MetricsTest, EveryLineIsACommentOrASample) {
  Metrics metrics;
  metrics.Count({"POST", "/v1/predict", 200, 1, 1});
  metrics.Count({"\"} 1\nEVIL", "/", 400, 1, 1});
  const auto text = metrics.Text({.waiting = 2}, 0);
  for (size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    ASSERT_NE(end, text.npos);
    const auto line = text.substr(at, end - at);
    EXPECT_THAT(
        line, ::testing::MatchesRegex("# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\\{[^}]*\\})? [0-9.e+]+"));
    at = end + 1;
  }
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace occvla::serve
