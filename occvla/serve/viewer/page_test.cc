#include "occvla/serve/viewer/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <thread>

#include "occvla/serve/viewer/gzip.h"

namespace occvla::serve::viewer {
namespace {

using ::testing::HasSubstr;

// A server of the page's routes while it lives.
class Serving {
 public:
  explicit Serving(const Page& page) {
    AddPageRoutes(server_, page);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Serving() {
    server_.stop();
    thread_.join();
  }
  httplib::Client Client() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_decompress(false);
    return client;
  }

 private:
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

const std::string kHtml = "<p>the page</p>";

struct OnePage {
  std::string html = Gzip({reinterpret_cast<const uint8_t*>(kHtml.data()), kHtml.size()});
  std::array<PageFile, 2> files;
  OnePage() {
    const std::span bytes(reinterpret_cast<const std::byte*>(html.data()), html.size());
    files = {PageFile{"/index.html", "text/html; charset=utf-8", "\"one\"", bytes},
             PageFile{"/review.html", "text/html; charset=utf-8", "\"two\"", bytes}};
  }
  Page page() const { return {files, ""}; }
};

TEST(PageTest, TheRootAndReviewAreFilesSentAsTheyWereCompressed) {
  const OnePage one;
  const Serving serving(one.page());
  for (const char* path : {"/", "/index.html", "/review", "/review.html"}) {
    const auto answer = serving.Client().Get(path, {{"Accept-Encoding", "gzip, deflate, br"}});
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 200) << path;
    EXPECT_EQ(answer->get_header_value("Content-Encoding"), "gzip") << path;
    EXPECT_EQ(answer->body, one.html) << path;
  }
}

TEST(PageTest, AClientWithoutGzipGetsPlainBytes) {
  const OnePage one;
  const Serving serving(one.page());
  const auto answer = serving.Client().Get("/", {{"Accept-Encoding", "identity"}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->get_header_value("Content-Encoding"), "");
  EXPECT_EQ(answer->body, kHtml);
}

TEST(PageTest, WhatTheBrowserHasIsNotSentAgain) {
  const OnePage one;
  const Serving serving(one.page());
  const auto answer = serving.Client().Get("/", {{"If-None-Match", "\"one\""}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 304);
  EXPECT_EQ(answer->body, "");
}

TEST(PageTest, AProgramWithoutThePageSaysWhyAtTheRoot) {
  const Serving serving(Page{{}, "Built <without> the page."});
  const auto answer = serving.Client().Get("/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 501);
  EXPECT_THAT(answer->body, HasSubstr("<p>Built &lt;without&gt; the page.</p>"));
}

TEST(PageTest, TheProgramHasThePageOrAReason) {
  const Page& page = EmbeddedPage();
  EXPECT_EQ(page.files.empty(), !page.absent_reason.empty());
  for (const PageFile& file : page.files) EXPECT_FALSE(Gunzip(file.gzip).empty()) << file.path;
}

TEST(GzipTest, BytesComeBack) {
  std::string bytes;
  for (unsigned value = 0; value < 100'000; ++value)
    bytes += static_cast<char>(value * value % 251);
  const std::string gzip = Gzip({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  EXPECT_EQ(Gunzip({reinterpret_cast<const std::byte*>(gzip.data()), gzip.size()}), bytes);
}

}  // namespace
}  // namespace occvla::serve::viewer
