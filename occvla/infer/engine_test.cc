#include "occvla/infer/engine.h"

#include <future>
#include <latch>
#include <thread>

#include "occvla/data/meta_action.h"
#include "occvla/infer/test_checkpoints.h"

namespace occvla::infer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Holds the engine's thread inside a request until it is let go.
class Held {
 public:
  explicit Held(Engine& engine) {
    auto request = Question("hold");
    request.on_text = [this](std::string_view) {
      if (!std::exchange(entered_, true)) {
        begun_.count_down();
        go_.wait();
      }
    };
    reply_ = engine.Submit(std::move(request));
    begun_.wait();
  }
  data::Prediction LetGo() {
    go_.count_down();
    return reply_.get();
  }

 private:
  bool entered_ = false;
  std::latch begun_{1}, go_{1};
  std::future<data::Prediction> reply_;
};

TEST(EngineTest, SameRequestSameReply) {
  Engine a(TinyFolder()), b(TinyFolder());
  const auto first = Ask(a, Question("Where to?"));
  ExpectSameAnswer(first, Ask(a, Question("Where to?")));
  ExpectSameAnswer(first, Ask(b, Question("Where to?")));
  EXPECT_EQ(first.token, "noise1");
  EXPECT_FALSE(first.token_ids.empty());
  EXPECT_EQ(first.timings.new_tokens, static_cast<int64_t>(first.token_ids.size()));
  EXPECT_NE(Ask(a, Question("Why?")).text, first.text);
  EXPECT_NE(Ask(a, Question("Where to?", NoiseFrame(2))).trajectory_E, first.trajectory_E);
}

TEST(EngineTest, GreedyAnswersRepeatWhateverTheSeed) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  request.sampling.temperature = 0;
  const auto first = Ask(engine, request);
  request.sampling.seed = 2;
  ExpectSameAnswer(first, Ask(engine, request));
}

TEST(EngineTest, SampledAnswersRepeatByTheirSeed) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  request.sampling = {.temperature = 3, .top_p = 0.95, .seed = 3};
  const auto first = Ask(engine, request);
  ExpectSameAnswer(first, Ask(engine, request));
  request.sampling.seed = 4;
  EXPECT_NE(Ask(engine, request).token_ids, first.token_ids);
}

TEST(EngineTest, StreamedPiecesAreTheText) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  std::string streamed;
  request.on_text = [&](std::string_view piece) { streamed += piece; };
  const auto reply = Ask(engine, request);
  EXPECT_EQ(streamed, reply.text);
  EXPECT_FALSE(streamed.empty());
}

TEST(EngineTest, StopWordEndsTheAnswer) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  const auto whole = Ask(engine, request);
  ASSERT_GT(whole.text.size(), 4u);
  EXPECT_THAT(whole.flags, Contains("stopped_at_max_tokens"));
  request.stop = {whole.text.substr(2, 2)};
  const auto stopped = Ask(engine, request);
  EXPECT_EQ(stopped.text, whole.text.substr(0, whole.text.find(request.stop[0])));
  EXPECT_THAT(stopped.flags, Not(Contains("stopped_at_max_tokens")));
}

TEST(EngineTest, CancelledBeforeItsTurnItDoesNotRun) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  request.on_text = [](std::string_view) { ADD_FAILURE() << "it ran"; };
  request.cancelled = std::make_shared<std::atomic<bool>>(true);
  EXPECT_EQ(MessageOf<BusyError>([&] { Ask(engine, request); }), "the request was cancelled");
}

TEST(EngineTest, CancelledWhileItAnswersItStopsAtTheNextToken) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  request.cancelled = std::make_shared<std::atomic<bool>>(false);
  int pieces = 0;
  request.on_text = [&](std::string_view) {
    ++pieces;
    request.cancelled->store(true);
  };
  EXPECT_THAT(MessageOf<BusyError>([&] { Ask(engine, request); }),
              StartsWith("the request was cancelled"));
  EXPECT_EQ(pieces, 1);
  Engine fresh(TinyFolder());
  ExpectSameAnswer(Ask(engine, Question("Why?")), Ask(fresh, Question("Why?")));
}

// A cancelled pass must leave no half-filled cache to the next request.
TEST(EngineTest, CancelledInAnyPhaseItLeavesTheEngineFit) {
  Engine engine(TinyFolder()), fresh(TinyFolder());
  const auto want = Ask(fresh, Question("Why?"));
  for (const std::string phase : {"vision", "prefill", "answer", "occupancy"}) {
    auto request = Question("Where to?", NoiseFrame(2));
    request.occupancy = phase == "occupancy";
    request.cancelled = std::make_shared<std::atomic<bool>>(false);
    request.on_progress = [&](std::string_view where, int64_t, int64_t) {
      if (where == phase) request.cancelled->store(true);
    };
    EXPECT_THAT(MessageOf<BusyError>([&] { Ask(engine, request); }),
                StartsWith("the request was cancelled"))
        << phase;
    ExpectSameAnswer(Ask(engine, Question("Why?")), want);
  }
}

TEST(EngineTest, ProgressCountsEachPhaseToItsEnd) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  request.occupancy = true;
  std::map<std::string, std::vector<int64_t>> done;
  request.on_progress = [&](std::string_view phase, int64_t count, int64_t total) {
    EXPECT_LE(count, total);
    done[std::string(phase)].push_back(count);
  };
  const auto reply = Ask(engine, request);
  EXPECT_THAT(done["vision"], ElementsAre(1, 2));
  EXPECT_THAT(done["prefill"], ElementsAre(1, 2, 3));
  EXPECT_THAT(done["occupancy"], ElementsAre(1, 2, 3));
  EXPECT_GE(done["answer"].size() + 1, reply.token_ids.size());
}

TEST(EngineTest, FullQueueRefusesAtOnce) {
  Engine engine(TinyFolder(), {.mask = {}, .queue = 1});
  Held held(engine);
  auto waiting = engine.Submit(Question("second"));
  EXPECT_EQ(MessageOf<BusyError>([&] { engine.Submit(Question("third")); }),
            "the engine's queue is full; try again later");
  held.LetGo();
  EXPECT_FALSE(waiting.get().text.empty());
}

TEST(EngineTest, DestructorFinishesTheRunningRequestAndFailsTheQueuedOnes) {
  auto engine = std::make_unique<Engine>(TinyFolder());
  Held held(*engine);
  auto second = engine->Submit(Question("second")), third = engine->Submit(Question("third"));
  std::thread end([&] { engine.reset(); });
  for (auto* queued : {&second, &third}) {
    EXPECT_EQ(MessageOf<BusyError>([&] { queued->get(); }),
              "the engine stopped before this request's turn");
  }
  EXPECT_FALSE(held.LetGo().text.empty());
  end.join();
}

TEST(EngineTest, RepliesComeInTheOrderOfSubmission) {
  Engine engine(TinyFolder());
  std::vector<int> order;
  std::vector<std::future<data::Prediction>> replies;
  for (int i = 0; i < 5; ++i) {
    auto request = Question("question " + std::to_string(i));
    request.on_text = [&order, i](std::string_view) {
      if (order.empty() || order.back() != i) order.push_back(i);
    };
    replies.push_back(engine.Submit(std::move(request)));
  }
  for (auto& reply : replies) reply.get();
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST(EngineTest, ManyThreadsEachGetTheirOwnAnswer) {
  Engine engine(TinyFolder());
  std::vector<data::Prediction> alone;
  const auto question = [](int i) {
    return Question("question " + std::to_string(i), NoiseFrame(static_cast<uint64_t>(i % 2)));
  };
  for (int i = 0; i < 8; ++i) alone.push_back(Ask(engine, question(i)));
  std::vector<data::Prediction> together(8);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] { together[static_cast<size_t>(i)] = Ask(engine, question(i)); });
    }
  }
  for (size_t i = 0; i < 8; ++i) ExpectSameAnswer(alone[i], together[i]);
}

// What goes wrong with one request stays with it, and leaves nothing of it behind.
TEST(EngineTest, ErrorBelongsToItsRequestAlone) {
  Engine engine(TinyFolder()), fresh(TinyFolder());
  Ask(engine, Question("Where to?"));
  auto bad = Question("Where to?", NoiseFrame(2));
  bad.frame.images[3].bytes = "no image";
  EXPECT_THAT(MessageOf<DataError>([&] { Ask(engine, bad); }),
              StartsWith("frame noise2: 1 of 6 images cannot be used:\n  - noise2/CAM_BACK"));
  bad.frame.images[3] = {.path = "no/such/file.png", .bytes = {}, .camera = {}};
  EXPECT_THAT(MessageOf<DataError>([&] { Ask(engine, bad); }), HasSubstr("no/such/file.png"));
  ExpectSameAnswer(Ask(engine, Question("Why?")), Ask(fresh, Question("Why?")));
}

TEST(EngineTest, ExceptionOfACallerReachesTheCaller) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  request.on_text = [](std::string_view) { throw std::runtime_error("no room"); };
  EXPECT_EQ(MessageOf<std::runtime_error>([&] { Ask(engine, request); }), "no room");
  EXPECT_FALSE(Ask(engine, Question("Where to?")).text.empty());
}

TEST(EngineTest, PlannerSaysWhichInputsItDidNotHave) {
  Engine engine(TinyFolder());
  auto request = Question("");
  const auto blind = Ask(engine, request);
  EXPECT_THAT(blind.flags, Contains("planner_without_velocity"));
  EXPECT_THAT(blind.flags, Contains("planner_without_past_positions"));
  request.frame.ego.velocity_E = {8.0, 0.0};
  request.frame.ego.past_positions_E = {{-4, 0}, {-8, 0}, {-12, 0}, {-16, 0}};
  const auto seeing = Ask(engine, request);
  EXPECT_THAT(seeing.flags, Not(Contains(StartsWith("planner_without"))));
  EXPECT_NE(seeing.trajectory_E, blind.trajectory_E);
  EXPECT_TRUE(seeing.timings.frame_cached);
}

TEST(EngineTest, MetaActionFallsBackToThePastAndThenToTheDefault) {
  Engine engine(TinyFolder());
  auto request = Question("");
  const auto none = Ask(engine, request);
  EXPECT_EQ(none.meta_action, data::MetaAction{});
  EXPECT_THAT(none.flags, Contains("meta_action_fallback_default"));
  const data::MetaAction newest{data::Velocity::kDecelerate, data::Direction::kStop};
  request.frame.ego.past_meta_actions = {{}, newest};
  const auto past = Ask(engine, request);
  EXPECT_EQ(past.meta_action, newest);
  EXPECT_THAT(past.flags, Contains("meta_action_fallback_past"));
  EXPECT_NE(past.trajectory_E, none.trajectory_E);
}

TEST(EngineTest, ConstrainedAnswerNamesALegalMetaAction) {
  Engine engine(TinyFolder());
  for (const double temperature : {0.0, 2.0}) {
    auto request = Question("");
    request.constrain_meta_action = true;
    request.max_new_tokens = 60;
    request.sampling.temperature = temperature;
    const auto reply = Ask(engine, request);
    EXPECT_THAT(reply.flags, Not(Contains(StartsWith("meta_action_fallback"))));
    EXPECT_THAT(reply.flags, Not(Contains("stopped_at_max_tokens")));
    ASSERT_TRUE(reply.meta_action);
    EXPECT_TRUE(reply.text.ends_with("Meta action: " + data::ToString(*reply.meta_action)))
        << reply.text;
  }
}

TEST(EngineTest, WithoutTextItStillPlans) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?");
  request.text = false;
  const auto reply = Ask(engine, request);
  EXPECT_EQ(reply.text, "");
  EXPECT_THAT(reply.token_ids, IsEmpty());
  EXPECT_TRUE(reply.trajectory_E);
  EXPECT_EQ(reply.timings.decode_ms, 0);
  request.text = true;
  request.trajectory = false;
  EXPECT_FALSE(Ask(engine, request).trajectory_E);
}

TEST(EngineTest, RefusesWhatItCannotDo) {
  const auto& folder = CheckpointFolder("bare", TinyWithoutOccupancy());
  Engine engine(folder, {.max_text_tokens = 32, .mask = {}});
  const auto refusal = [&](auto change) {
    auto request = Question("Where to?");
    change(request);
    return MessageOf<ConfigError>([&] { Ask(engine, request); });
  };
  EXPECT_EQ(refusal([](Request& r) { r.occupancy = true; }),
            "occupancy is asked for, but " + folder.string() +
                " has no occupancy branch. Take an OccVLA checkpoint, or make one with occvla "
                "convert hf.");
  EXPECT_EQ(refusal([](Request& r) { r.max_new_tokens = 0; }),
            "max_new_tokens must be at least 1, is 0");
  EXPECT_THAT(refusal([](Request& r) { r.prompt = "q w x z q w x z q w x z q w x z q w x z"; }),
              ::testing::MatchesRegex(
                  "the prompt has [0-9]+ tokens and 6 more are asked for, but the cache has room "
                  "for 32. Shorten the prompt, ask for fewer tokens, or raise max_text_tokens."));
  EXPECT_EQ(refusal([](Request& r) { r.sampling.temperature = -1; }),
            "temperature must be 0 or above, is -1.000000");
  EXPECT_EQ(refusal([](Request& r) { r.sampling.temperature = NAN; }),
            "temperature must be 0 or above, is nan");
  EXPECT_EQ(refusal([](Request& r) { r.sampling.top_p = 0; }),
            "top_p must be above 0 and at most 1, is 0.000000");
  EXPECT_EQ(refusal([](Request& r) { r.sampling.top_p = 1.5; }),
            "top_p must be above 0 and at most 1, is 1.500000");
  EXPECT_FALSE(Ask(engine, Question("Where to?")).text.empty());
}

}  // namespace
}  // namespace occvla::infer
