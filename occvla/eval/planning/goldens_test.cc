// The published protocols against what the projects' own code gave (goldens/README.md section 1).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>

#include "occvla/base/json.h"
#include "occvla/base/npy.h"
#include "occvla/eval/planning/summary.h"
#include "occvla/eval/planning/truth_file.h"
#include "occvla/eval/prediction_file.h"

namespace occvla::eval {
namespace {

using data::nuscenes::PlanningTruth;

class PlanningGoldensTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kFolder / "expected.json"))
      GTEST_SKIP() << kFolder << " is not there: the goldens lie outside the repository";
    PlanningTruthFile(kFolder / "ground_truth.json")
        .ForEach([&](const std::string& token, const PlanningTruth& truth) {
          truths_.emplace(token, truth);
        });
    std::vector<std::string> tokens;
    for (const auto& [token, truth] : truths_) tokens.push_back(token);
    tracks_ = ReadTrajectories(kFolder / "predictions.json", tokens);
  }

  std::vector<FrameMeasures> Measure() {
    FrameMeter meter;
    std::vector<FrameMeasures> frames;
    for (const auto& [token, truth] : truths_) {
      const auto track = tracks_.find(token);
      frames.push_back(meter.Measure(
          token, truth, {},
          track == tracks_.end() ? std::nullopt : std::optional<Track>(track->second), "none"));
    }
    return frames;
  }

  static inline const std::filesystem::path kFolder = "../shared/goldens/planning";
  std::map<std::string, PlanningTruth> truths_;
  Trajectories tracks_;
};

void ExpectClose(double got, double want, double relative, const std::string& what) {
  EXPECT_NEAR(got, want, relative * std::max(1.0, std::abs(want))) << what;
}

TEST_F(PlanningGoldensTest, ReportsTheNumbersOfEveryProtocol) {
  const nlohmann::json expected = ReadJsonFile(kFolder / "expected.json");
  const nlohmann::json report = nlohmann::json::parse(ToJson(Summarise(Measure())));
  EXPECT_EQ(report["samples"]["total"], expected["samples"]["total"]);
  EXPECT_EQ(report["samples"]["dropped"], expected["samples"]["dropped"]);
  ASSERT_EQ(report["protocols"].size(), expected["protocols"].size());
  for (const auto& [name, want] : expected["protocols"].items()) {
    const nlohmann::json& got = report["protocols"][name];
    EXPECT_EQ(got["n"], want["n"]) << name;
    for (const char* horizon : {"1s", "2s", "3s", "avg"}) {
      const double l2 = want["l2"][horizon];
      EXPECT_NEAR(got["l2"][horizon], l2, 1e-6 * l2) << name << " " << horizon;
      EXPECT_NEAR(got["collision"][horizon], want["collision"][horizon], 1e-9)
          << name << " " << horizon;
    }
  }
}

TEST_F(PlanningGoldensTest, CountsTheSameCollisionsSampleBySample) {
  const nlohmann::json expected = ReadJsonFile(kFolder / "per_sample.json");
  for (const FrameMeasures& frame : Measure()) {
    if (!frame.prediction) continue;
    const nlohmann::json& want = expected[frame.token];
    for (size_t step = 0; step < 6; ++step)
      ExpectClose(frame.prediction->error[step], want["error"][step], 1e-8, frame.token);
    for (size_t rule = 0; rule < kEventRules; ++rule) {
      const auto found = want.find(std::string(kEventRuleNames[rule]));
      if (found == want.end()) continue;
      std::string got;
      for (size_t step = 0; step < 6; ++step)
        got += (frame.prediction->events[rule] >> step & 1) != 0 ? '1' : '0';
      EXPECT_EQ(got, *found) << kEventRuleNames[rule] << " " << want["case"] << " " << frame.token;
    }
  }
}

// A box that reaches over the image's border: OpenCV clips its edges before it draws them.
bool IsClipped(ObstacleRule rule, const PlanningTruth& truth, size_t step) {
  const ObstaclesOfFrame obstacles = FindObstacles(truth);
  const CellPlacer placer(rule, truth, step);
  const int64_t last = ImageSize(rule) - 1;
  for (const Obstacle& obstacle : obstacles[step]) {
    if (!obstacle.DrawnBy(rule)) continue;
    for (const Cell& cell : placer.Corners(obstacle.corners_E)) {
      if (std::min(cell.row, cell.column) < 0 || std::max(cell.row, cell.column) > last)
        return true;
    }
  }
  return false;
}

TEST_F(PlanningGoldensTest, DrawsTheSameObstacleImages) {
  size_t images = 0, clipped = 0;
  for (const auto& [name, array] : ReadNpz(kFolder / "rasters.npz", {.max_arrays = 1000})) {
    const size_t slash = name.find('/');
    const auto rule = std::find(kObstacleRuleNames.begin(), kObstacleRuleNames.end(),
                                std::string_view(name).substr(0, slash));
    ASSERT_NE(rule, kObstacleRuleNames.end()) << name;
    const auto which = static_cast<ObstacleRule>(rule - kObstacleRuleNames.begin());
    const PlanningTruth& truth = truths_.at(name.substr(slash + 1));
    const auto* bytes = reinterpret_cast<const uint8_t*>(array.bytes.data());
    for (size_t step = 0; step < 6; ++step) {
      const CellImage image = DrawObstacles(which, truth, step);
      const std::span<const uint8_t> cells = image.cells();
      size_t different = 0;
      for (size_t at = 0; at < cells.size(); at += 8) {
        const uint8_t want = bytes[(step * cells.size() + at) / 8];
        uint64_t eight = 0;
        std::memcpy(&eight, cells.data() + at, 8);
        if (eight == 0 && want == 0) continue;
        for (size_t bit = 0; bit < 8; ++bit)
          different += cells[at + bit] != (want >> (7 - bit) & 1) ? 1 : 0;
      }
      ++images;
      if (different == 0) continue;
      ++clipped;
      EXPECT_LE(different, cells.size() / 400) << name << " step " << step + 1;
      EXPECT_TRUE(IsClipped(which, truth, step)) << name << " step " << step + 1;
    }
  }
  EXPECT_EQ(images, 384u * 6);
  std::cout << clipped << " of " << images << " images differ where a box crosses the border\n";
}

// A prediction of the lidar's point in its own axes is the same as that of the ego origin.
TEST_F(PlanningGoldensTest, MeasuresTracksOfTheLidarAlike) {
  FrameMeter meter;
  for (const auto& [token, track_E] : tracks_) {
    const PlanningTruth& truth = truths_.at(token);
    Track track_L{};
    const double cosine = std::cos(truth.lidar_yaw), sine = std::sin(truth.lidar_yaw);
    for (size_t step = 0; step < 6; ++step) {
      const auto [x, y] = LidarDisplacement(truth, step, track_E[step]);
      track_L[step] = {cosine * x + sine * y, cosine * y - sine * x};
    }
    const Track again_E = EgoTrackFromLidar(track_L, truth, LevelMount(truth.lidar_yaw));
    for (size_t step = 0; step < 6; ++step) {
      if (!truth.valid[step]) continue;
      EXPECT_NEAR(again_E[step][0], track_E[step][0], 1e-9);
      EXPECT_NEAR(again_E[step][1], track_E[step][1], 1e-9);
    }
  }
}

}  // namespace
}  // namespace occvla::eval
