#include "occvla/serve/dispatcher.h"

#include <gmock/gmock.h>

#include <latch>
#include <mutex>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/serve/test_service.h"

namespace occvla::serve {
namespace {

using ::testing::ElementsAre;

infer::Request On(const std::string& key, const std::string& prompt) {
  infer::Request request;
  request.frame_key = key;
  request.prompt = prompt;
  request.cancelled = std::make_shared<std::atomic<bool>>(false);
  return request;
}

// An engine that notes what it was asked, and whose first request waits until it is let go.
class HeldEngine {
 public:
  FakeEngine::Answer answer() {
    return [this](const infer::Request& request) {
      {
        std::lock_guard lock(mutex_);
        asked_.push_back(request.prompt);
      }
      if (asked_.size() == 1) {
        begun_.count_down();
        go_.wait();
      }
      if (*request.cancelled) throw BusyError("cancelled inside");
      return FakeEngine::Echo(request);
    };
  }
  void AwaitFirst() { begun_.wait(); }
  void LetGo() { go_.count_down(); }
  std::vector<std::string> asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::latch begun_{1}, go_{1};
  std::vector<std::string> asked_;
};

// Where outcomes go.
struct Outcomes {
  std::mutex mutex;
  int done = 0, failed = 0;
  std::function<void(size_t, Outcome)> sink() {
    return [this](size_t, const Outcome& outcome) {
      std::lock_guard lock(mutex);
      ++(outcome.error ? failed : done);
    };
  }
};

TEST(DispatcherTest, RequestsOnOneFrameGoOneAfterTheOther) {
  HeldEngine held;
  FakeEngine engine(held.answer());
  Outcomes outcomes;
  Dispatcher dispatcher(engine.call());
  dispatcher.Submit({On("a", "a1")}, outcomes.sink());
  held.AwaitFirst();
  for (const auto* prompt : {"b1", "a2", "b2", "a3"})
    dispatcher.Submit({On(std::string(1, *prompt), prompt)}, outcomes.sink());
  held.LetGo();
  dispatcher.Close();
  EXPECT_EQ(dispatcher.Drain(10), 0u);
  EXPECT_THAT(held.asked(), ElementsAre("a1", "b1", "b2", "a2", "a3"));
  EXPECT_EQ(outcomes.done, 5);
}

TEST(DispatcherTest, AFrameDoesNotKeepOthersWaiting) {
  HeldEngine held;
  FakeEngine engine(held.answer());
  Outcomes outcomes;
  Dispatcher dispatcher(engine.call(), {.in_a_row = 2});
  dispatcher.Submit({On("a", "a1")}, outcomes.sink());
  held.AwaitFirst();
  dispatcher.Submit({On("a", "a2"), On("b", "b1"), On("c", "c1"), On("b", "b2"), On("b", "b3")},
                    outcomes.sink());
  held.LetGo();
  dispatcher.Close();
  dispatcher.Drain(10);
  EXPECT_THAT(held.asked(), ElementsAre("a1", "b1", "b2", "a2", "c1", "b3"));
}

TEST(DispatcherTest, WhatDoesNotFitInIsRefusedAsAWhole) {
  HeldEngine held;
  FakeEngine engine(held.answer());
  Outcomes outcomes;
  Dispatcher dispatcher(engine.call(), {.waiting = 2});
  dispatcher.Submit({On("a", "a1")}, outcomes.sink());
  held.AwaitFirst();
  dispatcher.Submit({On("a", "a2")}, outcomes.sink());
  EXPECT_THROW(dispatcher.Submit({On("a", "a3"), On("a", "a4")}, outcomes.sink()), BusyError);
  EXPECT_EQ(dispatcher.state().waiting, 1u);
  EXPECT_EQ(dispatcher.state().refused, 2u);
  held.LetGo();
  dispatcher.Close();
  dispatcher.Drain(10);
  EXPECT_EQ(outcomes.done, 2);
  EXPECT_THROW(dispatcher.Submit({On("a", "late")}, outcomes.sink()), BusyError);
}

TEST(DispatcherTest, WhoLeftMakesRoomAndNeverReachesTheEngine) {
  HeldEngine held;
  FakeEngine engine(held.answer());
  Outcomes outcomes;
  Dispatcher dispatcher(engine.call(), {.waiting = 1});
  dispatcher.Submit({On("a", "a1")}, outcomes.sink());
  held.AwaitFirst();
  auto leaving = On("a", "a2");
  const auto cancelled = leaving.cancelled;
  dispatcher.Submit({leaving}, outcomes.sink());
  EXPECT_THROW(dispatcher.Submit({On("a", "a3")}, outcomes.sink()), BusyError);
  *cancelled = true;
  dispatcher.Submit({On("a", "a3")}, outcomes.sink());
  held.LetGo();
  dispatcher.Close();
  dispatcher.Drain(10);
  EXPECT_THAT(held.asked(), ElementsAre("a1", "a3"));
  EXPECT_EQ(outcomes.failed, 1);
  EXPECT_EQ(dispatcher.state().cancelled, 1u);
}

TEST(DispatcherTest, DrainingWithoutTimeFailsWhatWaitsAndCancelsWhatRuns) {
  HeldEngine held;
  FakeEngine engine(held.answer());
  Outcomes outcomes;
  Dispatcher dispatcher(engine.call());
  auto running = On("a", "a1");
  dispatcher.Submit({running}, outcomes.sink());
  held.AwaitFirst();
  dispatcher.Submit({On("a", "a2"), On("b", "b1")}, outcomes.sink());
  dispatcher.Close();
  std::thread let_go([&] {
    while (!*running.cancelled) std::this_thread::yield();
    held.LetGo();
  });
  EXPECT_EQ(dispatcher.Drain(0), 3u);
  let_go.join();
  EXPECT_EQ(outcomes.failed, 3);
  EXPECT_THAT(held.asked(), ElementsAre("a1"));
}

TEST(DispatcherTest, CountsWhatTheEngineSays) {
  FakeEngine engine([](const infer::Request& request) {
    auto prediction = FakeEngine::Echo(request);
    prediction.timings.frame_cached = request.prompt == "again";
    if (request.prompt == "bad") throw DataError("bad");
    return prediction;
  });
  Outcomes outcomes;
  Dispatcher dispatcher(engine.call());
  dispatcher.Submit({On("a", "first"), On("a", "again"), On("a", "bad")}, outcomes.sink());
  dispatcher.Close();
  dispatcher.Drain(10);
  const auto state = dispatcher.state();
  EXPECT_EQ(state.done, 2u);
  EXPECT_EQ(state.failed, 1u);
  EXPECT_EQ(state.frames_seen, 1u);
  EXPECT_EQ(state.frames_cached, 1u);
  EXPECT_EQ(state.new_tokens, 14u);
}

}  // namespace
}  // namespace occvla::serve
