#include "occvla/world/town_lanes.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "occvla/base/rng.h"

namespace occvla::world {

namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kLeastTurningRadius = 5;

/// Sets paths and the sampled centreline.
void SetCourse(const Curve& curve, Lane& lane) {
  lane.paths = ToArcPaths(curve);
  const double length = curve.length();
  const int n = std::max(1, static_cast<int>(std::lround(length / 0.5)));
  lane.centreline.reserve(static_cast<size_t>(n + 1));
  for (int i = 0; i <= n; ++i) {
    const double s = length * i / n;
    lane.centreline.push_back(curve.At(s));
    lane.arc_lengths.push_back(s);
  }
}

/// Which lane of one arm leads into which lane of another; lanes counted from the right.
struct Link {
  int in_lane, out_arm, out_lane;
  Turn turn;
};

struct Exit {
  int arm = kNoIndex, lanes = 0;
};

/// Straight on from lane to lane; turns from the outermost lanes; where there is no straight on,
/// the lanes divide among the turns.
std::vector<Link> LinksOf(int lanes, const Exit& straight, const Exit& left, const Exit& right) {
  std::vector<Link> links;
  const auto turn_right = [&](int lane) {
    links.push_back({lane, right.arm, std::min(lane, right.lanes - 1), Turn::kRight});
  };
  const auto turn_left = [&](int lane) {
    const int from_left = std::min(lanes - 1 - lane, left.lanes - 1);
    links.push_back({lane, left.arm, left.lanes - 1 - from_left, Turn::kLeft});
  };
  if (straight.lanes > 0) {
    for (int lane = 0; lane < lanes; ++lane) {
      if (lane < straight.lanes || left.lanes == 0) {
        links.push_back({lane, straight.arm, std::min(lane, straight.lanes - 1), Turn::kStraight});
      } else {
        turn_left(lane);
      }
    }
    if (right.lanes > 0) turn_right(0);
    if (left.lanes > 0 && lanes <= straight.lanes) turn_left(lanes - 1);
    return links;
  }
  const int to_right = left.lanes == 0 ? lanes : right.lanes == 0 ? 0 : (lanes + 1) / 2;
  for (int lane = 0; lane < to_right; ++lane) turn_right(lane);
  for (int lane = to_right; lane < lanes; ++lane) turn_left(lane);
  if (lanes == 1 && right.lanes > 0 && left.lanes > 0) turn_left(0);
  return links;
}

/// From a lane's middle to the road's edge on its driver's left.
double LeftClearance(const Section& section, bool forward, int lane) {
  const double offset = section.LaneOffset(forward, lane);
  return section.Half() - (forward ? offset : -offset);
}

class Builder {
 public:
  Builder(const Plan& plan, uint64_t seed, Town& town) : plan_(plan), seed_(seed), town_(town) {}

  RoadNet Build() {
    for (size_t e = 0; e < plan_.edges.size(); ++e) AddRoad(e);
    town_.junctions.resize(plan_.nodes.size());
    for (size_t n = 0; n < plan_.nodes.size(); ++n) AddConnectors(n);
    return std::move(net_);
  }

 private:
  Lane NewLane(const Section& section) {
    Lane lane;
    lane.token = TownToken(seed_, town_.location, town_.lanes.size());
    lane.width = section.lane_width;
    lane.speed_limit = section.speed_limit;
    return lane;
  }

  void AddRoad(size_t e) {
    const Edge& edge = plan_.edges[e];
    net_.edges.emplace_back();
    for (const bool forward : {true, false}) {
      const int count = forward ? edge.section.forward : edge.section.backward;
      auto& indices = forward ? net_.edges[e].forward : net_.edges[e].backward;
      for (int i = 0; i < count; ++i) {
        Curve curve =
            edge.curve.Between(edge.from, edge.to).Offset(edge.section.LaneOffset(forward, i));
        if (!forward) curve = curve.Reversed();
        Lane lane = NewLane(edge.section);
        SetCourse(curve, lane);
        lane.road_segment = static_cast<int>(e);
        const int index = static_cast<int>(town_.lanes.size());
        if (i > 0) {
          lane.right = index - 1;
          town_.lanes.back().left = index;
        }
        indices.push_back(index);
        town_.lanes.push_back(std::move(lane));
      }
    }
  }

  std::vector<Link> ArmLinks(const Node& node, size_t in) const {
    Exit straight, left, right;
    for (size_t out = 0; out < node.arms.size(); ++out) {
      if (out == in) continue;
      const int lanes = static_cast<int>(Lanes(node.arms[out]).OutOf(node.arms[out]).size());
      if (lanes == 0) continue;
      const double turn = WrapAngle(node.arms[out].yaw - node.arms[in].yaw - kPi);
      Exit& exit = std::abs(turn) < kPi / 4 ? straight : turn > 0 ? left : right;
      exit = {static_cast<int>(out), lanes};
    }
    const int lanes = static_cast<int>(Lanes(node.arms[in]).Into(node.arms[in]).size());
    return LinksOf(lanes, straight, left, right);
  }

  const EdgeLanes& Lanes(const Arm& arm) const { return net_.edges[static_cast<size_t>(arm.edge)]; }

  void AddConnectors(size_t n) {
    const Node& node = plan_.nodes[n];
    net_.movements.emplace_back();
    struct Row {
      int in_arm;
      Link link;
    };
    std::vector<Row> rows;
    for (size_t in = 0; in < node.arms.size(); ++in)
      for (const Link& link : ArmLinks(node, in)) rows.push_back({static_cast<int>(in), link});
    // A lane that nothing leads into opens beside the nearest one of its road.
    for (size_t out = 0; out < node.arms.size(); ++out) {
      const int lanes = static_cast<int>(Lanes(node.arms[out]).OutOf(node.arms[out]).size());
      for (int lane = 0; lane < lanes; ++lane) {
        const Row* nearest = nullptr;
        int nearest_distance = 100;
        for (const Row& row : rows) {
          if (row.link.out_arm != static_cast<int>(out)) continue;
          const int distance =
              std::abs(row.link.out_lane - lane) * 3 + (row.link.turn == Turn::kStraight ? 0 : 1);
          if (distance < nearest_distance) nearest = &row, nearest_distance = distance;
        }
        if (nearest == nullptr || nearest_distance < 3) continue;
        Row row = *nearest;
        row.link.out_lane = lane;
        rows.push_back(row);
      }
    }
    for (const Row& row : rows) AddConnector(n, row.in_arm, row.link);
  }

  void AddConnector(size_t n, int in_arm, const Link& link) {
    const Node& node = plan_.nodes[n];
    const Arm& in = node.arms[static_cast<size_t>(in_arm)];
    const Arm& out = node.arms[static_cast<size_t>(link.out_arm)];
    const Section& in_section = plan_.edges[static_cast<size_t>(in.edge)].section;
    const Section& out_section = plan_.edges[static_cast<size_t>(out.edge)].section;
    const int from = Lanes(in).Into(in)[static_cast<size_t>(link.in_lane)];
    const int to = Lanes(out).OutOf(out)[static_cast<size_t>(link.out_lane)];
    const Pose2 start = town_.lanes[static_cast<size_t>(from)].centreline.back();
    const Pose2 end = town_.lanes[static_cast<size_t>(to)].centreline.front();
    std::optional<Curve> curve;
    if (link.turn == Turn::kStraight) {
      curve = Gliding(start, end, kLeastTurningRadius);
    } else {
      // A right turn runs along the kerb's arc; a left turn as wide as leaves it straight on the
      // crossings and off the kerb on its left.
      const double kerb = std::min(in_section.lane_width, out_section.lane_width) / 2 + 0.4;
      const double turn = std::abs(WrapAngle(end[2] - start[2]));
      const double wide =
          (std::min(in.reach, out.reach) - kCrossingZone + 1.5) / std::tan(turn / 2);
      const double left = std::min(LeftClearance(in_section, !in.at_start, link.in_lane),
                                   LeftClearance(out_section, out.at_start, link.out_lane));
      const double radius = link.turn == Turn::kRight ? node.corner_radius + kerb
                                                      : std::min(wide, node.corner_radius + left);
      curve = Turning(start, end, std::max(radius, kLeastTurningRadius), kLeastTurningRadius);
    }
    if (!curve) return;
    Lane lane = NewLane(out_section);
    SetCourse(*curve, lane);
    lane.connector = true;
    lane.turn = link.turn;
    lane.width = std::min(in_section.lane_width, out_section.lane_width);
    lane.speed_limit = link.turn == Turn::kStraight
                           ? std::min(in_section.speed_limit, out_section.speed_limit)
                           : 8;
    lane.junction = static_cast<int>(n);
    lane.road_segment = static_cast<int>(plan_.edges.size() + n);
    const int index = static_cast<int>(town_.lanes.size());
    lane.predecessors = {from};
    lane.successors = {to};
    town_.lanes[static_cast<size_t>(from)].successors.push_back(index);
    town_.lanes[static_cast<size_t>(to)].predecessors.push_back(index);
    town_.junctions[n].connectors.push_back(index);
    net_.movements[n].push_back({index, in_arm, link.out_arm, link.in_lane});
    town_.lanes.push_back(std::move(lane));
  }

  const Plan& plan_;  // Not owned, like the town: Build() is called while both live.
  uint64_t seed_;
  Town& town_;
  RoadNet net_;
};

}  // namespace

std::string TownToken(uint64_t seed, const std::string& location, uint64_t number) {
  Rng rng(seed, "town token " + location, 0, number);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string token;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) token += '-';
    const uint64_t digit = rng.Below(16);
    token += i == 12 ? '4' : kHex[i == 16 ? 8 + digit % 4 : digit];  // Version 4, variant 1.
  }
  return token;
}

RoadNet AddLanes(const Plan& plan, uint64_t seed, Town& town) {
  return Builder(plan, seed, town).Build();
}

}  // namespace occvla::world
