#include "occvla/serve/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "occvla/base/error.h"

namespace occvla::serve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Bytes as they are, for what no client library would send.
class RawClient {
 public:
  explicit RawClient(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    const timeval patience{.tv_sec = 5, .tv_usec = 0};  // Of a test that fails.
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool Send(const std::string& text) const {
    return send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  /// All until the server closes, or patience ends.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    ssize_t n = 0;
    while ((n = recv(socket_, buffer, sizeof buffer, 0)) > 0)
      all.append(buffer, static_cast<size_t>(n));
    closed_ = n == 0 || errno == ECONNRESET;
    return all;
  }
  /// Whether it was the server that ended ReadAll.
  bool closed() const { return closed_; }

 private:
  int socket_;
  bool closed_ = false;
};

class HttpServerTest : public ::testing::Test {
 protected:
  int Start(const HttpLimits& limits) {
    server_ = std::make_unique<HttpServer>(limits);
    server_->routes().Get("/hello", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("hello", "text/plain");
    });
    server_->routes().Post("/echo",
                           [](const httplib::Request& request, httplib::Response& response) {
                             response.set_content(request.body, "text/plain");
                           });
    server_->routes().Get("/long", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(std::string(32 << 20, 'x'), "application/octet-stream");
    });
    const int port = server_->Bind("127.0.0.1", 0);
    server_->Start();
    return port;
  }
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  httplib::Client client("127.0.0.1", Start({}));
  client.set_keep_alive(true);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/hello")->body, "hello");
  EXPECT_EQ(client.Post("/echo", std::string(100000, 'a'), "text/plain")->body.size(), 100000u);
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(HttpServerTest, TwoRequestsInOneSendAreBothAnswered) {
  RawClient client(Start({}));
  client.Send(
      "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\nConnection: "
      "close\r\n\r\n");
  const auto all = client.ReadAll();
  EXPECT_EQ(all.substr(all.size() - 5), "hello");
  EXPECT_NE(all.find("hello"), all.size() - 5);
}

// An hour for headers: the bound on their bytes is what ends the next two.
TEST_F(HttpServerTest, EndlessHeadersAreCutOff) {
  RawClient client(Start({.header_bytes = 4096, .header_s = 3600}));
  client.Send("GET /hello HTTP/1.1\r\n");
  for (int i = 0; i < 1000; ++i)
    if (!client.Send("X-A: " + std::string(100, 'a') + "\r\n")) break;
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, ALineWithoutAnEndIsCutOff) {
  RawClient client(Start({.header_bytes = 4096, .header_s = 3600}));
  for (int i = 0; i < 1000; ++i)
    if (!client.Send(std::string(1000, 'a'))) break;
  EXPECT_THAT(client.ReadAll(), Not(HasSubstr("HTTP/1.1 200")));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, HeadersThatDoNotEndInTimeCloseTheConnection) {
  RawClient client(Start({.header_s = 0.03}));
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, ABodyThatDoesNotArriveInTimeIsNotWaitedFor) {
  RawClient client(Start({.body_s = 0.03}));
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, WhatABodyTookIsGivenBackForTheNext) {
  RawClient client(Start({.all_body_bytes = 1000}));
  for (int i = 0; i < 2; ++i)
    client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n" +
                std::string(900, 'a'));
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), HasSubstr("hello"));  // What the first held is given back.
}

TEST_F(HttpServerTest, WhoDoesNotReadIsCutOff) {
  const int port = Start({.stalled_s = 0.03});
  RawClient client(port);
  client.Send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int i = 0; i < 5000 && server_->connections() == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (int i = 0; i < 5000 && server_->connections() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_LT(client.ReadAll().size(), size_t{32} << 20);
}

TEST_F(HttpServerTest, IdleConnectionsAreClosed) {
  RawClient client(Start({.idle_s = 0.02}));
  EXPECT_EQ(client.ReadAll(), "");
}

TEST_F(HttpServerTest, StoppingClosesWhoIsIdleAndTakesNobodyNew) {
  const int port = Start({});
  RawClient idle(port);
  server_->Stop(1);
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_FALSE(httplib::Client("127.0.0.1", port).Get("/hello"));
}

TEST_F(HttpServerTest, AnAddressThatIsTakenIsToldWithWhatToDo) {
  const int port = Start({});
  HttpServer other;
  try {
    other.Bind("127.0.0.1", port);
    FAIL() << "bound a port twice";
  } catch (const DeviceError& error) {
    EXPECT_EQ(std::string(error.what()),
              "cannot listen at 127.0.0.1:" + std::to_string(port) +
                  ": the port is taken, or the address is not this machine's. Choose another with "
                  "--port and --host; --port 0 takes a free one.");
  }
}

}  // namespace
}  // namespace occvla::serve
