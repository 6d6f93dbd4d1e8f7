// The published evaluations' own numbers, in shared/goldens (its README.md, section 2).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/base/json.h"
#include "occvla/eval/occupancy/evaluate.h"
#include "occvla/eval/occupancy/lidar_origins.h"

namespace occvla::eval {
namespace {

using nlohmann::json;

const std::filesystem::path kGoldens = "../shared/goldens/occupancy";

// Same keys, same nulls, numbers within `tolerance`.
void ExpectNear(const json& got, const json& want, double tolerance, const std::string& at) {
  if (want.is_number()) {
    ASSERT_TRUE(got.is_number()) << at;
    EXPECT_NEAR(got.get<double>(), want.get<double>(), tolerance) << at;
    return;
  }
  ASSERT_EQ(got.is_object(), want.is_object()) << at;
  if (!want.is_object()) {
    EXPECT_EQ(got, want) << at;
    return;
  }
  EXPECT_EQ(got.size(), want.size()) << at;
  for (const auto& [key, value] : want.items()) {
    ASSERT_TRUE(got.contains(key)) << at << "." << key;
    ExpectNear(got[key], value, tolerance, at + "." + key);
  }
}

class OccupancyGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kGoldens)) GTEST_SKIP() << kGoldens << " is not here";
  }
};

TEST_P(OccupancyGoldenTest, CountsAndRatesAreThoseOfThePublishedCode) {
  const json group = ReadJsonFile(kGoldens / "expected.json")[GetParam()];
  const auto folder = kGoldens / GetParam();
  const auto cases = PairOccupancy(folder / "ground_truth", folder / "predictions");
  const auto check = [](const OccupancyCounts& counts, const json& want, const std::string& name) {
    ExpectNear(json::parse(OccupancyReportJson(counts)), want["report"], 1e-9, name);
    EXPECT_EQ(json(counts.voxels.camera.counts), want["confusion"]["camera"]) << name;
    EXPECT_EQ(json(counts.voxels.lidar.counts), want["confusion"]["lidar"]) << name;
    EXPECT_EQ(json(counts.voxels.unmasked.counts), want["confusion"]["unmasked"]) << name;
  };
  check(EvaluateOccupancy(cases, {}), group, GetParam());
  ASSERT_EQ(cases.size(), group["cases"].size());
  for (const OccupancyCase& one : cases)
    check(EvaluateOccupancy(std::span(&one, 1), {}), group["cases"][one.name], one.name);
}

INSTANTIATE_TEST_SUITE_P(Groups, OccupancyGoldenTest, ::testing::Values("small", "full"));

TEST(OccupancyGoldenRaysTest, EveryClassHasTheRaysThatThePublishedCodeCounts) {
  if (!std::filesystem::exists(kGoldens)) GTEST_SKIP() << kGoldens << " is not here";
  const json want = ReadJsonFile(kGoldens / "expected.json")["full"]["rayiou_detail"];
  const auto folder = kGoldens / "full";
  const OccupancyCounts counts =
      EvaluateOccupancy(PairOccupancy(folder / "ground_truth", folder / "predictions"), {});
  const json report = json::parse(OccupancyPartJson(counts, {}, ""));
  const auto expect_counts = [](const json& got, const json& by_class) {
    static constexpr std::array<const char*, 17> kNames = {
        "others",     "barrier",    "bicycle",      "bus",     "car",       "construction_vehicle",
        "motorcycle", "pedestrian", "traffic_cone", "trailer", "truck",     "driveable_surface",
        "other_flat", "sidewalk",   "terrain",      "manmade", "vegetation"};
    for (size_t i = 0; i < kNames.size(); ++i) EXPECT_EQ(got[i], by_class[kNames[i]]) << kNames[i];
  };
  EXPECT_EQ(report["rays"]["rays"], want["rays"]);
  expect_counts(report["rays"]["truth"], want["truth_rays"]);
  expect_counts(report["rays"]["predicted"], want["predicted_rays"]);
  for (const std::string metres : {"1", "2", "4"})
    expect_counts(report["rays"]["right_" + metres + "m"], want["true_positives"][metres]);
}

geom::Pose PoseOf(const json& translation, const json& rotation) {
  geom::Pose pose = geom::Pose::Identity();
  const Eigen::Quaterniond q(rotation[0].get<double>(), rotation[1].get<double>(),
                             rotation[2].get<double>(), rotation[3].get<double>());
  pose.linear() = q.normalized().toRotationMatrix();
  for (size_t i = 0; i < 3; ++i)
    pose.translation()[static_cast<Eigen::Index>(i)] = translation[i].get<double>();
  return pose;
}

TEST(OccupancyGoldenRaysTest, OriginsAreThoseThatThePublishedCodeChooses) {
  if (!std::filesystem::exists(kGoldens)) GTEST_SKIP() << kGoldens << " is not here";
  const json scenes = ReadJsonFile(kGoldens / "origin_choice.json");
  size_t frames = 0;
  for (const json& scene : scenes) {
    std::vector<LidarPlace> places;
    std::vector<std::string> tokens;
    for (const json& row : scene["keyframes"]) {
      places.push_back({PoseOf(row["ego2global_translation"], row["ego2global_rotation"]),
                        PoseOf(row["lidar2ego_translation"], row["lidar2ego_rotation"])});
      tokens.push_back(row["token"].get<std::string>());
    }
    for (const auto& [token, want] : scene["lidar_origins"].items()) {
      const auto at = std::find(tokens.begin(), tokens.end(), token);
      ASSERT_NE(at, tokens.end()) << token;
      const auto got = RayOrigins(places, static_cast<size_t>(at - tokens.begin()));
      ASSERT_EQ(got.size(), want.size()) << token;
      for (size_t i = 0; i < got.size(); ++i) {
        for (size_t axis = 0; axis < 3; ++axis)
          EXPECT_NEAR(got[i][static_cast<Eigen::Index>(axis)], want[i][axis].get<double>(), 1e-5);
      }
      ++frames;
    }
  }
  EXPECT_EQ(frames, 8U);
}

}  // namespace
}  // namespace occvla::eval
