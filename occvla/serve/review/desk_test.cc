#include "occvla/serve/review/desk.h"

// Before httplib, whose system headers define names that Eigen has.
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/nuscenes/test_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/sqlite.h"
#include "occvla/base/test_folder.h"
#include "occvla/serve/review/routes.h"

namespace occvla::serve::review {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::TestDataset;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kProposed = "Maintain speed, Go Straight";

/// Twelve keyframes in two scenes, all proposed as kProposed, and a server that shows them.
class ReviewDeskTest : public ::testing::Test {
 protected:
  ReviewDeskTest() {
    TestDataset made;
    std::vector<data::nuscenes::TestPlace> places;
    for (int i = 0; i < 6; ++i) places.push_back({5.0 * i, 0, 0});
    made.AddScene("scene-0001", places);
    made.AddScene("scene-0002", places);
    made.WriteTables(folder_.path(), "v1.0-made");
    std::string labels, evidence;
    for (size_t i = 0; i < 12; ++i) {
      tokens_.push_back(TestDataset::Token("sample", i));
      labels += (i == 0 ? "{\"" : ", \"") + tokens_[i] + "\": \"" + kProposed + "\"";
    }
    TestDataset::Write(folder_ / "proposed.json", labels + "}");
    TestDataset::Write(folder_ / "proposed.evidence.json",
                       R"({"labels": {")" + tokens_[0] + R"(": {"confidence": 0.5}}})");
  }

  std::unique_ptr<Desk> OpenDesk() {
    data::nuscenes::DatasetOptions options;
    options.dataroot = folder_.path();
    options.version = "v1.0-made";
    options.cache = data::nuscenes::CacheUse::kNone;
    const auto dataset = std::make_shared<const Dataset>(Dataset::Open(options));
    return std::make_unique<Desk>(dataset,
                                  DeskOptions{.store = folder_ / "review.sqlite",
                                              .labels = folder_ / "proposed.json",
                                              .now_ms = [] { return int64_t{1'800'000'000'000}; }});
  }

  TestFolder folder_;
  std::vector<std::string> tokens_;
};

class Serving {
 public:
  explicit Serving(Desk& desk) {
    AddReviewRoutes(server_, desk);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Serving() {
    server_.stop();
    thread_.join();
  }
  int port() const { return port_; }

 private:
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

struct Answer {
  int status = 0;
  json body;
};

Answer Get(int port, const std::string& path) {
  httplib::Client client("127.0.0.1", port);
  const auto result = client.Get(path);
  return {result->status, json::parse(result->body)};
}

Answer Post(int port, const std::string& token, const std::string& body) {
  httplib::Client client("127.0.0.1", port);
  const auto result = client.Post("/v1/review/items/" + token, body, "application/json");
  if (!result) return {};
  return {result->status, json::parse(result->body)};
}

std::string Accept() {
  return json{{"verdict", "accept"}, {"proposed", kProposed}, {"who", "Ada"}}.dump();
}
std::string Change(const std::string& label) {
  return json{{"verdict", "change"}, {"proposed", kProposed}, {"changed_to", label}, {"who", "Ada"}}
      .dump();
}

TEST_F(ReviewDeskTest, TheListTellsWhatIsProposedAndDecided) {
  const auto desk = OpenDesk();
  const Serving serving(*desk);
  EXPECT_EQ(Post(serving.port(), tokens_[3], Change("Decelerate, Stop")).status, 200);
  const auto all = Get(serving.port(), "/v1/review/items");
  EXPECT_EQ(all.body["total"], 12);
  EXPECT_EQ(all.body["items"][3], (json{{"token", tokens_[3]},
                                        {"scene", "scene-0001"},
                                        {"index", 3},
                                        {"proposed", kProposed},
                                        {"verdict", "change"},
                                        {"label", "Decelerate, Stop"},
                                        {"who", "Ada"},
                                        {"comments", 0}}));
  EXPECT_EQ(all.body["items"][6]["index"], 0);
  EXPECT_EQ(all.body["items"][6]["scene"], "scene-0002");
  EXPECT_EQ(
      all.body["progress"],
      (json{{"keyframes", 12}, {"decided", 1}, {"accepted", 0}, {"changed", 1}, {"commented", 0}}));
  const auto page = Get(serving.port(), "/v1/review/items?status=undecided&offset=2&limit=3");
  EXPECT_EQ(page.body["total"], 11);
  ASSERT_EQ(page.body["items"].size(), 3u);
  EXPECT_EQ(page.body["items"][0]["token"], tokens_[2]);
  EXPECT_EQ(page.body["items"][1]["token"], tokens_[4]);
  EXPECT_EQ(Get(serving.port(), "/v1/review/items?who=Ben").body["total"], 0);
}

TEST_F(ReviewDeskTest, AnItemHasItsEvidenceItsHistoryAndTheSceneRoute) {
  const auto desk = OpenDesk();
  const Serving serving(*desk);
  Post(serving.port(), tokens_[0], Change("Decelerate, Stop"));
  Post(
      serving.port(), tokens_[0],
      R"({"verdict": "undo", "proposed": "Maintain speed, Go Straight", "comment": "hm", "who": "Ben"})");
  const auto item = Get(serving.port(), "/v1/review/items/" + tokens_[0]).body;
  EXPECT_EQ(item["verdict"], "undecided");
  EXPECT_EQ(item["evidence"], (json{{"confidence", 0.5}}));
  ASSERT_EQ(item["history"].size(), 2u);
  EXPECT_EQ(item["history"][0]["changed_to"], "Decelerate, Stop");
  EXPECT_EQ(item["history"][1]["comment"], "hm");
  EXPECT_EQ(item["history"][1]["who"], "Ben");
  EXPECT_EQ(item["frames"], 6);
  const auto later = Get(serving.port(), "/v1/review/items/" + tokens_[2]).body;
  EXPECT_EQ(later["evidence"], nullptr);
  EXPECT_EQ(later["route"][0], (json{-10.0, 0.0}));
  EXPECT_EQ(later["route"][5], (json{15.0, 0.0}));
}

TEST_F(ReviewDeskTest, TenReviewedLabelsAreInTheStoreAfterARestart) {
  {
    const auto desk = OpenDesk();
    const Serving serving(*desk);
    for (size_t i = 0; i < 10; ++i) {
      const auto answer =
          Post(serving.port(), tokens_[i], i % 5 == 4 ? Change("Accelerate, Turn Left") : Accept());
      ASSERT_EQ(answer.status, 200);
      EXPECT_EQ(answer.body["progress"]["decided"], i + 1);
    }
  }
  const auto desk = OpenDesk();
  const Serving serving(*desk);
  const auto list = Get(serving.port(), "/v1/review/items").body;
  EXPECT_EQ(list["progress"]["accepted"], 8);
  EXPECT_EQ(list["progress"]["changed"], 2);
  EXPECT_EQ(list["items"][4]["label"], "Accelerate, Turn Left");
  EXPECT_EQ(list["items"][10]["verdict"], "undecided");
}

TEST_F(ReviewDeskTest, WhatIsWrongWithARequestIsSaidWithItsField) {
  const auto desk = OpenDesk();
  const Serving serving(*desk);
  const auto refused = [&](const std::string& body, const std::string& param,
                           const std::string& text) {
    const auto answer = Post(serving.port(), tokens_[0], body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body["error"]["message"].get<std::string>(), HasSubstr(text)) << body;
    EXPECT_EQ(answer.body["error"]["param"], param.empty() ? json(nullptr) : json(param)) << body;
  };
  refused("{", "", "body");
  refused("[]", "", "the body must be an object");
  refused(R"({"verdict": "accept", "proposed": "Maintain speed, Go Straight"})", "who",
          "who is missing.");
  refused(R"({"verdict": "yes"})", "verdict",
          "verdict must be accept, change, comment or undo, but is \"yes\".");
  refused(R"({"verdict": 1})", "verdict", "verdict must be a text.");
  refused(R"({"verdict": "accept", "proposed": "maintain speed, go straight"})", "proposed",
          "proposed must be a label such as");
  refused(R"({"path": "/etc"})", "path", "\"path\" is no field of a judgement.");
  refused(Change(kProposed), "", "is an acceptance");
  refused(json{{"verdict", "undo"}, {"proposed", kProposed}, {"who", "Ada"}}.dump(), "",
          "nothing is decided, so nothing can be undone");
  EXPECT_EQ(Get(serving.port(), "/v1/review/items?limit=0").body["error"]["param"], "limit");
  EXPECT_EQ(Get(serving.port(), "/v1/review/items?status=new").body["error"]["param"], "status");
  EXPECT_EQ(Get(serving.port(), "/v1/review/items").body["progress"]["decided"], 0);
}

TEST_F(ReviewDeskTest, AnUnknownKeyFrameAndAProposalOfYesterdayAreRefused) {
  const auto desk = OpenDesk();
  const Serving serving(*desk);
  const std::string unknown(32, 'a');
  EXPECT_EQ(Get(serving.port(), "/v1/review/items/" + unknown).status, 404);
  EXPECT_EQ(Post(serving.port(), unknown, Accept()).status, 404);
  const auto stale = Post(serving.port(), tokens_[0],
                          R"({"verdict": "accept", "proposed": "Decelerate, Stop", "who": "Ada"})");
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.body["error"]["param"], "proposed");
}

TEST_F(ReviewDeskTest, NothingAboutTheMachineIsTold) {
  const auto desk = OpenDesk();
  const Serving serving(*desk);
  Sqlite(folder_ / "review.sqlite", {}, Sqlite::Missing::kRefuse, 1000).Run("DROP TABLE decision");
  const auto answer = Post(serving.port(), tokens_[0], Accept());
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body["error"]["message"],
            "The review store or the data set cannot be used. Nothing was kept.");
}

TEST_F(ReviewDeskTest, ManyReviewersAtOnceLoseNothing) {
  const auto desk = OpenDesk();
  const Serving serving(*desk);
  std::vector<std::thread> people;
  std::atomic<int> kept = 0;
  for (size_t person = 0; person < 4; ++person) {
    people.emplace_back([&, person] {
      for (size_t i = person; i < 12; i += 4) {
        if (Post(serving.port(), tokens_[i], Accept()).status == 200) ++kept;
        (void)Get(serving.port(), "/v1/review/items");
      }
    });
  }
  for (auto& person : people) person.join();
  EXPECT_EQ(kept, 12);
  EXPECT_EQ(Get(serving.port(), "/v1/review/items").body["progress"]["accepted"], 12);
}

TEST_F(ReviewDeskTest, LabelsOfOtherKeyFramesAreNoProposals) {
  TestDataset::Write(folder_ / "proposed.json",
                     R"({")" + std::string(32, 'f') + R"(": "Decelerate, Stop"})");
  try {
    (void)OpenDesk();
    FAIL() << "a desk without work was opened";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("proposed.json: proposes nothing for the keyframes of split "
                          "all. Make proposals with `occvla label meta-actions`."));
  }
}

#if defined(__SANITIZE_THREAD__)
constexpr bool kForks = false;  // The sanitizer's own threads do not survive a fork.
#else
constexpr bool kForks = true;
#endif

TEST_F(ReviewDeskTest, AKillLosesNoLabelThatWasAcknowledged) {
  if (!kForks) GTEST_SKIP() << "a server is forked, which this sanitizer does not follow";
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto desk = OpenDesk();
    httplib::Server server;
    AddReviewRoutes(server, *desk);
    const int port = server.bind_to_any_port("127.0.0.1");
    if (::write(ends[1], &port, sizeof(port)) != sizeof(port)) ::_exit(1);
    server.listen_after_bind();
    ::_exit(0);
  }
  int port = 0;
  ASSERT_EQ(::read(ends[0], &port, sizeof(port)), static_cast<ssize_t>(sizeof(port)));
  std::atomic<size_t> acknowledged = 0;
  std::thread killer([&] {
    while (acknowledged < 5) std::this_thread::yield();
    ::kill(child, SIGKILL);
  });
  std::vector<std::string> known;
  for (const std::string& token : tokens_) {
    if (Post(port, token, Accept()).status != 200) break;
    known.push_back(token);
    ++acknowledged;
  }
  killer.join();
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_GE(known.size(), 5u);
  const auto desk = OpenDesk();
  for (const std::string& token : known) EXPECT_EQ((*desk->Item(token))["verdict"], "accept");
}

}  // namespace
}  // namespace occvla::serve::review
