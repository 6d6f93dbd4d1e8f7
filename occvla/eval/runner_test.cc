#include "occvla/eval/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla::eval {
namespace {

using ::testing::HasSubstr;

class RunnerTest : public testing::Test {
 protected:
  RunSource Source(size_t frames = 7) {
    return {.frames = frames,
            .frame =
                [](size_t index) {
                  data::Frame frame;
                  frame.token = Token(index);
                  if (index == 2)
                    frame.questions = {{"How many cars?", "3", "nuscenes-qa/count/1"},
                                       {"What is there?", "a road", "omnidrive/conversation"}};
                  return frame;
                },
            .token = Token,
            .identity = "one"};
  }
  static std::string Token(size_t index) { return "t" + std::to_string(index); }
  Reply Ask(const data::Frame& frame) {
    asked_.push_back(frame.token);
    Reply reply;
    if (frame.token != "t4") reply.prediction.trajectory_E.emplace();
    if (reply.prediction.trajectory_E) (*reply.prediction.trajectory_E)[5] = {0.1, 1e-7};
    reply.prediction.meta_action = data::MetaAction{};
    reply.prediction.text = "line\n\"" + frame.token + "\"";
    for (const auto& question : frame.questions) reply.answers.push_back(question.answer + "!");
    return reply;
  }
  size_t Run(const std::filesystem::path& folder, RunOptions options = {}, size_t frames = 7) {
    return RunModel(
        Source(frames), [this](const data::Frame& f) { return Ask(f); }, options, folder);
  }
  std::string Text(const std::filesystem::path& path) { return ReadTextFile(path); }

  TestFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path() / "run";
  std::vector<std::string> asked_;
};

TEST_F(RunnerTest, AsksOnceAndCollectsInTheOrderOfTheKeyframes) {
  EXPECT_EQ(Run(folder_), 7u);
  EXPECT_EQ(Run(folder_), 0u) << "all is known by now";
  EXPECT_EQ(asked_.size(), 7u);
  CollectReplies(Source(), folder_);
  const auto trajectories = Text(folder_ / "predictions" / "trajectories.json");
  EXPECT_THAT(trajectories, HasSubstr("{\n\"t0\": [[0.0,0.0],[0.0,0.0],[0.0,0.0],[0.0,0.0],"
                                      "[0.0,0.0],[0.1,1e-07]],\n\"t1\": "));
  EXPECT_EQ(trajectories.find("\"t4\""), std::string::npos) << "it has no trajectory";
  EXPECT_THAT(Text(folder_ / "predictions" / "meta_actions.json"),
              HasSubstr("\"t4\": \"Maintain speed, Go Straight\""));
  EXPECT_THAT(Text(folder_ / "predictions" / "texts.json"),
              HasSubstr("\"t6\": \"line\\n\\\"t6\\\"\""));
  EXPECT_EQ(Text(folder_ / "predictions" / "answers.json"), "[\n \"3!\"\n]\n");
  EXPECT_THAT(Text(folder_ / "predictions" / "questions.json"), HasSubstr("\"num_hop\": 1"));
  EXPECT_THAT(Text(folder_ / "predictions" / "questions.json"),
              HasSubstr("\"template_type\": \"count\""));
}

TEST_F(RunnerTest, ShardsGiveWhatOneRunGives) {
  Run(folder_);
  CollectReplies(Source(), folder_);
  const auto other = temporary_.path() / "shards";
  Run(other, {.shard = 1, .shards = 3});
  EXPECT_EQ(asked_.back(), "t4");
  try {
    CollectReplies(Source(), other);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(
        std::string(error.what()),
        other.string() + ": 5 of 7 keyframes have no reply yet. Run the shards that are left.");
  }
  Run(other, {.shard = 2, .shards = 3});
  Run(other, {.shard = 0, .shards = 3});
  CollectReplies(Source(), other);
  for (const char* name : {"trajectories.json", "meta_actions.json", "texts.json", "answers.json"})
    EXPECT_EQ(Text(other / "predictions" / name), Text(folder_ / "predictions" / name)) << name;
}

TEST_F(RunnerTest, AStoppedRunGoesOnBehindItsLastWholeLine) {
  Run(folder_);
  CollectReplies(Source(), folder_);
  const auto expected = Text(folder_ / "predictions" / "texts.json");
  const auto path = folder_ / "replies" / "0-of-1.jsonl";
  const auto lines = Text(path);
  // Cut inside the third line.
  size_t cut = 0;
  for (int line = 0; line < 2; ++line) cut = lines.find('\n', cut) + 1;
  std::filesystem::resize_file(path, cut + 20);
  asked_.clear();
  EXPECT_EQ(Run(folder_), 5u);
  EXPECT_EQ(asked_.front(), "t2");
  CollectReplies(Source(), folder_);
  EXPECT_EQ(Text(folder_ / "predictions" / "texts.json"), expected);
  EXPECT_EQ(Text(path), lines);
}

TEST_F(RunnerTest, AnInterruptionKeepsWhatWasAnswered) {
  std::stop_source stop;
  RunOptions options{.interrupt = stop.get_token()};
  options.on_done = [&](size_t) {
    if (asked_.size() == 3) stop.request_stop();
  };
  EXPECT_THROW(Run(folder_, options), BusyError);
  EXPECT_EQ(asked_.size(), 3u);
  EXPECT_EQ(Run(folder_), 4u);
}

TEST_F(RunnerTest, RefusesTheFolderOfAnotherRun) {
  Run(folder_);
  auto source = Source();
  source.identity = "another";
  try {
    RunModel(
        source, [](const data::Frame&) { return Reply(); }, {}, folder_);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("holds the replies of another run"));
  }
}

TEST_F(RunnerTest, NamesALineThatIsDamaged) {
  Run(folder_);
  const auto path = folder_ / "replies" / "0-of-1.jsonl";
  std::ofstream(path, std::ios::app) << "{}\n";
  try {
    Run(folder_);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path.string() + ":8: "));
  }
}

}  // namespace
}  // namespace occvla::eval
