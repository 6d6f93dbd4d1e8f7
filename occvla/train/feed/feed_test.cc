#include "occvla/train/feed/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/test_dataset.h"
#include "occvla/data/occ3d/layout.h"
#include "occvla/data/pack.h"
#include "occvla/data/text/prompt.h"
#include "occvla/train/feed/feed_statistics.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;
using data::nuscenes::TestDataset;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(EvenlySpreadTest, TakesTheMiddlesOfEqualParts) {
  EXPECT_THAT(EvenlySpread(10, 0), SizeIs(10));
  EXPECT_THAT(EvenlySpread(3, 5), ElementsAre(0, 1, 2));
  EXPECT_THAT(EvenlySpread(10, 2), ElementsAre(2, 7));
  EXPECT_THAT(EvenlySpread(7, 1), ElementsAre(3));
  EXPECT_THAT(EvenlySpread(0, 4), SizeIs(0));
}

// One scene of `keyframes` keyframes on a straight road at 2 m a keyframe, labels for all.
class FeedTest : public ::testing::Test {
 protected:
  fs::path WriteSet(const std::string& name, size_t keyframes) {
    TestDataset set;
    std::vector<data::nuscenes::TestPlace> places;
    for (size_t i = 0; i < keyframes; ++i) places.push_back({2.0 * static_cast<double>(i), 0, 0});
    set.AddScene("scene-0001", places);
    const fs::path root = folder_ / name;
    set.WriteTables(root, "v1.0-mini");
    set.WriteFiles(root);
    std::string qa = "{\"questions\": [", cot = "{\"chain_of_thought\": {", actions = "{";
    for (size_t i = 0; i < keyframes; ++i) {
      const std::string token = set.samples[i].token, comma = i > 0 ? "," : "";
      for (int q = 0; q < 4; ++q) {
        qa += (i + q > 0 ? "," : "") + ("{\"split\":\"train\",\"sample_token\":\"" + token) +
              "\",\"question\":\"How many cars are at place " + std::to_string(q) +
              "?\",\"answer\":\"" + std::to_string(q) +
              "\",\"num_hop\":0,\"template_type\":\"count\"}";
      }
      cot += comma + "\"" + token +
             "\":{\"past\":[\"Accelerate, Turn Left\"],\"scene\":\"A road.\",\"intent\":\"It "
             "drives.\",\"meta_action\":\"Decelerate, Stop\",\"maker\":\"template/1\"}";
      actions += comma + "\"" + token + "\":\"Decelerate, Stop\"";
    }
    fs::create_directories(root / "v1.0-mini" / "questions");
    TestDataset::Write(root / "v1.0-mini" / "questions" / "qa.json", qa + "]}");
    TestDataset::Write(root / "v1.0-mini" / "chain_of_thought.json", cot + "}}");
    TestDataset::Write(root / "v1.0-mini" / "meta_actions.json", actions + "}");
    return root;
  }

  // Of one camera, by time.
  static std::vector<fs::path> ImagesOf(const fs::path& root) {
    std::vector<fs::path> files(fs::directory_iterator(root / "samples" / "CAM_BACK"), {});
    std::sort(files.begin(), files.end());
    return files;
  }

  static FeedConfig ConfigOf(std::vector<std::string> roots) {
    FeedConfig config;
    config.versions.assign(roots.size(), "v1.0-mini");
    config.splits.assign(roots.size(), "all");
    config.dataroots = std::move(roots);
    config.questions_per_frame = 3;
    return config;
  }
  FeedOptions Options(uint64_t seed = 1) const {
    FeedOptions options;
    options.wish = {.images = true, .text = true, .trajectory = true, .meta_action = true};
    options.size_px = 8;
    options.tokenizer = &tokenizer_;
    options.seed = seed;
    return options;
  }
  std::string Prompt(const Dialogue& dialogue) const { return tokenizer_.Decode(dialogue.prefix); }

  // Made once: its merges are learned.
  static const data::Tokenizer& Shared() {
    static const data::Tokenizer kTokenizer =
        data::Tokenizer::FromJson(data::SmallTokenizerJson(1024), "small");
    return kTokenizer;
  }

  TestFolder folder_;
  const data::Tokenizer& tokenizer_ = Shared();
};

// What tells two examples apart.
std::string Told(const Example& example) {
  std::string told = example.token + " " + std::to_string(example.position);
  for (const Dialogue& dialogue : example.dialogues) {
    told += " " + dialogue.kind;
    for (const int64_t id : dialogue.prefix) told += "," + std::to_string(id);
    for (const int64_t id : dialogue.suffix) told += "." + std::to_string(id);
  }
  return told;
}

TEST_F(FeedTest, GivesWhatIsKnownOfAFrame) {
  const Feed feed = Feed::Open(ConfigOf({WriteSet("a", 5).string()}), Options());
  // The last keyframe has no future.
  EXPECT_EQ(feed.frames(), 4U);
  EXPECT_EQ(feed.counts()[0].keyframes, 5U);
  EXPECT_EQ(feed.counts()[0].without_trajectory, 1U);
  const Example example = feed.Make(2, 77);
  EXPECT_EQ(example.token, feed.Token(2));
  EXPECT_EQ(example.position, 77U);
  EXPECT_THAT(example.rgb, SizeIs(6 * 8 * 8 * 3));
  EXPECT_FALSE(example.labels);
  EXPECT_THAT(example.valid, ElementsAre(true, true, false, false, false, false));
  EXPECT_NEAR(example.trajectory_E[1][0], 4.0, 1e-9);
  EXPECT_EQ(example.ego.velocity_E->at(0), 4.0);
  EXPECT_EQ(data::ToString(*example.meta_action), "Decelerate, Stop");
  ASSERT_THAT(example.dialogues, SizeIs(3));
  EXPECT_EQ(example.dialogues[0].kind, "occvla/chain-of-thought");
  EXPECT_EQ(Prompt(example.dialogues[0]),
            "Past meta actions: Accelerate, Turn Left. Predict the next meta action.\n");
  EXPECT_EQ(example.dialogues[0].suffix.back(), tokenizer_.eos());
  EXPECT_EQ(example.dialogues[1].kind, "nuscenes-qa/count/0");
}

TEST_F(FeedTest, LeavesThePastOutOfPromptsOnRequest) {
  FeedConfig config = ConfigOf({WriteSet("a", 3).string()});
  config.with_past_actions = false;
  const Feed feed = Feed::Open(config, Options());
  EXPECT_EQ(Prompt(feed.Make(0, 0).dialogues[0]), "Predict the next meta action.\n");
}

TEST_F(FeedTest, APositionGivesTheSameForAnyRanksThreadsAndResume) {
  FeedConfig config = ConfigOf({WriteSet("a", 6).string(), WriteSet("b", 4).string()});
  config.weights = {1.5, 0.5};
  config.always_chain_of_thought = false;
  config.threads = 1;
  const Feed feed = Feed::Open(config, Options());
  ASSERT_EQ(feed.positions_an_epoch(), 8U + 2U);
  std::vector<std::string> whole;
  const auto walk = feed.Walk({.end = 25});
  while (const auto item = walk->Next()) whole.push_back(Told(item->sample));
  ASSERT_THAT(whole, SizeIs(25));

  config.threads = 3;
  const Feed again = Feed::Open(config, Options());
  for (uint64_t rank = 0; rank < 2; ++rank) {
    const auto part = again.Walk({.begin = 7, .end = 25, .rank = rank, .ranks = 2});
    for (size_t at = 7 + rank; at < 25; at += 2) {
      const auto item = part->Next();
      ASSERT_TRUE(item);
      EXPECT_EQ(Told(item->sample), whole[at]);
      EXPECT_EQ(feed.FrameAt(at), item->index);
    }
  }
}

TEST_F(FeedTest, AnEpochShowsEachFrameByItsSetsWeight) {
  FeedConfig config = ConfigOf({WriteSet("a", 6).string(), WriteSet("b", 5).string()});
  config.weights = {2.4, 0.5};
  const Feed feed = Feed::Open(config, Options());
  std::set<std::vector<uint32_t>> lots;
  for (uint64_t epoch = 0; epoch < 6; ++epoch) {
    std::map<uint32_t, size_t> times;
    std::vector<uint32_t> of_b;
    for (const uint32_t frame : feed.EpochOrder(epoch)) {
      ++times[frame];
      if (frame >= 5) of_b.push_back(frame);
    }
    for (uint32_t frame = 0; frame < 5; ++frame) {
      EXPECT_GE(times[frame], 2U);
      EXPECT_LE(times[frame], 3U);
    }
    EXPECT_THAT(of_b, SizeIs(2));
    std::sort(of_b.begin(), of_b.end());
    EXPECT_NE(of_b[0], of_b[1]);
    lots.insert(of_b);
  }
  EXPECT_GT(lots.size(), 1U) << "every epoch leaves the same frames out";
}

TEST_F(FeedTest, AnotherSeedGivesAnotherOrderAndOtherQuestions) {
  const FeedConfig config = ConfigOf({WriteSet("a", 9).string()});
  const Feed one = Feed::Open(config, Options(1)), two = Feed::Open(config, Options(2));
  EXPECT_NE(one.EpochOrder(0), two.EpochOrder(0));
  EXPECT_NE(one.EpochOrder(0), one.EpochOrder(1));
  EXPECT_NE(Told(one.Make(0, 3)), Told(two.Make(0, 3)));
  EXPECT_NE(Told(one.Make(0, 3)).substr(34), Told(one.Make(0, 4)).substr(34));
  EXPECT_EQ(one.fingerprint(), two.fingerprint());
}

TEST_F(FeedTest, FingerprintKnowsTextsAndFiles) {
  const fs::path root = WriteSet("a", 4);
  const FeedConfig config = ConfigOf({root.string()});
  const std::string before = Feed::Open(config, Options()).fingerprint();
  EXPECT_THAT(before, SizeIs(64));
  TestDataset::Write(ImagesOf(root)[0], "another size");
  const std::string other_image = Feed::Open(config, Options()).fingerprint();
  EXPECT_NE(other_image, before);
  fs::remove(root / "v1.0-mini" / "questions" / "qa.json");
  EXPECT_NE(Feed::Open(config, Options()).fingerprint(), other_image);
}

TEST_F(FeedTest, LeavesOutAndCountsWhatIsTooLong) {
  FeedConfig config = ConfigOf({WriteSet("a", 3).string()});
  config.questions_per_frame = 5;
  const Example all = Feed::Open(config, Options()).Make(0, 0);
  ASSERT_THAT(all.dialogues, SizeIs(5));
  size_t longest_question = 0;
  for (size_t i = 1; i < all.dialogues.size(); ++i) {
    longest_question =
        std::max(longest_question, all.dialogues[i].prefix.size() + all.dialogues[i].suffix.size());
  }
  config.max_text_tokens = static_cast<int64_t>(longest_question);
  const Example some = Feed::Open(config, Options()).Make(0, 0);
  EXPECT_THAT(some.dialogues, SizeIs(4));
  EXPECT_EQ(some.dialogues_too_long, 1U);
  config.max_text_tokens = 4;
  try {
    Feed::Open(config, Options()).Make(0, 0);
    FAIL() << "a frame without any dialogue was given";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("keyframe " + all.token +
                                        ": none of its 5 questions fits into "
                                        "data.max_text_tokens (4). Raise it."));
  }
}

TEST_F(FeedTest, ListsDamagedFramesAndGoesOn) {
  const fs::path root = WriteSet("a", 6);
  FeedConfig config = ConfigOf({root.string()});
  config.skip_damaged = true;
  const Feed feed = Feed::Open(config, Options());
  const std::vector<fs::path> files = ImagesOf(root);
  TestDataset::Write(files[1], "no image");
  const auto walk = feed.Walk({.end = feed.positions_an_epoch() * 2});
  size_t sound = 0;
  while (walk->Next()) ++sound;
  EXPECT_EQ(sound, 8U);
  ASSERT_THAT(walk->Damaged(), SizeIs(1));
  EXPECT_EQ(walk->Damaged()[0].index, 1U);
  EXPECT_EQ(walk->Damaged()[0].times, 2U);
  EXPECT_THAT(walk->Damaged()[0].reason, HasSubstr("keyframe " + std::string(feed.Token(1))));
}

TEST_F(FeedTest, NamesMissingFilesTogetherAtTheStart) {
  const fs::path root = WriteSet("a", 6);
  const std::vector<fs::path> files = ImagesOf(root);
  fs::remove(files[1]);
  fs::remove(files[2]);
  try {
    Feed::Open(ConfigOf({root.string()}), Options());
    FAIL() << "missing images were not noticed";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr(files[1].string()));
    EXPECT_THAT(error.what(), HasSubstr(files[2].string()));
  }
}

TEST_F(FeedTest, SaysWhyNoFrameIsLeft) {
  const fs::path root = WriteSet("a", 3);
  FeedOptions options = Options();
  options.wish.occupancy = true;
  try {
    Feed::Open(ConfigOf({root.string()}), options);
    FAIL() << "a feed without frames was opened";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("of 3 keyframes 3 have no occupancy, 0 no question that is asked, 1 no "
                          "future, 0 no meta action"));
  }
}

TEST_F(FeedTest, FlipsTextsWithTheRestOrNothing) {
  const fs::path root = WriteSet("a", 4);
  FeedConfig config = ConfigOf({root.string()});
  config.augment.flip = 1;
  const Example flipped = Feed::Open(config, Options()).Make(0, 0);
  EXPECT_TRUE(flipped.flipped);
  EXPECT_FALSE(flipped.flip_refused);
  EXPECT_EQ(Prompt(flipped.dialogues[0]),
            "Past meta actions: Accelerate, Turn Right. Predict the next meta action.\n");
  // The same questions in the same order.
  FeedOptions plain = Options();
  plain.augment = false;
  const Example straight = Feed::Open(config, plain).Make(0, 0);
  EXPECT_FALSE(straight.flipped);
  for (size_t i = 1; i < 3; ++i)
    EXPECT_EQ(straight.dialogues[i].prefix, flipped.dialogues[i].prefix);

  TestDataset::Write(root / "v1.0-mini" / "chain_of_thought.json",
                     "{\"chain_of_thought\": {\"" + straight.token +
                         "\":{\"past\":[],\"scene\":\"It has left.\",\"intent\":\"It "
                         "drives.\",\"meta_action\":\"Decelerate, Stop\",\"maker\":\"m\"}}}");
  const Example refused = Feed::Open(config, Options()).Make(0, 0);
  EXPECT_FALSE(refused.flipped);
  EXPECT_TRUE(refused.flip_refused);
  EXPECT_EQ(refused.rgb, straight.rgb);
}

TEST_F(FeedTest, CountsWhatItLearnsFrom) {
  const Feed feed = Feed::Open(ConfigOf({WriteSet("a", 5).string()}), Options());
  const FeedStatistics statistics = StatisticsOf(feed, 3);
  EXPECT_EQ(statistics.frames, 3U);
  EXPECT_THAT(statistics.dialogues, ElementsAre(std::pair("nuscenes-qa/count/0", 12),
                                                std::pair("occvla/chain-of-thought", 3)));
  EXPECT_THAT(statistics.meta_actions, ElementsAre(std::pair("Decelerate, Stop", 3)));
  const Dialogue thought = feed.Make(0, 0).dialogues[0];
  EXPECT_EQ(statistics.tokens_most, thought.prefix.size() + thought.suffix.size());
  EXPECT_LT(statistics.tokens_median, statistics.tokens_p99);
  EXPECT_EQ(statistics.frames_to_flip, 3U);
  EXPECT_EQ(statistics.dialogues_too_long, 0U);
}

TEST_F(FeedTest, TakesOnlyFramesWithLabelsWhereTheyAreWished) {
  const fs::path root = WriteSet("a", 3);
  const std::string token = TestDataset::Token("sample", 1);
  const fs::path path = data::occ3d::LabelsPath(root / "gts", "scene-0001", token);
  fs::create_directories(path.parent_path());
  data::occ3d::Labels labels;
  labels.semantics.assign(200 * 200 * 16, 17);
  labels.semantics[5] = 11;
  labels.mask_lidar.assign(labels.semantics.size(), 0);
  labels.mask_camera = labels.mask_lidar;
  labels.mask_camera[5] = 1;
  data::occ3d::WriteLabels(path, labels);
  FeedOptions options = Options();
  options.wish = {.occupancy = true};
  const Feed feed = Feed::Open(ConfigOf({root.string()}), options);
  ASSERT_EQ(feed.frames(), 1U);
  EXPECT_EQ(feed.counts()[0].without_occupancy, 2U);
  const Example example = feed.Make(0, 0);
  EXPECT_EQ(example.token, token);
  EXPECT_EQ(example.labels->semantics, labels.semantics);
  EXPECT_THAT(example.rgb, SizeIs(0));
  EXPECT_THAT(example.dialogues, SizeIs(0));
  const FeedStatistics statistics = StatisticsOf(feed, 0);
  EXPECT_EQ(statistics.classes[11], 1);
  EXPECT_EQ(statistics.classes[17], 200 * 200 * 16 - 1);
  EXPECT_EQ(statistics.classes_seen[11], 1);
  EXPECT_EQ(statistics.classes_seen[17], 0);
}

TEST_F(FeedTest, PixelsOfAPackAreThoseOfTheFiles) {
  const fs::path root = WriteSet("a", 3);
  const FeedConfig config = ConfigOf({root.string()});
  const Feed feed = Feed::Open(config, Options());
  const data::PackSource source{
      .version = "v1.0-mini", .split = "all", .frames = feed.frames(), .frame = [&](size_t i) {
        return feed.FrameOf(i);
      }};
  const data::PackOptions pack_options{.size_px = 8};
  const fs::path pack = folder_ / "pack";
  data::WritePack(source, pack_options, data::PlanPack(source, pack_options, pack), pack);
  FeedConfig packed = config;
  packed.packs = {pack.string()};
  const Feed from_pack = Feed::Open(packed, Options());
  EXPECT_EQ(from_pack.Make(1, 4).rgb, feed.Make(1, 4).rgb);
  EXPECT_EQ(Told(from_pack.Make(1, 4)), Told(feed.Make(1, 4)));
  FeedOptions larger = Options();
  larger.size_px = 16;
  EXPECT_THROW(Feed::Open(packed, larger), ConfigError);
}

}  // namespace
}  // namespace occvla::train
