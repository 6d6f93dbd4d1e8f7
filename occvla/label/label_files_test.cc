// The makers of whole files, over a small data set: what is written opens again, is the same for
// any number of threads, and replaces nothing unasked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/test_dataset.h"
#include "occvla/data/text/questions.h"
#include "occvla/label/conversations_files.h"
#include "occvla/label/cot_file.h"
#include "occvla/label/cot_template_file.h"
#include "occvla/label/qa_files.h"

namespace occvla::label {
namespace {

namespace fs = std::filesystem;
using data::nuscenes::Dataset;
using data::nuscenes::TestDataset;
using data::nuscenes::TestPlace;
using data::nuscenes::TestSighting;
using testing::ElementsAre;

class LabelFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    TestDataset made;
    for (const char* scene : {"scene-0001", "scene-0003"}) {  // Officially of train and of val.
      std::vector<TestPlace> places;
      for (size_t i = 0; i < 9; ++i) places.push_back({4.0 * static_cast<double>(i), 0, 0});
      made.AddScene(scene, places);
      std::vector<TestSighting> ahead, left;
      for (size_t i = 0; i < 9; ++i) {
        ahead.push_back({i, {20 + 4.0 * static_cast<double>(i), 0, 0}});
        left.push_back({i, {10, 8, 1.5}});
      }
      made.AddTrack("vehicle.truck", ahead);
      made.AddTrack("movable_object.trafficcone", left);
    }
    made.WriteTables(folder_.path(), "v1.0-test-set");
  }

  Dataset Open(const fs::path& meta_actions = {}) const {
    return Dataset::Open({.dataroot = folder_.path(),
                          .version = "v1.0-test-set",
                          .cache = data::nuscenes::CacheUse::kNone,
                          .occupancy = {},
                          .questions = {},
                          .meta_actions = meta_actions});
  }
  // Labels for all keyframes but those of the second scene.
  fs::path MetaActions() const {
    std::string text = "{";
    for (size_t i = 0; i < 9; ++i) {
      text += (i > 0 ? ", \"" : "\"") + TestDataset::Token("sample", i) +
              "\": \"Maintain speed, Go Straight\"";
    }
    WriteFileAtomically(folder_ / "actions.json", text + "}");
    return folder_ / "actions.json";
  }
  MakeOptions Out(const std::string& name, int threads = 1) const {
    return {
        .split = "all", .seed = 7, .out = folder_ / name, .overwrite = false, .threads = threads};
  }
  template <typename Call>
  static std::string Refusal(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }

  TestFolder folder_;
};

TEST_F(LabelFilesTest, QuestionsOpenAgainAndAreTheSameForAnyThreads) {
  const Dataset dataset = Open();
  const QaReport report = WriteQuestions(dataset, Out("one"));
  WriteQuestions(dataset, Out("four", 4));
  EXPECT_THAT(report.files, ElementsAre(folder_ / "one" / "NuScenes_train_questions.json",
                                        folder_ / "one" / "NuScenes_val_questions.json"));
  EXPECT_EQ(report.keyframes, 18u);
  EXPECT_GT(report.questions, 18u);
  for (const char* name : {"NuScenes_train_questions.json", "NuScenes_val_questions.json"})
    EXPECT_EQ(ReadTextFile(folder_ / "one" / name), ReadTextFile(folder_ / "four" / name));
  EXPECT_EQ(data::QuestionStore::Open(report.files).size(), report.questions);
}

TEST_F(LabelFilesTest, NothingIsReplacedUnasked) {
  const Dataset dataset = Open();
  WriteQuestions(dataset, Out("qa"));
  EXPECT_EQ(Refusal([&] { WriteQuestions(dataset, Out("qa")); }),
            (folder_ / "qa" / "NuScenes_train_questions.json").string() + ", " +
                (folder_ / "qa" / "NuScenes_val_questions.json").string() +
                ": is there already. Name another place with --out, or replace it with --force.");
  MakeOptions again = Out("qa");
  again.overwrite = true;
  EXPECT_EQ(Refusal([&] { WriteQuestions(dataset, again); }), "none");
}

TEST_F(LabelFilesTest, ChainsOfThoughtAreOfLabelledKeyframes) {
  const CotReport report = WriteTemplateCot(Open(MetaActions()), Out("cot.json"));
  EXPECT_EQ(report.keyframes, 18u);
  EXPECT_EQ(report.labels, 9u);
  const auto labels = ReadCotFile(folder_ / "cot.json");
  ASSERT_EQ(labels.size(), 9u);
  EXPECT_EQ(labels[0].token, TestDataset::Token("sample", 0));
  EXPECT_TRUE(labels[0].past.empty());
  EXPECT_EQ(labels[8].past.size(), 3u) << "windows of 3 s that ended by then";
  EXPECT_EQ(labels[0].maker, "template/1");
  EXPECT_THAT(labels[0].text.scene, testing::HasSubstr("A truck"));
}

TEST_F(LabelFilesTest, ChainsOfThoughtNeedMetaActions) {
  EXPECT_EQ(Refusal([&] { WriteTemplateCot(Open(), Out("cot.json")); }),
            "none of the 18 keyframes of split all has a meta action to explain. Make them with "
            "`occvla label meta-actions`, or name their file with --meta-actions.");
  EXPECT_FALSE(fs::exists(folder_ / "cot.json"));
}

TEST_F(LabelFilesTest, ConversationsOpenAgainFolderByFolder) {
  const ConversationsReport report = WriteConversations(Open(MetaActions()), Out("omni"));
  EXPECT_EQ(report.keyframes, 18u);
  EXPECT_EQ(report.described, 9u);
  const std::string token = TestDataset::Token("sample", 0);
  for (const char* kind : {"conv", "vqa", "desc", "keywords"})
    EXPECT_TRUE(fs::exists(folder_ / "omni" / kind / "train" / (token + ".json"))) << kind;
  EXPECT_TRUE(
      fs::exists(folder_ / "omni" / "conv" / "val" / (TestDataset::Token("sample", 9) + ".json")));
  EXPECT_FALSE(fs::exists(folder_ / "omni.writing"));
  const std::vector<fs::path> paths = {folder_ / "omni"};
  uint64_t texts = 0;
  for (const auto& [kind, count] : report.texts) texts += count;
  EXPECT_EQ(data::QuestionStore::Open(paths).size(), texts);
}

TEST_F(LabelFilesTest, AFolderOfSomethingElseIsNeverRemoved) {
  fs::create_directories(folder_ / "mine");
  WriteFileAtomically(folder_ / "mine" / "letter.txt", "dear");
  MakeOptions options = Out("mine");
  options.overwrite = true;
  EXPECT_EQ(
      Refusal([&] { WriteConversations(Open(), options); }),
      (folder_ / "mine").string() +
          ": holds \"letter.txt\", which is none of conv, vqa, desc and keywords, so it is not "
          "replaced. Name another place with --out.");
  EXPECT_TRUE(fs::exists(folder_ / "mine" / "letter.txt"));
}

TEST_F(LabelFilesTest, AStoppedRunLeavesNothing) {
  MakeOptions options = Out("stopped");
  options.progress = [](uint64_t done, uint64_t) {
    if (done == 5) throw BusyError("stopped");
  };
  EXPECT_EQ(Refusal([&] { WriteConversations(Open(), options); }), "stopped");
  EXPECT_FALSE(fs::exists(folder_ / "stopped"));
  EXPECT_FALSE(fs::exists(folder_ / "stopped.writing"));
}

TEST_F(LabelFilesTest, OwnSplitsDecideWhereScenesGo) {
  WriteFileAtomically(folder_ / "v1.0-test-set" / "splits.json",
                      "{\"test\": [\"scene-0001\"], \"train\": [\"scene-0003\"]}");
  const auto parts = PartsOf(Open(), "all");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "train");
  EXPECT_EQ(parts[1].name, "test");
  EXPECT_EQ(PartsOf(Open(), "test").size(), 1u);
}

}  // namespace
}  // namespace occvla::label
