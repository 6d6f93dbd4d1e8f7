#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/planning_export.h"
#include "occvla/eval/planning/cell_image.h"

/// The obstacle images of the published collision rates (docs/METRICS.md): which boxes they hold,
/// and where a box's corners fall. E is the ego frame at t0.
namespace occvla::eval {

/// Whose obstacle images; OpenDriveVLA's are reversed copies of UniAD's and VAD's.
enum class ObstacleRule : uint8_t { kStp3, kUniad, kVad, kOccWorld, kBevPlanner, kOmniDrive };
inline constexpr std::array<std::string_view, 6> kObstacleRuleNames = {
    "stp3", "uniad", "vad", "occworld", "bev-planner", "omnidrive"};

/// Cells along one side: 0.5 m cells of a 100 m square, or 0.1 m cells.
int ImageSize(ObstacleRule rule);

/// A box of one step as a polygon, and which rules draw it.
struct Obstacle {
  std::array<std::array<double, 2>, 4> corners_E{};
  uint8_t rules = 0;  ///< Bit r: ObstacleRule r draws it.

  bool DrawnBy(ObstacleRule rule) const { return (rules >> static_cast<int>(rule) & 1) != 0; }
};

/// What may stand in the way at the six steps: boxes that no rule draws are left out.
using ObstaclesOfFrame = std::array<std::vector<Obstacle>, 6>;
ObstaclesOfFrame FindObstacles(const data::nuscenes::PlanningTruth& truth);

/// Places points of a step in a rule's image. For ST-P3 that is the image in the frame of the
/// step's own ego pose, before it is warped.
class CellPlacer {
 public:
  /// `truth` outlives the placer.
  CellPlacer(ObstacleRule rule, const data::nuscenes::PlanningTruth& truth, size_t step);
  std::array<Cell, 4> Corners(const std::array<std::array<double, 2>, 4>& corners_E) const;

 private:
  Cell Place(const std::array<double, 2>& p_E) const;

  ObstacleRule rule_;
  std::array<double, 2> origin_;  // Of the frame whose axes are rasterised, in E.
  double cosine_, sine_;
};

/// Where the warp of ST-P3 takes a cell's value from: a cell of the image that was drawn in the
/// frame of the step's true ego pose (x, y, yaw in E), outside the image possible.
Cell WarpSource(const Cell& cell, const std::array<double, 2>& p_E, double yaw_E);

/// The whole obstacle image of a step as the published code has it: warped for ST-P3, all set for
/// UniAD where the step is not valid. Evaluation draws only what comes near the car; this is for
/// tests and pictures.
CellImage DrawObstacles(ObstacleRule rule, const data::nuscenes::PlanningTruth& truth, size_t step);

}  // namespace occvla::eval
