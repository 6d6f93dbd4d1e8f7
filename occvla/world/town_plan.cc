#include "occvla/world/town_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "occvla/base/rng.h"

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kPi = std::numbers::pi;
constexpr double kGutter = 0.4;      // Between the outer lane and the kerb.
constexpr double kMargin = 95;       // From the canvas' border to the outermost road.
constexpr double kStraightEnd = 30;  // Of every road's curve, near a node.
constexpr double kLeastRadius = 45;  // Of a road's bend.
constexpr double kChamfer = 3;       // Cut off a block's corner, along either sidewalk.

struct Grid {
  int n = 0;                // Nodes a side.
  std::vector<Vector2d> p;  // n * n.
  std::vector<Section> rows, columns;
  std::vector<Quarter> quarters;  // (n + 1)^2 cells, the outermost outside the ring.
  std::vector<bool> across, up;   // Whether the edge right of / above a node exists.

  int Node(int i, int j) const { return j * n + i; }
  Quarter Cell(int i, int j) const {
    return quarters[static_cast<size_t>((j + 1) * (n + 1) + i + 1)];
  }
};

double Between(Rng& rng, double low, double high) { return low + (high - low) * rng.Uniform(); }

Section Street(Rng& rng, int lanes) {
  Section s;
  s.forward = s.backward = lanes;
  s.lane_width = Between(rng, 3.2, 3.6);
  s.sidewalk = Between(rng, 2.8, 4.2);
  s.major = lanes > 1;
  s.speed_limit = lanes == 1 ? Between(rng, 8.3, 11.2) : Between(rng, 12.5, 16.7);
  if (lanes == 1) {
    if (rng.Uniform() < 0.6) s.park_right = 2.4;
    if (rng.Uniform() < 0.6) s.park_left = 2.4;
  } else if (rng.Uniform() < 0.6) {
    s.median = Between(rng, 1.8, 3.0);
  }
  return s;
}

Section OneWay(Rng& rng) {
  Section s = Street(rng, 1);
  s.forward = 2;
  s.backward = 0;
  s.speed_limit = Between(rng, 9, 12);
  return s;
}

/// The rows' (or columns') sections: the two outermost are the ring, one inner street is wide.
std::vector<Section> Streets(Rng& rng, int n, const Section& ring, int widest, int one_way) {
  std::vector<Section> streets(static_cast<size_t>(n), ring);
  std::vector<size_t> inner;
  for (int i = 1; i + 1 < n; ++i) inner.push_back(static_cast<size_t>(i));
  for (size_t i = inner.size(); i > 1; --i) std::swap(inner[i - 1], inner[rng.Below(i)]);
  for (size_t k = 0; k < inner.size(); ++k) {
    Section& s = streets[inner[k]];
    if (k == 0) {
      s = Street(rng, widest);
    } else if (static_cast<int>(k) == one_way) {
      s = OneWay(rng);
    } else {
      s = Street(rng, rng.Uniform() < 0.2 ? 2 : 1);
    }
  }
  return streets;
}

Grid MakeGrid(const TownOptions& options, Rng& rng) {
  Grid grid;
  const double span = options.size_m - 2 * kMargin;
  grid.n = std::max(3, static_cast<int>(std::lround(span / options.spacing_m))) + 1;
  const double step = span / (grid.n - 1);
  const double turn = Between(rng, -0.05, 0.05);
  const double wave_x = Between(rng, 4, 9), wave_y = Between(rng, 4, 9);
  const double phase_x = Between(rng, 0, 2 * kPi), phase_y = Between(rng, 0, 2 * kPi);
  for (int j = 0; j < grid.n; ++j) {
    for (int i = 0; i < grid.n; ++i) {
      const Vector2d flat(i * step - span / 2, j * step - span / 2);
      Vector2d p = 0.96 * Vector2d(std::cos(turn) * flat.x() - std::sin(turn) * flat.y(),
                                   std::sin(turn) * flat.x() + std::cos(turn) * flat.y());
      p.x() += wave_x * std::sin(flat.y() / 95 + phase_x) + Between(rng, -7, 7);
      p.y() += wave_y * std::sin(flat.x() / 95 + phase_y) + Between(rng, -7, 7);
      grid.p.push_back(p + Vector2d::Constant(options.size_m / 2));
    }
  }
  const Section ring = Street(rng, rng.Uniform() < 0.5 ? 2 : 1);
  grid.columns = Streets(rng, grid.n, ring, rng.Uniform() < 0.6 ? 3 : 2, 2);
  grid.rows = Streets(rng, grid.n, ring, 2, 1);
  const size_t count = static_cast<size_t>((grid.n + 1) * (grid.n + 1));
  for (size_t i = 0; i < count; ++i) {
    const double u = rng.Uniform();
    grid.quarters.push_back(u < 0.45   ? Quarter::kHouses
                            : u < 0.78 ? Quarter::kDowntown
                            : u < 0.9  ? Quarter::kPark
                                       : Quarter::kWorks);
  }
  return grid;
}

/// Takes some narrow inner streets away, so that there are junctions of three and larger blocks;
/// every junction keeps three arms.
void RemoveSome(Grid& grid, Rng& rng) {
  const int n = grid.n;
  grid.across.assign(static_cast<size_t>(n * n), true);
  grid.up = grid.across;
  std::vector<int> degree(static_cast<size_t>(n * n), 4);
  struct Candidate {
    int i, j;
    bool across;
  };
  std::vector<Candidate> candidates;
  for (int j = 1; j + 1 < n; ++j) {
    for (int i = 1; i + 1 < n; ++i) {
      const auto narrow = [](const Section& s) { return !s.major && s.backward > 0; };
      if (i + 2 < n && narrow(grid.rows[static_cast<size_t>(j)]))
        candidates.push_back({i, j, true});
      if (j + 2 < n && narrow(grid.columns[static_cast<size_t>(i)]))
        candidates.push_back({i, j, false});
    }
  }
  for (size_t k = candidates.size(); k > 1; --k)
    std::swap(candidates[k - 1], candidates[rng.Below(k)]);
  size_t left = (candidates.size() + 2) / 4;
  for (const auto& c : candidates) {
    const size_t a = static_cast<size_t>(grid.Node(c.i, c.j));
    const size_t b =
        static_cast<size_t>(c.across ? grid.Node(c.i + 1, c.j) : grid.Node(c.i, c.j + 1));
    if (left == 0 || degree[a] < 4 || degree[b] < 4) continue;
    --degree[a], --degree[b], --left;
    (c.across ? grid.across : grid.up)[a] = false;
    // The two cells become one block.
    const auto cell = [&](int i, int j) -> Quarter& {
      return grid.quarters[static_cast<size_t>((j + 1) * (n + 1) + i + 1)];
    };
    if (c.across) {
      cell(c.i, c.j) = cell(c.i, c.j - 1);
    } else {
      cell(c.i, c.j) = cell(c.i - 1, c.j);
    }
  }
}

/// A straight line, a bend or an S between two nodes, straight for kStraightEnd at both ends.
Curve Between(const Vector2d& a, const Vector2d& b, Rng& rng) {
  const Vector2d along = b - a, left = Vector2d(-along.y(), along.x()).normalized();
  const double length = along.norm(), kind = rng.Uniform();
  const double side = rng.Uniform() < 0.5 ? 1 : -1;
  for (double offset = Between(rng, 6, 13); offset > 1.2 && kind > 0.35; offset *= 0.8) {
    const bool bend = kind < 0.75;
    std::vector<Vector2d> points;
    double radius = 0;
    if (bend) {
      points = {a, a + along / 2 + side * offset * left, b};
      const double slope = std::atan(2 * offset / length);
      radius = (length / 2 - kStraightEnd) / std::tan(slope);
    } else {
      points = {a, a + 0.36 * along + side * offset / 2 * left,
                a + 0.64 * along - side * offset / 2 * left, b};
      const double slope = std::atan(offset / 2 / (0.36 * length));
      const double turn = slope + std::atan(offset / (0.28 * length));
      radius = std::min(0.36 * length - kStraightEnd, 0.138 * length) / std::tan(turn / 2);
    }
    if (radius < kLeastRadius) continue;
    const auto curve =
        Rounded(points, std::vector<double>(points.size() - 2, std::min(radius, 600.0)));
    if (curve) return *curve;
  }
  return *Rounded({a, b}, {});
}

void AddEdges(const Grid& grid, const std::vector<int>& node_of, Rng& rng, Plan& plan) {
  const int n = grid.n;
  const auto add = [&](int a, int b, const Section& section, Quarter left, Quarter right,
                       const Curve& curve) {
    plan.edges.push_back({.a = node_of[static_cast<size_t>(a)],
                          .b = node_of[static_cast<size_t>(b)],
                          .section = section,
                          .curve = curve,
                          .quarter_left = left,
                          .quarter_right = right});
  };
  const auto point = [&](int i, int j) { return grid.p[static_cast<size_t>(grid.Node(i, j))]; };
  const auto corner = [&](int i, int j) {
    return (i == 0 || i == n - 1) && (j == 0 || j == n - 1);
  };
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) {
      const int node = grid.Node(i, j);
      const size_t index = static_cast<size_t>(node);
      if (i + 1 < n && grid.across[index] && !corner(i, j) && !corner(i + 1, j)) {
        add(node, grid.Node(i + 1, j), grid.rows[static_cast<size_t>(j)], grid.Cell(i, j),
            grid.Cell(i, j - 1), Between(point(i, j), point(i + 1, j), rng));
      }
      if (j + 1 < n && grid.up[index] && !corner(i, j) && !corner(i, j + 1)) {
        add(node, grid.Node(i, j + 1), grid.columns[static_cast<size_t>(i)], grid.Cell(i - 1, j),
            grid.Cell(i, j), Between(point(i, j), point(i, j + 1), rng));
      }
    }
  }
  // Around the ring's four corners, in wide bends; the inside is on the left.
  const Section& ring = grid.rows[0];
  const int m = n - 1;
  const std::array<std::array<int, 6>, 4> corners{{{0, 1, 0, 0, 1, 0},
                                                   {m - 1, 0, m, 0, m, 1},
                                                   {m, m - 1, m, m, m - 1, m},
                                                   {1, m, 0, m, 0, m - 1}}};
  for (const auto& c : corners) {
    const std::vector<Vector2d> points{point(c[0], c[1]), point(c[2], c[3]), point(c[4], c[5])};
    const Vector2d u = points[1] - points[0], v = points[2] - points[1];
    const double turn = WrapAngle(std::atan2(v.y(), v.x()) - std::atan2(u.y(), u.x()));
    const double most = (std::min(u.norm(), v.norm()) - kStraightEnd) / std::tan(turn / 2);
    const double radius = std::min(most, Between(rng, 45, 65));
    const int inside_i = std::min(c[2], m - 1), inside_j = std::min(c[3], m - 1);
    const int outside_i = c[2] == 0 ? -1 : m, outside_j = c[3] == 0 ? -1 : m;
    add(grid.Node(c[0], c[1]), grid.Node(c[4], c[5]), ring, grid.Cell(inside_i, inside_j),
        grid.Cell(outside_i, outside_j), *Rounded(points, {radius}));
  }
}

void AddArms(Plan& plan) {
  for (size_t e = 0; e < plan.edges.size(); ++e) {
    const Edge& edge = plan.edges[e];
    const Section& s = edge.section;
    const double end_yaw = edge.curve.At(edge.curve.length())[2];
    plan.nodes[static_cast<size_t>(edge.a)].arms.push_back({.edge = static_cast<int>(e),
                                                            .at_start = true,
                                                            .yaw = edge.curve.start()[2],
                                                            .half = s.Half(),
                                                            .outer_left = s.Outer(true),
                                                            .outer_right = s.Outer(false),
                                                            .walk_left = s.Walk(true),
                                                            .walk_right = s.Walk(false)});
    plan.nodes[static_cast<size_t>(edge.b)].arms.push_back({.edge = static_cast<int>(e),
                                                            .at_start = false,
                                                            .yaw = WrapAngle(end_yaw + kPi),
                                                            .half = s.Half(),
                                                            .outer_left = s.Outer(false),
                                                            .outer_right = s.Outer(true),
                                                            .walk_left = s.Walk(false),
                                                            .walk_right = s.Walk(true)});
  }
  for (Node& node : plan.nodes) {
    std::sort(node.arms.begin(), node.arms.end(),
              [](const Arm& x, const Arm& y) { return x.yaw < y.yaw; });
  }
}

/// How far from the node the edges at offsets `left` of one arm and `right` of the next meet, along
/// the first.
double MeetingPoint(double left, double right, double gap) {
  return (right + left * std::cos(gap)) / std::sin(gap);
}

void SetReach(Node& node) {
  for (Arm& arm : node.arms) arm.reach = 4;
  std::vector<double> outer(node.arms.size(), 0);
  for (size_t k = 0; k < node.arms.size(); ++k) {
    const double gap = node.Gap(k);
    if (gap > Node::kStraightSide) continue;
    Arm& arm = node.arms[k];
    const size_t k2 = (k + 1) % node.arms.size();
    Arm& next = node.arms[k2];
    const double tangent = node.corner_radius / std::tan(gap / 2);
    arm.reach = std::max(arm.reach, MeetingPoint(arm.half, next.half, gap) + tangent);
    next.reach = std::max(next.reach, MeetingPoint(next.half, arm.half, gap) + tangent);
    outer[k] = std::max(outer[k], MeetingPoint(arm.outer_left, next.outer_right, gap));
    outer[k2] = std::max(outer[k2], MeetingPoint(next.outer_right, arm.outer_left, gap));
  }
  for (size_t k = 0; k < node.arms.size(); ++k) {
    Arm& arm = node.arms[k];
    arm.reach = std::max(arm.reach + (arm.crossing ? kCrossingZone : 1.5), outer[k] + kChamfer);
  }
}

double Reach(const Node& node) {
  double most = 0;
  for (const Arm& arm : node.arms) most = std::max(most, arm.reach);
  return most;
}

/// Who has priority, and by what it is told.
void SetControl(const Plan& plan, Node& node, Rng& rng) {
  size_t major = 0;
  const auto is_major = [&](const Arm& arm) {
    return plan.edges[static_cast<size_t>(arm.edge)].section.major;
  };
  for (const Arm& arm : node.arms) major += is_major(arm) ? 1 : 0;
  // The arm without another opposite is the stem of a T.
  const auto opposite = [&](const Arm& arm) {
    return std::any_of(node.arms.begin(), node.arms.end(), [&](const Arm& other) {
      return std::abs(WrapAngle(other.yaw - arm.yaw)) > 0.8 * kPi;
    });
  };
  const bool tee = node.arms.size() == 3;
  const bool mixed = major > 0 && major < node.arms.size();
  const double u = rng.Uniform();
  const bool stem_major = tee && mixed && major == 1;
  if (major == node.arms.size() || stem_major || (mixed && u < 0.45)) {
    node.control = Control::kLights;
    node.split_phases = rng.Uniform() < 0.3;
  } else if (mixed) {
    node.control = u < 0.8 ? Control::kStopSigns : Control::kYield;
    for (Arm& arm : node.arms) arm.gives_way = !is_major(arm);
  } else if (u < 0.4) {
    node.control = Control::kStopSigns;
    for (Arm& arm : node.arms) arm.gives_way = !tee || !opposite(arm);
  } else if (u < 0.6 && tee) {
    node.control = Control::kYield;
    for (Arm& arm : node.arms) arm.gives_way = !opposite(arm);
  } else if (u < 0.75) {
    node.control = Control::kLights;
  }
  const double often = node.control == Control::kLights ? 0.85 : 0.55;
  for (Arm& arm : node.arms) arm.crossing = rng.Uniform() < often;
}

}  // namespace

double Section::Half() const {
  if (backward == 0) return forward * lane_width / 2 + kGutter;
  return median / 2 + std::max(forward, backward) * lane_width + kGutter;
}

double Section::Outer(bool left) const {
  return Half() + (left ? park_left : park_right) + sidewalk;
}

double Section::WalkWidth() const { return sidewalk - kFurniture - 0.2; }

double Section::Walk(bool left) const { return Outer(left) - 0.1 - WalkWidth() / 2; }

Polygon2 Side::Strip(double from, double to, double near, double far) const {
  return left ? Band(edge.curve, from, to, near, far) : Band(edge.curve, from, to, -far, -near);
}

double Section::LaneOffset(bool forward_lane, int lane) const {
  if (backward == 0) return (lane + 0.5 - forward / 2.0) * lane_width;
  const int lanes = forward_lane ? forward : backward;
  return (forward_lane ? -1 : 1) * (median / 2 + (lanes - lane - 0.5) * lane_width);
}

double Node::Gap(size_t arm) const {
  const double gap = Next(arm).yaw - arms[arm].yaw;
  return gap > 0 ? gap : gap + 2 * kPi;
}

Vector2d OnArm(const Node& node, const Arm& arm, double x, double y) {
  const double c = std::cos(arm.yaw), s = std::sin(arm.yaw);
  return node.p + Vector2d(c * x - s * y, s * x + c * y);
}

Plan MakePlan(const TownOptions& options) {
  Plan plan;
  plan.size = options.size_m;
  Rng rng(options.seed, "town plan " + options.location);
  Grid grid = MakeGrid(options, rng);
  RemoveSome(grid, rng);
  std::vector<int> node_of(grid.p.size(), kNoIndex);
  for (int j = 0; j < grid.n; ++j) {
    for (int i = 0; i < grid.n; ++i) {
      if ((i == 0 || i == grid.n - 1) && (j == 0 || j == grid.n - 1)) continue;
      const size_t k = static_cast<size_t>(grid.Node(i, j));
      node_of[k] = static_cast<int>(plan.nodes.size());
      plan.nodes.emplace_back().p = grid.p[k];
    }
  }
  AddEdges(grid, node_of, rng, plan);
  AddArms(plan);
  for (Node& node : plan.nodes) {
    node.corner_radius = Between(rng, 6, 8.5);
    SetControl(plan, node, rng);
    do {  // Sharper corners where the junction would grow into its roads' bends.
      node.corner_radius *= 0.95;
      SetReach(node);
    } while (node.corner_radius > 3.5 && Reach(node) > kStraightEnd - 1);
    for (const Arm& arm : node.arms) {
      Edge& edge = plan.edges[static_cast<size_t>(arm.edge)];
      if (arm.at_start) {
        edge.from = arm.reach;
      } else {
        edge.to = edge.curve.length() - arm.reach;
      }
    }
  }
  return plan;
}

}  // namespace occvla::world
