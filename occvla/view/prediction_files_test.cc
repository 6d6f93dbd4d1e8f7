#include "occvla/view/prediction_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla::view {
namespace {

using Json = nlohmann::json;

geom::Pose Level(double x, double y, double yaw) {
  geom::Pose pose = geom::Pose::Identity();
  pose.translation() = Eigen::Vector3d(x, y, 0);
  pose.linear() = Eigen::AngleAxisd(yaw, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  return pose;
}

/// A car that faces north (+y of G) with its lidar one metre ahead, turned by -90 degrees.
data::Frame NorthFrame() {
  data::Frame frame;
  frame.token = "t";
  frame.now = data::EgoMoment{.timestamp_us = 1, .X_GE = Level(100, 200, std::numbers::pi / 2)};
  frame.lidar.X_EL = Level(1, 0, -std::numbers::pi / 2);
  return frame;
}

data::Prediction Ahead() {
  data::Prediction prediction;
  prediction.token = "t";
  prediction.text = "Meta action: Maintain speed, Go Straight";
  prediction.trajectory_E = {{{2, 0}, {4, 0}, {6, 0}, {8, 0}, {10, 0}, {12, 1}}};
  return prediction;
}

TEST(PredictionFilesTest, AStraightTrackIsTurnedIntoEachProjectsAxes) {
  const TestFolder folder;
  PredictionFiles files(folder / "out");
  files.Add(NorthFrame(), Ahead());
  files.Finish();
  const Json world = Json::parse(ReadTextFile(folder / "out" / "nuscenes.json"));
  EXPECT_EQ(world[0]["sample"], "t");
  EXPECT_NEAR(world[0]["prediction"][0][5][0].get<double>(), 99, 1e-9);   // One metre to the west.
  EXPECT_NEAR(world[0]["prediction"][0][5][1].get<double>(), 212, 1e-9);  // Twelve to the north.
  const Json lidar = Json::parse(ReadTextFile(folder / "out" / "gpt-driver.json"));
  EXPECT_NEAR(lidar["t"][5][0].get<double>(), -1, 1e-9);  // x is to the right.
  EXPECT_NEAR(lidar["t"][5][1].get<double>(), 12, 1e-9);  // y is ahead.
  const Json line = Json::parse(ReadTextFile(folder / "out" / "gpt-driver.jsonl"));
  EXPECT_EQ(line["GPT"],
            "Meta action: Maintain speed, Go Straight\nTrajectory:\n[(0.00,2.00), (0.00,4.00), "
            "(0.00,6.00), (0.00,8.00), (0.00,10.00), (-1.00,12.00)]");
}

// A quarter turn to the left takes the lidar, which sits a metre ahead, a metre to the left and a
// metre back.
TEST(PredictionFilesTest, TheLidarTurnsWithTheCar) {
  const TestFolder folder;
  data::Frame frame = NorthFrame();
  for (auto& moment : frame.future)
    moment = data::EgoMoment{.timestamp_us = 2,
                             .X_GE = frame.now->X_GE * Level(5, 0, std::numbers::pi / 2)};
  PredictionFiles files(folder / "out");
  files.Add(frame, Ahead());
  files.Finish();
  const Json lidar = Json::parse(ReadTextFile(folder / "out" / "gpt-driver.json"));
  EXPECT_NEAR(lidar["t"][0][0].get<double>(), -1, 1e-9);
  EXPECT_NEAR(lidar["t"][0][1].get<double>(), 1, 1e-9);
}

TEST(PredictionFilesTest, OccupancyComesAsSparseOccReadsIt) {
  const TestFolder folder;
  data::Prediction prediction;
  prediction.occupancy = data::OccupancyGrid{.labels = std::vector<uint8_t>(640'000, 17)};
  prediction.occupancy->labels[5] = 4;
  PredictionFiles files(folder / "out");
  files.Add(NorthFrame(), prediction);
  files.Finish();
  const auto back = data::ReadOccupancy(folder / "out" / "sparseocc" / "t.npz");
  EXPECT_EQ(back.labels, prediction.occupancy->labels);
  EXPECT_EQ(Json::parse(ReadTextFile(folder / "out" / "nuscenes.json")), Json::array());
}

TEST(PredictionFilesTest, ANumberThatIsNoneIsRefused) {
  const TestFolder folder;
  auto prediction = Ahead();
  (*prediction.trajectory_E)[3][1] = std::nan("");
  PredictionFiles files(folder / "out");
  try {
    files.Add(NorthFrame(), prediction);
    FAIL() << "NaN was accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "key frame t: its trajectory has a number that is none.");
  }
}

}  // namespace
}  // namespace occvla::view
