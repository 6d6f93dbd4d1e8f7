#include "occvla/label/chat_endpoint.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <map>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/label/chat_endpoint_fake.h"

namespace occvla::label {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kSecret = "sk-0123456789-secret";

ChatSettings Settings(int64_t attempts = 3) {
  ChatSettings settings;
  settings.model = "eyes-1";
  settings.attempts = attempts;
  settings.max_requests = 100;
  settings.timeout = 5;
  return settings;
}

template <typename Kind, typename Function>
std::string ErrorOf(Function&& function) {
  try {
    function();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// One question to a server that behaves so.
struct Asked {
  explicit Asked(FakeChatServer::Handler handler, ChatSettings settings = Settings(),
                 std::string key = kSecret)
      : server(std::move(handler)), endpoint(server.address(std::move(key)), settings, clock) {}
  ChatReply operator()(const ChatQuestion& question = {"Be brief.", "What?", {}}) {
    return endpoint.Ask(question, "key", {});
  }
  std::string Where() const { return "chat endpoint " + server.address().url; }

  FakeClock clock;
  FakeChatServer server;
  ChatEndpoint endpoint;
};

// Answers with the given statuses in turn, then "good".
FakeChatServer::Handler Statuses(std::vector<int> statuses, std::string retry_after = "") {
  auto left = std::make_shared<std::vector<int>>(std::move(statuses));
  return [left, retry_after](const httplib::Request& request, httplib::Response& response) {
    if (left->empty()) return FakeChatServer::Always("good")(request, response);
    response.status = left->front();
    left->erase(left->begin());
    response.set_content("wait a bit", "text/plain");
    if (!retry_after.empty()) response.set_header("Retry-After", retry_after);
  };
}

TEST(ChatEndpointTest, AQuestionTravelsInTheOpenAiForm) {
  Asked ask(FakeChatServer::Always("good"));
  const ChatReply reply = ask({"Be brief.", "What?", {{"Front", "\xff\xd8\xff"}}});
  EXPECT_EQ(reply.answer->text, "good");
  EXPECT_EQ(reply.answer->prompt_tokens, 1000);
  const auto request = ask.server.requests().at(0);
  EXPECT_EQ(request.get_header_value("Authorization"), std::string("Bearer ") + kSecret);
  EXPECT_EQ(nlohmann::json::parse(request.body), nlohmann::json::parse(R"({
    "model": "eyes-1", "max_tokens": 500, "temperature": 0.3,
    "messages": [
      {"role": "system", "content": "Be brief."},
      {"role": "user", "content": [
        {"type": "text", "text": "What?"},
        {"type": "text", "text": "Front:"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/"}}]}]})"));
  EXPECT_EQ(ask.endpoint.use().answer_tokens, 50);
  EXPECT_TRUE(ask.clock.waits().empty());
}

TEST(ChatEndpointTest, WithoutAKeyNoneIsSent) {
  Asked ask(FakeChatServer::Always("good"), Settings(), "");
  ask();
  EXPECT_FALSE(ask.server.requests().at(0).has_header("Authorization"));
}

TEST(ChatEndpointTest, PassingStatusesAreTriedAgainWithGrowingWaits) {
  Asked ask(Statuses({500, 503}));
  EXPECT_EQ(ask().answer->text, "good");
  const Backoff backoff{1, 60};
  EXPECT_THAT(ask.clock.waits(),
              ElementsAre(backoff.WaitBefore(1, "key", {}), backoff.WaitBefore(2, "key", {})));
  EXPECT_EQ(ask.endpoint.use().requests, 3);
  EXPECT_EQ(ask.endpoint.use().retries, 2);
}

TEST(ChatEndpointTest, RetryAfterIsHonoured) {
  Asked ask(Statuses({429}, "17"));
  EXPECT_EQ(ask().answer->text, "good");
  EXPECT_THAT(ask.clock.waits(), ElementsAre(17));
}

TEST(ChatEndpointTest, APauseThatAServerAsksForHoldsUpOtherQuestionsToo) {
  Asked ask(Statuses({429}, "17"), Settings(/*attempts=*/1));
  EXPECT_FALSE(ask().answer);
  EXPECT_EQ(ask().answer->text, "good");
  EXPECT_THAT(ask.clock.waits(), ElementsAre(17));
}

TEST(ChatEndpointTest, ALongerPauseThanTenMinutesEndsTheRun) {
  Asked ask(Statuses({429}, "7200"));
  EXPECT_EQ(ErrorOf<BusyError>([&] { ask(); }),
            ask.Where() + ": it asks to wait for 7200 s. Run the command again then.");
}

TEST(ChatEndpointTest, AfterTheLastAttemptTheProblemIsTold) {
  Asked ask(Statuses({500, 500, 500, 500}));
  EXPECT_EQ(ask().problem, ask.Where() + ": after 3 attempts: it answered 500: wait a bit");
}

TEST(ChatEndpointTest, AQuestionThatIsRefusedIsNotAskedAgain) {
  Asked ask(Statuses({400}));
  EXPECT_EQ(ask().problem, ask.Where() + ": after 1 attempt: it answered 400: wait a bit");
  EXPECT_EQ(ask.server.requests().size(), 1u);
}

TEST(ChatEndpointTest, NonsenseIsTriedAgainAndTold) {
  const std::map<std::string, std::string> kReplies = {
      {"<html>", "the reply"},
      {R"({"choices": []})", "the reply: choices must be an array with an answer, but is empty"},
      {R"({"choices": [{"message": {"content": null}}]})", "content"},
      {R"({"choices": [{"message": {"content": 7}}]})", "content must be a string"},
      {R"({"error": "no"})", "choices"},
      {std::string(5000, '['), "the reply"}};
  for (const auto& [body, problem] : kReplies) {
    Asked ask([&](const httplib::Request&,
                  httplib::Response& response) { response.set_content(body, "application/json"); },
              Settings(2));
    const ChatReply reply = ask();
    EXPECT_FALSE(reply.answer) << body;
    EXPECT_THAT(reply.problem, HasSubstr(problem)) << body.substr(0, 80);
    EXPECT_LT(reply.problem.size(), 600u);
    EXPECT_EQ(ask.server.requests().size(), 2u);
  }
}

TEST(ChatEndpointTest, AFiftyMegabyteAnswerIsCutAtTheLimit) {
  constexpr size_t kSize = 50 << 20;
  std::atomic<size_t> sent = 0;
  Asked ask(
      [&](const httplib::Request&, httplib::Response& response) {
        response.set_content_provider(
            kSize, "application/json", [&](size_t, size_t length, httplib::DataSink& sink) {
              const std::string piece(std::min<size_t>(length, 65536), 'x');
              sent += piece.size();
              return sink.write(piece.data(), piece.size());
            });
      },
      Settings(1));
  EXPECT_EQ(ask().problem,
            ask.Where() + ": after 1 attempt: its answer is longer than 1048576 bytes");
  EXPECT_LT(sent, kSize / 2);
}

// A server that does not answer until the test is over.
class Silence {
 public:
  ~Silence() { End(); }
  FakeChatServer::Handler handler() {
    return [this](const httplib::Request&, httplib::Response&) {
      std::unique_lock lock(mutex_);
      over_.wait(lock, [this] { return ended_; });
    };
  }
  void End() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    over_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool ended_ = false;
};

TEST(ChatEndpointTest, ASlowServerMeetsTheTimeout) {
  Silence silence;
  ChatSettings settings = Settings(1);
  settings.timeout = 0.03;
  Asked ask(silence.handler(), settings);
  EXPECT_EQ(ask().problem,
            ask.Where() + ": after 1 attempt: no answer came within the timeout of 0.03 s");
  silence.End();
}

// Each byte comes well within the timeout, all of them do not.
TEST(ChatEndpointTest, AServerThatDripsMeetsTheTimeout) {
  ChatSettings settings = Settings(1);
  settings.timeout = 0.05;
  Asked ask(
      [](const httplib::Request&, httplib::Response& response) {
        response.set_content_provider(100'000, "application/json",
                                      [](size_t, size_t, httplib::DataSink& sink) {
                                        std::this_thread::sleep_for(std::chrono::milliseconds(5));
                                        return sink.write("x", 1);
                                      });
      },
      settings);
  EXPECT_THAT(ask().problem, HasSubstr("no answer came within the timeout of 0.05 s"));
}

TEST(ChatEndpointTest, AStopEndsARequestUnderWay) {
  Silence silence;
  std::stop_source stop;
  FakeClock clock;
  ChatSettings settings = Settings();
  settings.timeout = 600;
  FakeChatServer server([&](const httplib::Request& request, httplib::Response& response) {
    stop.request_stop();
    silence.handler()(request, response);
  });
  ChatEndpoint endpoint(server.address(), settings, clock);
  EXPECT_EQ(ErrorOf<BusyError>([&] {
              endpoint.Ask({"", "What?", {}}, "key", stop.get_token());
            }),
            "interrupted.");
  silence.End();
}

// A port of this machine where connections open and nobody answers.
class Listener {
 public:
  Listener() {
    sockaddr_in place = {};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    bind(socket_, reinterpret_cast<sockaddr*>(&place), size);
    listen(socket_, 4);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&place), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(place.sin_port));
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Resets a connection as soon as its first byte is there.
  void ResetOne() {
    const int connection = accept(socket_, nullptr, nullptr);
    char byte = 0;
    (void)!read(connection, &byte, 1);
    const linger at_once = {1, 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(connection);
  }

  std::string url;

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

const ChatQuestion kBig = {"", "What?", {{"Front", std::string(8 << 20, 'x')}}};

TEST(ChatEndpointTest, CutConnectionsAreTriedAgain) {
  Listener listener;
  std::jthread server([&] {
    for (int i = 0; i < 3; ++i) listener.ResetOne();
  });
  FakeClock clock;
  ChatEndpoint endpoint({listener.url, ""}, Settings(), clock);
  EXPECT_THAT(endpoint.Ask(kBig, "key", {}).problem,
              StartsWith("chat endpoint " + listener.url +
                         ": after 3 attempts: the connection failed or was cut ("));
  EXPECT_EQ(clock.waits().size(), 2u);
}

// The socket is shut in the middle of sending: SIGPIPE, whose default ends the process.
TEST(ChatEndpointTest, ATimeoutWhileSendingKillsNobody) {
  signal(SIGPIPE, SIG_DFL);
  Listener listener;
  FakeClock clock;
  ChatSettings settings = Settings(1);
  settings.timeout = 0.03;
  ChatEndpoint endpoint({listener.url, ""}, settings, clock);
  EXPECT_EQ(endpoint.Ask(kBig, "key", {}).problem,
            "chat endpoint " + listener.url +
                ": after 1 attempt: no answer came within the timeout of 0.03 s");
}

TEST(ChatEndpointTest, ARedirectIsRefusedAndItsTargetHearsNothing) {
  FakeChatServer elsewhere(FakeChatServer::Always("good"));
  const std::string target = elsewhere.address().url + "/chat/completions";
  Asked ask([&](const httplib::Request&, httplib::Response& response) {
    response.set_redirect(target, 307);
  });
  EXPECT_EQ(ErrorOf<ConfigError>([&] { ask(); }),
            ask.Where() + ": it redirects to \"" + target +
                "\", which is not followed: the key would go along. Set OCCVLA_CHAT_URL to the "
                "right address.");
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST(ChatEndpointTest, AKeyThatAServerEchoesIsNotRepeated) {
  const auto echo = [](const httplib::Request& request, httplib::Response& response) {
    response.status = 401;
    response.set_content("wrong: " + request.get_header_value("Authorization"), "text/plain");
  };
  Asked refused(echo);
  EXPECT_EQ(ErrorOf<ConfigError>([&] { refused(); }),
            refused.Where() +
                ": it does not accept the key in OCCVLA_CHAT_KEY; it answered 401: "
                "wrong: Bearer [key]");
  Asked answered([](const httplib::Request& request, httplib::Response& response) {
    // The key's first letter escaped, as JSON may.
    response.set_content(R"({"choices":[{"message":{"content":"it is \u0073)" +
                             request.get_header_value("Authorization").substr(8) + R"("}}]})",
                         "application/json");
  });
  EXPECT_EQ(answered().answer->text, "it is [key]");
}

TEST(ChatEndpointTest, TheBudgetOfRequestsIsNotPassed) {
  ChatSettings settings = Settings(10);
  settings.max_requests = 2;
  Asked ask(Statuses({500, 500, 500}), settings);
  EXPECT_EQ(ErrorOf<BusyError>([&] { ask(); }),
            "the budget is used up: 2 of 2 requests, 0 tokens. Raise max_requests to go on.");
  EXPECT_EQ(ask.server.requests().size(), 2u);
}

TEST(ChatEndpointTest, TheBudgetOfTokensEndsTheQuestions) {
  ChatSettings settings = Settings();
  settings.max_tokens = 1500;
  Asked ask(FakeChatServer::Always("good"), settings);
  EXPECT_TRUE(ask().answer);
  EXPECT_TRUE(ask().answer);
  EXPECT_EQ(ErrorOf<BusyError>([&] { ask(); }),
            "the budget is used up: 2 of 100 requests, 2100 of 1500 tokens. Raise max_tokens to go "
            "on.");
}

#ifdef CPPHTTPLIB_OPENSSL_SUPPORT

// A certificate of its own for 127.0.0.1.
struct Certificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();

  Certificate() {
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
  }
  ~Certificate() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : server_(made_.certificate, made_.key) {
    server_.Post("/chat/completions",
                 [this](const httplib::Request& request, httplib::Response& response) {
                   ++asked_;
                   FakeChatServer::Always("good")(request, response);
                 });
    const int port = server_.bind_to_any_port("127.0.0.1");
    url_ = "https://127.0.0.1:" + std::to_string(port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TlsTest() override {
    server_.stop();
    thread_.join();
  }
  ChatReply Ask() {
    FakeClock clock;
    return ChatEndpoint({url_, kSecret}, Settings(1), clock).Ask({"", "What?", {}}, "key", {});
  }

  Certificate made_;
  httplib::SSLServer server_;
  std::atomic<int> asked_ = 0;
  std::string url_;
  std::thread thread_;
};

TEST_F(TlsTest, ACertificateThatNobodyTrustsEndsTheRun) {
  EXPECT_THAT(ErrorOf<ConfigError>([&] { Ask(); }),
              AllOf(StartsWith("chat endpoint " + url_ + ": its certificate is not trusted ("),
                    ::testing::EndsWith("). Nothing was sent to it.")));
  EXPECT_EQ(asked_, 0);
}

TEST_F(TlsTest, ATrustedCertificateIsAsked) {
  TestFolder folder;
  FILE* file = fopen((folder / "ca.pem").c_str(), "w");
  PEM_write_X509(file, made_.certificate);
  fclose(file);
  setenv("SSL_CERT_FILE", (folder / "ca.pem").c_str(), 1);  // As OpenSSL lets everybody do.
  const ChatReply reply = Ask();
  unsetenv("SSL_CERT_FILE");
  ASSERT_TRUE(reply.answer) << reply.problem;
  EXPECT_EQ(reply.answer->text, "good");
}

#endif

class ChatAddressTest : public ::testing::Test {
 protected:
  ChatAddress Read(const std::string& file = "") {
    if (!file.empty()) WriteFileAtomically(folder_ / "chat", file);
    return ReadChatAddress(file.empty() ? std::filesystem::path() : folder_ / "chat",
                           [this](const char* name) -> const char* {
                             const auto found = environment_.find(name);
                             return found == environment_.end() ? nullptr : found->second.c_str();
                           });
  }
  TestFolder folder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(ChatAddressTest, TheFileWinsOverTheEnvironment) {
  environment_ = {{"OCCVLA_CHAT_URL", "https://a.example/v1/"}, {"OCCVLA_CHAT_KEY", kSecret}};
  EXPECT_EQ(Read().url, "https://a.example/v1");
  EXPECT_EQ(Read().key, kSecret);
  const ChatAddress mixed = Read("# mine\n\nOCCVLA_CHAT_URL = https://b.example\r\n");
  EXPECT_EQ(mixed.url, "https://b.example");
  EXPECT_EQ(mixed.key, kSecret);
}

TEST_F(ChatAddressTest, ComplaintsComeTogetherAndQuoteNothing) {
  const std::string error = ErrorOf<ConfigError>([&] {
    Read(std::string(kSecret) + "\nOCCVLA_CHAT_KEY=" + kSecret + "\nOCCVLA_CHAT_KEY=a " + kSecret +
         "\nOCCVLA_CHAT_URL=https://me:" + kSecret + "@a.example/\n");
  });
  EXPECT_EQ(error, "chat endpoint:\n  - " + (folder_ / "chat").string() +
                       ", line 1: must be OCCVLA_CHAT_URL=... or OCCVLA_CHAT_KEY=...\n  - " +
                       (folder_ / "chat").string() +
                       ", line 3: says OCCVLA_CHAT_KEY again\n"
                       "  - OCCVLA_CHAT_URL must have neither user name, query, fragment nor "
                       "blanks\n"
                       "  - OCCVLA_CHAT_KEY must be printable ASCII without blanks");
}

TEST_F(ChatAddressTest, AKeyGoesReadableToThisMachineOnly) {
  environment_ = {{"OCCVLA_CHAT_URL", "http://a.example/v1"}, {"OCCVLA_CHAT_KEY", kSecret}};
  EXPECT_EQ(ErrorOf<ConfigError>([&] { Read(); }),
            "chat endpoint:\n  - OCCVLA_CHAT_KEY would travel readable for all over http:// to "
            "another machine; use https:// or set no key");
  for (const char* url : {"http://localhost:8000/v1", "http://127.0.0.1", "http://[::1]:80/v1"}) {
    environment_["OCCVLA_CHAT_URL"] = url;
    EXPECT_EQ(Read().url, url);
  }
  environment_ = {{"OCCVLA_CHAT_URL", "http://a.example/v1"}};
  EXPECT_EQ(Read().key, "");
}

TEST_F(ChatAddressTest, UrlsThatAreNoneAreRefused) {
  EXPECT_EQ(ErrorOf<ConfigError>([&] { Read(); }),
            "chat endpoint:\n  - OCCVLA_CHAT_URL is not set: say where to ask, such as "
            "http://localhost:8000/v1");
  for (const char* url : {"ftp://a", "a.example", "https://", "https:///v1", "https://a b",
                          "https://a?x=1", "http://:80/"}) {
    environment_["OCCVLA_CHAT_URL"] = url;
    EXPECT_THAT(ErrorOf<ConfigError>([&] { Read(); }), HasSubstr("OCCVLA_CHAT_URL must")) << url;
  }
}

}  // namespace
}  // namespace occvla::label
