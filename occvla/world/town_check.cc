#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "occvla/geom/polygon.h"
#include "occvla/world/town.h"
#include "occvla/world/town_curve.h"
#include "occvla/world/town_shapes.h"

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kJoint = 1e-6;       // Metres and radians between joined poses.
constexpr double kLeastMargin = 60;   // From lanes to the canvas' border.
constexpr double kLeastRadius = 4.9;  // Of any lane.

bool Has(const std::vector<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

double PoseDistance(const Pose2& a, const Pose2& b) {
  return std::max({std::abs(a[0] - b[0]), std::abs(a[1] - b[1]), std::abs(WrapAngle(a[2] - b[2]))});
}

class Checker {
 public:
  explicit Checker(const Town& town) : town_(town) {
    for (const Segment& segment : town.segments) {
      const int index = static_cast<int>(bounds_.size());
      bounds_.push_back(geom::BoundsOf(segment.outline.points));
      const auto low = CellOf(bounds_.back().min), high = CellOf(bounds_.back().max);
      for (int x = low.first; x <= high.first; ++x)
        for (int y = low.second; y <= high.second; ++y) cells_[{x, y}].push_back(index);
    }
  }

  std::vector<std::string> Run() {
    for (size_t i = 0; i < town_.lanes.size(); ++i) CheckLane(static_cast<int>(i));
    CheckTokens();
    CheckReach();
    CheckSegments();
    for (size_t i = 0; i < town_.junctions.size(); ++i) CheckJunction(static_cast<int>(i));
    CheckCrossings();
    CheckStopLines();
    CheckGround();
    CheckRoadsides();
    return std::move(complaints_);
  }

 private:
  void Say(const std::string& text) { complaints_.push_back(text); }
  const Lane& LaneAt(int i) const { return town_.lanes[static_cast<size_t>(i)]; }
  static std::string Name(int lane) { return "lane " + std::to_string(lane); }

  void CheckLane(int i) {
    const Lane& lane = LaneAt(i);
    if (lane.paths.empty() || lane.centreline.size() < 2 || lane.length() < 2)
      return Say(Name(i) + " is shorter than 2 m");
    if (lane.centreline.size() != lane.arc_lengths.size())
      return Say(Name(i) + " has a centreline and arc lengths of different counts");
    double length = 0;
    for (size_t k = 0; k < lane.paths.size(); ++k) {
      const auto& path = lane.paths[k];
      length += path.length();
      if (path.radius < kLeastRadius && path.lengths[0] + path.lengths[2] > 0)
        Say(Name(i) + " turns with a radius of " + std::to_string(path.radius) + " m");
      if (k > 0 && PoseDistance(lane.paths[k - 1].end, path.start) > kJoint)
        Say(Name(i) + " has paths that do not join");
    }
    if (std::abs(length - lane.length()) > kJoint)
      Say(Name(i) + " has paths of another length than its centreline");
    if (PoseDistance(lane.paths.front().start, lane.centreline.front()) > kJoint ||
        PoseDistance(lane.paths.back().end, lane.centreline.back()) > kJoint)
      Say(Name(i) + " has paths that end elsewhere than its centreline");
    for (const auto& p : lane.centreline) {
      if (p[0] < kLeastMargin || p[1] < kLeastMargin || p[0] > town_.canvas[0] - kLeastMargin ||
          p[1] > town_.canvas[1] - kLeastMargin) {
        Say(Name(i) + " comes too near the canvas' border");
        break;
      }
    }
    CheckJoints(i, lane);
  }

  void CheckJoints(int i, const Lane& lane) {
    if (lane.successors.empty()) Say(Name(i) + " leads nowhere");
    if (lane.predecessors.empty()) Say(Name(i) + " comes from nowhere");
    for (const int next : lane.successors) {
      if (!Has(LaneAt(next).predecessors, i))
        Say(Name(next) + " does not know its predecessor " + std::to_string(i));
      if (PoseDistance(lane.centreline.back(), LaneAt(next).centreline.front()) > kJoint)
        Say(Name(i) + " does not join " + std::to_string(next));
      if (LaneAt(next).connector == lane.connector)
        Say(Name(i) + " and " + std::to_string(next) + " are both " +
            (lane.connector ? "connectors" : "roads"));
    }
    for (const int before : lane.predecessors)
      if (!Has(LaneAt(before).successors, i))
        Say(Name(before) + " does not know its successor " + std::to_string(i));
    if (lane.left != kNoIndex && LaneAt(lane.left).right != i)
      Say(Name(i) + " and its left neighbour do not agree");
    if (lane.right != kNoIndex && LaneAt(lane.right).left != i)
      Say(Name(i) + " and its right neighbour do not agree");
    const Segment& segment = town_.segments[static_cast<size_t>(lane.road_segment)];
    if (segment.intersection != lane.connector) Say(Name(i) + " lies in the wrong segment");
    for (size_t k = 2; k + 2 < lane.centreline.size(); ++k) {
      const Vector2d p(lane.centreline[k][0], lane.centreline[k][1]);
      if (!geom::Contains(segment.outline.points, p) ||
          geom::DistanceToBoundary(segment.outline.points, p) < 0.9) {
        // Where a lane crosses its segment's ends only the sides count.
        const double from_end = std::min(lane.arc_lengths[k], lane.length() - lane.arc_lengths[k]);
        if (from_end > 1 || !geom::Contains(segment.outline.points, p)) {
          Say(Name(i) + " leaves its segment's outline at " + std::to_string(lane.arc_lengths[k]));
          break;
        }
      }
    }
  }

  void CheckTokens() {
    std::set<std::string> tokens;
    for (const Lane& lane : town_.lanes)
      if (!tokens.insert(lane.token).second) Say("token " + lane.token + " occurs twice");
  }

  size_t CountReached(bool forward) const {
    std::vector<bool> seen(town_.lanes.size(), false);
    std::vector<int> open{0};
    seen[0] = true;
    size_t count = 0;
    while (!open.empty()) {
      const Lane& lane = LaneAt(open.back());
      open.pop_back();
      ++count;
      auto next = forward ? lane.successors : lane.predecessors;
      for (const int side : {lane.left, lane.right})
        if (side != kNoIndex) next.push_back(side);
      for (const int n : next) {
        if (seen[static_cast<size_t>(n)]) continue;
        seen[static_cast<size_t>(n)] = true;
        open.push_back(n);
      }
    }
    return count;
  }

  void CheckReach() {
    if (town_.lanes.empty()) return Say("there are no lanes");
    for (const bool forward : {true, false}) {
      const size_t count = CountReached(forward);
      if (count != town_.lanes.size())
        Say("only " + std::to_string(count) + " of " + std::to_string(town_.lanes.size()) +
            " lanes are reached " + (forward ? "from" : "by those that lead to") + " lane 0");
    }
  }

  void CheckSegments() {
    for (size_t i = 0; i < town_.segments.size(); ++i) {
      if (geom::SignedArea(town_.segments[i].outline.points) < 10)
        Say("segment " + std::to_string(i) + " is not counter-clockwise");
      for (const auto& p : SamplesOf(town_.segments[i].outline, 1.5)) {
        const int other = SegmentAt(p, 0.05, static_cast<int>(i));
        if (other != kNoIndex)
          Say("segments " + std::to_string(i) + " and " + std::to_string(other) + " overlap");
      }
    }
  }

  /// The segment whose outline holds the point, more than `inside` metres from its boundary.
  int SegmentAt(const Vector2d& p, double inside, int but = kNoIndex) const {
    const auto found = cells_.find(CellOf(p));
    if (found == cells_.end()) return kNoIndex;
    for (const int i : found->second) {
      const auto& points = town_.segments[static_cast<size_t>(i)].outline.points;
      if (i != but && bounds_[static_cast<size_t>(i)].Contains(p) && geom::Contains(points, p) &&
          geom::DistanceToBoundary(points, p) > inside)
        return i;
    }
    return kNoIndex;
  }

  static std::pair<int, int> CellOf(const Vector2d& p) {
    constexpr double kCell = 25;
    return {static_cast<int>(std::floor(p.x() / kCell)),
            static_cast<int>(std::floor(p.y() / kCell))};
  }

  void CheckJunction(int n) {
    const Junction& junction = town_.junctions[static_cast<size_t>(n)];
    const std::string name = "junction " + std::to_string(n);
    if (junction.connectors.size() < 2) Say(name + " has fewer than two connectors");
    for (const int c : junction.connectors)
      if (!LaneAt(c).connector || LaneAt(c).junction != n)
        Say(name + " lists " + std::to_string(c) + ", which is not its connector");
    for (const auto& pair : junction.conflicts)
      for (const int c : pair)
        if (!Has(junction.connectors, c)) Say(name + " has a conflict with a stranger");
    if ((junction.control == Control::kLights) != !junction.phases.empty())
      Say(name + " has lights without phases or phases without lights");
    if (junction.phases.empty()) return;
    for (const int c : junction.connectors) {
      const auto phases = std::count_if(junction.phases.begin(), junction.phases.end(),
                                        [&](const auto& phase) { return Has(phase, c); });
      if (phases != 1) Say(name + " is green for " + std::to_string(c) + " in no or two phases");
      const auto posts = std::count_if(
          town_.lights.begin(), town_.lights.end(),
          [&](const auto& post) { return post.junction == n && Has(post.connectors, c); });
      if (posts == 0) Say(name + " shows " + std::to_string(c) + " no light");
    }
  }

  void CheckCrossings() {
    for (size_t i = 0; i < town_.crossings.size(); ++i) {
      const Crossing& crossing = town_.crossings[i];
      const std::string name = "crossing " + std::to_string(i);
      if (crossing.cuts.empty()) Say(name + " cuts no lane");
      for (const auto& cut : crossing.cuts) {
        if (cut.s < 0 || cut.s > LaneAt(cut.lane).length()) Say(name + " cuts beyond a lane's end");
      }
      for (const auto& end : {crossing.from, crossing.to})
        if (OnRoad(end)) Say(name + " ends on a road");
    }
  }

  void CheckStopLines() {
    for (size_t i = 0; i < town_.stop_lines.size(); ++i) {
      const StopLine& line = town_.stop_lines[i];
      if (line.lanes.empty()) Say("stop line " + std::to_string(i) + " stops no lane");
      for (const int lane : line.lanes) {
        const auto& end = LaneAt(lane).centreline.back();
        const Vector2d inside =
            Vector2d(end[0], end[1]) - 0.2 * Vector2d(std::cos(end[2]), std::sin(end[2]));
        if (line.junction != kNoIndex && (LaneAt(lane).stop_line != static_cast<int>(i) ||
                                          !geom::Contains(line.area.points, inside)))
          Say("stop line " + std::to_string(i) + " is not at the end of lane " +
              std::to_string(lane));
      }
    }
  }

  void CheckGround() {
    for (double x = 0; x <= town_.canvas[0]; x += 20) {
      for (double y = 0; y <= town_.canvas[1]; y += 20) {
        if (town_.ground.Slope(x, y).norm() > 0.04) return Say("the ground is steeper than 4 %");
      }
    }
  }

  bool OnRoad(const Vector2d& p) const { return SegmentAt(p, 0) != kNoIndex; }

  void CheckRoadsides() {
    for (size_t i = 0; i < town_.walks.size(); ++i) {
      const auto& path = town_.walks[i].path;
      for (size_t k = 0; k + 1 < path.size(); ++k) {
        const Vector2d step = path[k + 1] - path[k];
        const int n = std::max(1, static_cast<int>(step.norm()));
        bool bad = false;
        for (int t = 0; t <= n && !bad; ++t) bad = OnRoad(path[k] + step * t / n);
        if (!bad) continue;
        Say("walk " + std::to_string(i) + " runs over a road");
        break;
      }
    }
    for (size_t i = 0; i < town_.slots.size(); ++i)
      if (OnRoad({town_.slots[i].x, town_.slots[i].y}))
        Say("slot " + std::to_string(i) + " lies on a road");
    for (size_t i = 0; i < town_.lots.size(); ++i) {
      for (const auto& p : SamplesOf(town_.lots[i].outline, 3)) {
        if (!OnRoad(p)) continue;
        Say("lot " + std::to_string(i) + " lies on a road");
        break;
      }
    }
  }

  const Town& town_;                   // Not owned; Run() is called while it lives.
  std::vector<geom::Bounds2> bounds_;  // Of the segments.
  std::map<std::pair<int, int>, std::vector<int>> cells_;  // Segments by place.
  std::vector<std::string> complaints_;
};

}  // namespace

std::vector<std::string> CheckTown(const Town& town) { return Checker(town).Run(); }

}  // namespace occvla::world
