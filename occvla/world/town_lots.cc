#include <algorithm>
#include <cmath>

#include "occvla/base/rng.h"
#include "occvla/world/town_roadside.h"
#include "occvla/world/town_shapes.h"

namespace occvla::world {

namespace {

using Eigen::Vector2d;

// Of a car park: a row of places, the aisle between two rows, a place's width, the drive.
constexpr double kRow = 5.2, kAisle = 6.6, kPlace = 2.6, kDrive = 7;
constexpr double kBehindSidewalk = 1.2;  // From the sidewalk to a car park.
constexpr double kApart = 0.8;           // Between lots, and from a sidewalk to a lot.

double Between(Rng& rng, double low, double high) { return low + (high - low) * rng.Uniform(); }

FreeSpace BuiltUp(const Town& town) {
  FreeSpace space(town.canvas[0], town.canvas[1]);
  for (size_t i = 1; i < town.areas.size(); ++i) space.Take(town.areas[i].outline);  // But terrain.
  return space;
}

/// A car park's own axes: u along the road, v away from it, the middle of its front as origin.
struct Yard {
  Vector2d origin, u, v;
  double width = 0, depth = 0;

  Vector2d At(double x, double y) const { return origin + x * u + y * v; }
  Polygon2 Box(double x0, double x1, double y0, double y1) const {
    Polygon2 box{{At(x0, y0), At(x1, y0), At(x1, y1), At(x0, y1)}};
    if (u.x() * v.y() - u.y() * v.x() < 0) std::reverse(box.points.begin(), box.points.end());
    return box;
  }
};

/// A row of places from `near` to `near + kRow`, all with their fronts towards +v or -v.
void AddRow(const Yard& yard, double near, double front, double inset, double gap, Town& town) {
  const double usable = yard.width / 2 - inset;
  const int n = static_cast<int>(2 * usable / kPlace);
  const Vector2d ahead = front * yard.v;
  const double yaw = std::atan2(ahead.y(), ahead.x());
  for (int i = 0; i < n; ++i) {
    const double x = (i + 0.5 - n / 2.0) * kPlace;
    if (std::abs(x) < gap / 2 + kPlace / 2) continue;
    const Vector2d p = yard.At(x, near + kRow / 2);
    town.slots.push_back({.x = p.x(), .y = p.y(), .yaw = yaw});
    for (const double side : {-0.5, 0.5}) {
      town.markings.push_back({.line = {yard.At(x + side * kPlace, near + 0.1),
                                        yard.At(x + side * kPlace, near + kRow - 0.1)},
                               .width = 0.1});
    }
  }
}

bool AddCarpark(const Side& side, double s, bool deep, Rng& rng, FreeSpace& space, Town& town) {
  Yard yard;
  yard.origin = side.Point(s, side.Outer() + kBehindSidewalk);
  yard.u = side.edge.curve.Direction(s);
  yard.v = side.Outwards(s);
  yard.width = Between(rng, 32, 46);
  yard.depth = 0.5 + 2 * kRow + kAisle + (deep ? 2 * kRow + kAisle : 0) + 0.5;
  const double half = yard.width / 2;
  if (!space.IsFree(yard.Box(-half, half, 0, yard.depth))) return false;
  space.Take(yard.Box(-half - kApart, half + kApart, 0, yard.depth + kApart));
  town.areas.push_back({Surface::kCarpark, yard.Box(-half, half, 0, yard.depth), 0});
  const double to_kerb = side.Outer() - side.Kerb() + kBehindSidewalk;
  const Polygon2 drive = yard.Box(-kDrive / 2, kDrive / 2, -to_kerb, 0.2);
  town.areas.push_back({Surface::kCarpark, drive, 0});
  space.Take(drive);
  AddRow(yard, 0.5, -1, 0.4, kDrive, town);
  AddRow(yard, 0.5 + kRow + kAisle, 1, deep ? 7 : 0.4, 0, town);
  if (deep) {
    AddRow(yard, 0.5 + 2 * kRow + kAisle, -1, 7, 0, town);
    AddRow(yard, 0.5 + 3 * kRow + 2 * kAisle, 1, 0.4, 0, town);
  }
  return true;
}

bool TryCarpark(const Plan& plan, size_t e, bool left, FreeSpace& space, Town& town,
                std::vector<NoParking>& no_parking) {
  const Edge& edge = plan.edges[e];
  Rng rng(town.seed, "town car parks " + town.location, left ? 1 : 0, e);
  for (const bool deep : {true, false}) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      const double s = Between(rng, edge.from + 14, edge.to - 14);
      const bool blocked = std::any_of(no_parking.begin(), no_parking.end(), [&](const auto& gap) {
        return gap.edge == e && gap.left == left && s > gap.from - 6 && s < gap.to + 6;
      });
      if (blocked || !AddCarpark({edge, left}, s, deep, rng, space, town)) continue;
      no_parking.push_back({e, left, s - kDrive / 2 - 2, s + kDrive / 2 + 2});
      return true;
    }
  }
  return false;
}

struct Plot {
  LotUse use = LotUse::kHouse;
  double width = 0, depth = 0;
};

Plot DrawPlot(Quarter quarter, Rng& rng) {
  const double u = rng.Uniform();
  switch (quarter) {
    case Quarter::kHouses:
      if (u < 0.06) return {LotUse::kPark, Between(rng, 14, 24), Between(rng, 16, 24)};
      return {LotUse::kHouse, Between(rng, 12.5, 18), Between(rng, 18, 25)};
    case Quarter::kDowntown:
      if (u < 0.12) return {LotUse::kPlaza, Between(rng, 14, 24), Between(rng, 14, 22)};
      return {LotUse::kBlock, Between(rng, 15, 32), Between(rng, 15, 23)};
    case Quarter::kWorks:
      if (u < 0.2) return {LotUse::kPark, Between(rng, 12, 20), Between(rng, 16, 24)};
      return {LotUse::kWorks, Between(rng, 24, 40), Between(rng, 20, 28)};
    case Quarter::kPark:
      break;
  }
  if (u < 0.1) return {LotUse::kPlaza, Between(rng, 14, 22), Between(rng, 12, 18)};
  return {LotUse::kPark, Between(rng, 18, 30), Between(rng, 20, 28)};
}

void AddLotsAlong(const Side& side, Rng& rng, FreeSpace& space, Town& town) {
  const Edge& edge = side.edge;
  const double near = side.Outer() + kApart;
  for (double s = edge.from - 6; s < edge.to;) {
    const Plot plot = DrawPlot(side.quarter(), rng);
    double depth = plot.depth;
    // What bends away narrows behind.
    const double to = s + plot.width;
    bool placed = false;
    for (; to < edge.to + 6 && depth > 11 && !placed; depth *= 0.8) {
      Polygon2 outline = side.Strip(s, to, near, near + depth);
      if (!space.IsFree(outline)) continue;
      placed = true;
      space.Take(outline);
      const Vector2d towards = -side.Outwards((s + to) / 2);
      if (plot.use == LotUse::kBlock)
        town.areas.push_back(
            {Surface::kSidewalk, side.Strip(s - 0.3, to + 0.3, near - kApart, near + depth), 0.12});
      if (plot.use == LotUse::kPlaza || plot.use == LotUse::kWorks)
        town.areas.push_back(
            {Surface::kOtherFlat, side.Strip(s, to, near - kApart, near + depth), 0});
      town.lots.push_back({.use = plot.use,
                           .outline = std::move(outline),
                           .frontage_yaw = std::atan2(towards.y(), towards.x())});
    }
    s += placed ? plot.width + kApart : 3;
  }
}

}  // namespace

void AddCarparks(const Plan& plan, Town& town, std::vector<NoParking>& no_parking) {
  FreeSpace space = BuiltUp(town);
  size_t count = 0;
  for (const bool insist : {false, true}) {
    for (size_t e = 0; e < plan.edges.size(); ++e) {
      Rng rng(town.seed, "town car park roads " + town.location, 0, e);
      for (const bool left : {true, false}) {
        const Quarter quarter = Side{plan.edges[e], left}.quarter();
        const double share = quarter == Quarter::kWorks      ? 0.4
                             : quarter == Quarter::kDowntown ? 0.18
                             : quarter == Quarter::kPark     ? 0.1
                                                             : 0.03;
        if (insist ? count > 0 : rng.Uniform() > share) continue;
        count += TryCarpark(plan, e, left, space, town, no_parking) ? 1 : 0;
      }
    }
  }
}

void AddLots(const Plan& plan, Town& town) {
  FreeSpace space = BuiltUp(town);
  for (size_t e = 0; e < plan.edges.size(); ++e) {
    for (const bool left : {true, false}) {
      Rng rng(town.seed, "town lots " + town.location, left ? 1 : 0, e);
      AddLotsAlong({plan.edges[e], left}, rng, space, town);
    }
  }
}

}  // namespace occvla::world
