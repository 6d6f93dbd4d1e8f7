// The program's server with the model nano: what crosses rooms, and the examples of docs/API.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/repository.h"

#if TORCH_ROOMS

namespace occvla::tests {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

/// The program as a server of the model nano and its world.
class ServedProgram {
 public:
  explicit ServedProgram(int port = 0, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> words{PROGRAM,       "serve",      "--checkpoint",
                                   "models/nano", "--dataroot", "models/nano/world",
                                   "--version",   "v1.0-synth", "--threads",
                                   "1",           "--port",     std::to_string(port)};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    if (pipe(ends) != 0) return;
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execv(PROGRAM, argv.data());
      _exit(127);
    }
    close(ends[1]);
    std::string line;
    for (char c; read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
    close(ends[0]);
    address = line;
    if (const auto colon = line.rfind(':'); colon != line.npos)
      port_ = std::stoi(line.substr(colon + 1));
  }
  ~ServedProgram() { End(SIGKILL); }
  ServedProgram(const ServedProgram&) = delete;
  ServedProgram& operator=(const ServedProgram&) = delete;

  /// The exit code; -1 when the signal ended it.
  int End(int signal) {
    if (child_ <= 0) return -1;
    kill(child_, signal);
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int port() const { return port_; }
  httplib::Client Client() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(120);
    return client;
  }
  httplib::Result Post(const std::string& path, const Json& body) const {
    return Client().Post(path, body.dump(), "application/json");
  }

  std::string address;

 private:
  pid_t child_ = 0;
  int port_ = 0;
};

std::string FirstFrame() {
  std::string text;
  for (const auto& line : Lines("models/nano/world/v1.0-synth/sample.json")) text += line;
  return Json::parse(text)[0]["token"];
}

Json Chat(const std::string& frame, const std::string& question) {
  return {{"model", "nano"},
          {"max_tokens", 8},
          {"messages", {{{"role", "user"}, {"content", question}}}},
          {"occvla", {{"frame", frame}}}};
}

/// An ```http block of a page: "POST /path" and a body, and the ```json block that follows it.
struct Example {
  size_t line = 0;
  std::string method, path, body, reply;
};

std::vector<Example> ExamplesOf(const std::string& page) {
  std::vector<Example> examples;
  std::string* into = nullptr;
  const auto lines = Lines(page);
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto& line = lines[i];
    if (line == "```http") {
      const auto& first = lines[++i];
      const auto blank = first.find(' ');
      examples.push_back({i + 1, first.substr(0, blank), first.substr(blank + 1), "", ""});
      into = &examples.back().body;
    } else if (line == "```json" && !examples.empty() && examples.back().reply.empty()) {
      into = &examples.back().reply;
    } else if (line == "```") {
      into = nullptr;
    } else if (into != nullptr) {
      *into += line + "\n";
    }
  }
  return examples;
}

/// What `reply` lacks of what the page shows: keys at every level, and the kind of each value.
void Compare(const Json& shown, const Json& reply, const std::string& where) {
  const bool numbers = shown.is_number() && reply.is_number();
  EXPECT_TRUE(numbers || shown.type() == reply.type()) << where << " is " << reply;
  if (shown.is_object() && reply.is_object()) {
    for (const auto& [name, value] : shown.items()) {
      ASSERT_TRUE(reply.contains(name)) << where << "." << name << " is not in the reply";
      Compare(value, reply[name], where + "." + name);
    }
  }
  if (shown.is_array() && reply.is_array() && !shown.empty() && !reply.empty())
    Compare(shown[0], reply[0], where + "[0]");
}

TEST(ServeTest, TheExamplesOfThePageAreAnsweredAsItSays) {
  const auto examples = ExamplesOf("docs/API.md");
  ASSERT_GE(examples.size(), 4u);
  const ServedProgram program;
  ASSERT_NE(program.port(), 0);
  for (const auto& example : examples) {
    const auto where = "docs/API.md:" + std::to_string(example.line);
    const auto reply = example.method == "GET"
                           ? program.Client().Get(example.path)
                           : program.Client().Post(example.path, example.body, "application/json");
    ASSERT_TRUE(reply) << where;
    const auto json = Json::parse(reply->body, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << where << ": " << reply->body;
    const auto shown = Json::parse(example.reply, nullptr, false);
    ASSERT_FALSE(shown.is_discarded()) << where << " shows no JSON: " << example.reply;
    EXPECT_EQ(reply->status, shown.contains("error") ? 400 : 200) << where << ": " << reply->body;
    Compare(shown, json, where);
  }
}

TEST(ServeTest, QuestionsOnOneFrameComputeItsImagesOnce) {
  const ServedProgram program;
  Json questions = Json::array();
  for (int i = 0; i < 8; ++i) questions.push_back("Question " + std::to_string(i) + "?");
  const auto reply = program.Post(
      "/v1/predict",
      {{"frame", FirstFrame()}, {"questions", questions}, {"drive", false}, {"max_tokens", 2}});
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 200) << reply->body;
  int cached = 0;
  const auto json = Json::parse(reply->body);
  for (const auto& answer : json["answers"])
    cached += answer["timings"]["frame_cached"].get<bool>();
  EXPECT_EQ(cached, 7);
}

TEST(ServeTest, SampledAnswersRepeatByTheirSeedWhateverCameBetween) {
  const ServedProgram program;
  const auto ask = [&](int seed) {
    auto body = Chat(FirstFrame(), "Predict the next meta action.");
    body["temperature"] = 1.8;
    body["seed"] = seed;
    body["max_tokens"] = 12;
    return Json::parse(program.Post("/v1/chat/completions", body)->body)["choices"][0]["message"];
  };
  const auto first = ask(3);
  EXPECT_NE(ask(4), first);
  EXPECT_EQ(ask(3), first);
}

// Small load: good requests, clients that leave, broken and oversized bodies at the same time.
TEST(ServeTest, EveryRequestIsAnsweredOrRefusedByARule) {
  ServedProgram program(0, {"--max-body", "1"});
  const auto frame = FirstFrame();
  std::atomic<int> answered{0}, refused{0}, wrong{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 12; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < 8; ++i) {
        const int kind = (c + i) % 6;
        auto body = Chat(frame, "Question " + std::to_string(c));
        body["stream"] = kind == 1 || kind == 2;
        auto text = body.dump();
        if (kind == 3) text.resize(text.size() / 2);
        if (kind == 4) text = std::string(2 << 20, ' ');
        auto client = program.Client();
        if (kind == 2) {  // Leaves before the answer.
          client.set_read_timeout(0, 20000);
          client.Post("/v1/chat/completions", text, "application/json");
          continue;
        }
        const auto reply = client.Post("/v1/chat/completions", text, "application/json");
        const int status = reply ? reply->status : 0;
        if (status == 200 || status == 429) {
          ++answered;
        } else if ((kind == 3 && status == 400) || (kind == 4 && (status == 413 || status == 0))) {
          ++refused;  // 0: the reply was lost to a client that was still sending.
        } else {
          ++wrong;
        }
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(refused, 2 * 16);
  EXPECT_GE(answered, 16);
  EXPECT_EQ(program.End(SIGTERM), 0);
}

TEST(ServeTest, AServerThatIsKilledLeavesItsPortToTheNext) {
  ServedProgram first;
  const int port = first.port();
  std::thread asking([&] {
    auto body = Chat(FirstFrame(), "Predict the next meta action.");
    body["max_tokens"] = 200;
    const auto reply = first.Post("/v1/chat/completions", body);
    EXPECT_TRUE(!reply || reply->status == 200);
  });
  EXPECT_EQ(first.End(SIGKILL), -1);
  asking.join();
  const ServedProgram second(port);
  EXPECT_EQ(second.port(), port);
  EXPECT_EQ(second.Post("/v1/chat/completions", Chat(FirstFrame(), "Why?"))->status, 200);
}

}  // namespace
}  // namespace occvla::tests

#endif
