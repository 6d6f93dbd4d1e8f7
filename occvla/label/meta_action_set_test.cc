#include "occvla/label/meta_action_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/test_dataset.h"
#include "occvla/data/nuscenes/test_map.h"

namespace occvla::label {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::TestDataset;
using data::nuscenes::TestMap;
using data::nuscenes::TestPlace;
using ::testing::HasSubstr;

constexpr const char* kVersion = "v1.0-made";

/// Places half a second apart: 5 m/s along y = 10, where the test map has its lanes.
std::vector<TestPlace> Eastward(size_t count) {
  std::vector<TestPlace> places;
  for (size_t k = 0; k < count; ++k) places.push_back({5 + 2.5 * static_cast<double>(k), 10, 0});
  return places;
}

class MetaActionSetTest : public ::testing::Test {
 protected:
  Dataset Open(bool with_labels = false) {
    made_.WriteTables(folder_.path(), kVersion);
    data::nuscenes::DatasetOptions options;
    options.dataroot = folder_.path();
    options.version = kVersion;
    options.cache = data::nuscenes::CacheUse::kNone;
    options.read_meta_actions = with_labels;
    return Dataset::Open(options);
  }
  MetaActionSet Labels(const Dataset& dataset) {
    return LabelKeyFrames(dataset, "all", {}, [](uint64_t, uint64_t) {});
  }
  std::filesystem::path LabelsPath() const {
    return folder_.path() / kVersion / "meta_actions.json";
  }
  void PutMap() {
    std::filesystem::create_directories(folder_ / "maps/expansion");
    WriteMap(folder_ / "maps/expansion/test-town.json", TestMap().map);
  }
  /// Moves a keyframe's every time.
  void Delay(size_t keyframe, int64_t by_us) {
    made_.samples[keyframe].timestamp_us += by_us;
    for (auto& row : made_.sample_data) {
      if (row.sample_token == made_.samples[keyframe].token) row.timestamp_us += by_us;
    }
  }

  TestFolder folder_;
  TestDataset made_;
};

TEST_F(MetaActionSetTest, KeyFramesWithoutSixAfterThemAreToldApart) {
  made_.AddScene("scene-0001", Eastward(8));
  const Dataset dataset = Open();
  const MetaActionSet set = Labels(dataset);
  ASSERT_EQ(set.labelled.size(), 2U);
  ASSERT_EQ(set.unlabelled.size(), 6U);
  EXPECT_EQ(set.unlabelled[0].why, Unlabelled::kTooFewFollow);
  EXPECT_EQ(ToString(set.labelled[0].label.action), "Maintain speed, Go Straight");
  EXPECT_EQ(set.labelled[0].label.evidence.fallback, Fallback::kNoMap);
}

TEST_F(MetaActionSetTest, IrregularKeyFramesAreNotLabelled) {
  made_.AddScene("scene-0001", Eastward(7));
  Delay(6, 700'000);
  const MetaActionSet set = Labels(Open());
  ASSERT_EQ(set.labelled.size(), 0U);
  EXPECT_EQ(set.unlabelled[0].why, Unlabelled::kIrregular);
}

TEST_F(MetaActionSetTest, LabelsAreReadBackAsWritten) {
  PutMap();
  made_.AddScene("scene-0001", Eastward(9));
  const Dataset dataset = Open();
  const MetaActionSet set = Labels(dataset);
  ASSERT_EQ(set.labelled.size(), 3U);
  EXPECT_EQ(set.labelled[0].label.evidence.fallback, Fallback::kNone);
  WriteMetaActions(set, dataset.tables(), LabelsPath());
  const Dataset again = Open(true);
  for (const auto& one : set.labelled)
    EXPECT_EQ(again.FrameOf(one.sample).meta_action, one.label.action);
}

TEST_F(MetaActionSetTest, EvidenceNamesLanesRuleAndProvenance) {
  PutMap();
  made_.AddScene("scene-0001", Eastward(7));
  const Dataset dataset = Open();
  WriteMetaActions(Labels(dataset), dataset.tables(), LabelsPath());
  const auto json = nlohmann::json::parse(ReadTextFile(EvidencePath(LabelsPath())));
  const auto& first = json["labels"][TestDataset::Token("sample", 0)];
  EXPECT_EQ(first["label"], "Maintain speed, Go Straight");
  EXPECT_EQ(first["rule"], "lane");
  EXPECT_EQ(first["fallback"], nullptr);
  EXPECT_EQ(first["lanes"], nlohmann::json(std::vector<std::string>(7, "lane-a")));
  EXPECT_EQ(first["speeds"], nlohmann::json(std::vector<double>(6, 5.0)));
  EXPECT_EQ(first["provenance"], Provenance({}));
  EXPECT_EQ(json["unlabelled"].size(), 6U);
  EXPECT_EQ(json["unlabelled"][TestDataset::Token("sample", 1)], "fewer than six keyframes follow");
}

// The window of the label of 3 s ago ends now: whatever comes after may change.
TEST_F(MetaActionSetTest, PastMetaActionsDoNotKnowTheFuture) {
  constexpr size_t kNow = 9;
  std::vector<std::vector<data::MetaAction>> pasts, labels;
  for (const double aside : {0.0, 3.0}) {
    made_ = TestDataset();
    auto places = Eastward(20);
    for (size_t k = kNow + 1; k < places.size(); ++k) {
      places[k].y += aside * static_cast<double>(k - kNow);
      places[k].yaw += aside / 10;
    }
    made_.AddScene("scene-0001", places);
    // Uneven gaps: five of them last 2.85 s, so that the clock alone would not tell.
    for (size_t k = 0; k < places.size(); ++k) Delay(k, 70'000 * static_cast<int64_t>(k));
    const Dataset dataset = Open();
    WriteMetaActions(Labels(dataset), dataset.tables(), LabelsPath());
    const Dataset read = Open(true);
    pasts.push_back(read.FrameOf(TestDataset::Token("sample", kNow)).ego.past_meta_actions);
    labels.emplace_back();
    for (size_t k = 0; k <= kNow; ++k)
      labels.back().push_back(read.FrameOf(TestDataset::Token("sample", k)).meta_action.value());
  }
  EXPECT_EQ(pasts[0].size(), 4U) << "of the keyframes 0 to 3";
  EXPECT_EQ(pasts[0], pasts[1]);
  EXPECT_NE(labels[0], labels[1]) << "those of the keyframes between do know it";
}

// With gaps of 0.59 s a label's six keyframes last until 0.64 s after the moment from which on the
// reader takes it for past: there must be none.
TEST_F(MetaActionSetTest, PastMetaActionsOfSlowKeyFramesDoNotExist) {
  made_.AddScene("scene-0001", Eastward(20));
  for (size_t k = 0; k < 20; ++k) Delay(k, 90'000 * static_cast<int64_t>(k));
  const Dataset dataset = Open();
  WriteMetaActions(Labels(dataset), dataset.tables(), LabelsPath());
  EXPECT_THAT(Open(true).FrameOf(TestDataset::Token("sample", 9)).ego.past_meta_actions,
              ::testing::IsEmpty());
}

TEST(WindowIsRegularTest, BoundsGapsLengthAndReach) {
  const auto regular = [](std::array<double, kWindow> times) { return WindowIsRegular(times); };
  EXPECT_TRUE(regular({0, 0.5, 1, 1.5, 2, 2.5, 3}));
  EXPECT_TRUE(regular({0, 0.57, 1.14, 1.71, 2.28, 2.85, 3.42}));
  EXPECT_FALSE(regular({0, 0.58, 1.16, 1.74, 2.32, 2.9, 3.48})) << "the fifth reaches 2.9 s";
  EXPECT_FALSE(regular({0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4}));
  EXPECT_FALSE(regular({0, 0.3, 0.6, 0.9, 1.2, 1.5, 2.6})) << "a gap above 1 s";
  EXPECT_FALSE(regular({0, 0.5, 0.5, 1.5, 2, 2.5, 3}));
}

LabelledKeyFrame Accelerating(double a) {
  LabelledKeyFrame one;
  one.label.evidence.speeds.fill(5);
  one.label.evidence.acceleration = a;
  return one;
}

TEST(CalibrationTest, FindsTheThresholdThatBalancesTheClasses) {
  MetaActionSet set;
  for (int i = 0; i < 30; ++i) set.labelled.push_back(Accelerating(0.1 * (i - 14.5)));
  const Calibration calibration = CalibrateChanging(set);
  // Ten of thirty lie within +-0.5 of 0: from 0.46 to 0.55 each class has a third.
  EXPECT_DOUBLE_EQ(calibration.changing, 0.46);
  for (const double share : calibration.share) EXPECT_NEAR(share, 1.0 / 3, 1e-9);
  set.rules.speed.changing = 0.6;
  EXPECT_DOUBLE_EQ(CalibrateChanging(set).changing, 0.55);
}

TEST(CalibrationTest, NothingLabelledIsToldInOneSentence) {
  MetaActionSet set;
  set.split = "val";
  try {
    (void)CalibrateChanging(set);
    FAIL() << "nothing was calibrated with";
  } catch (const DataError& error) {
    EXPECT_STREQ(
        error.what(),
        "split val: no keyframe could be labelled, so there is nothing to calibrate with.");
  }
}

TEST(MetaActionRulesTest, EverythingOutOfRangeIsListed) {
  MetaActionRules rules;
  rules.speed.changing = 0;
  rules.matching.most_gap = 1;
  try {
    rules.Validate();
    FAIL() << "they were accepted";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "meta-action rules:\n  - speed.changing must be from 0.001 to 10, but is 0\n  - "
                 "matching.most_gap must be from 2 to 20, but is 1");
  }
}

TEST(MetaActionRulesTest, TheFileHasTheDefaultsAndProvenanceFollowsEveryThreshold) {
  MetaActionRules rules;
  rules.geometry.turn = 7;
  EXPECT_NE(Provenance(rules), Provenance({}));
  EXPECT_THAT(Provenance({}), HasSubstr("rules 1, thresholds "));
  LoadToml(rules, "configs/meta-actions.toml");
  EXPECT_EQ(Provenance(rules), Provenance({}));
}

}  // namespace
}  // namespace occvla::label
