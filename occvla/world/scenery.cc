#include "occvla/world/scenery.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "occvla/geom/polygon.h"
#include "occvla/world/scenery_site.h"

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kPost = 0.3, kTrunk = 0.4;  // Metres square.
constexpr double kLightView = 22;            // Along which no crown hides a light.
constexpr double kSlotLength = 5.4, kSlotWidth = 2.3;

Vector2d Flat(const Prop& prop) { return prop.p_G.head<2>(); }

}  // namespace

double Draw(Rng& rng, double low, double high) { return low + (high - low) * rng.Uniform(); }

Polygon2 FootprintOf(const Prop& prop) {
  switch (prop.kind) {
    case PropKind::kStreetLamp:
    case PropKind::kTrafficLight:
    case PropKind::kStopSign:
    case PropKind::kPole:
      return Rectangle(Flat(prop), prop.yaw, kPost, kPost);
    case PropKind::kTree:
    case PropKind::kConifer:
      return Rectangle(Flat(prop), prop.yaw, kTrunk, kTrunk);
    default:
      return Rectangle(Flat(prop), prop.yaw, prop.size.x(), prop.size.y());
  }
}

Site::Site(const Town& town)
    : town_(town),
      solid_(town.canvas[0], town.canvas[1]),
      soil_(solid_),
      crowns_(solid_),
      buildings_(solid_) {
  std::vector<Vector2d> lots;
  for (const Lot& lot : town.lots) lots.push_back(geom::Centroid(lot.outline.points));
  for (size_t i = 1; i < town.areas.size(); ++i) {
    const Area& area = town.areas[i];
    const bool paving = area.surface == Surface::kSidewalk || area.surface == Surface::kOtherFlat;
    const bool island = area.surface == Surface::kOtherFlat && area.raised > 0;
    if (!paving || island) solid_.Take(area.outline);
    // A lot's paving is its own.
    const auto bounds = geom::BoundsOf(area.outline.points);
    const bool of_lot = std::any_of(lots.begin(), lots.end(), [&](const Vector2d& middle) {
      return bounds.Contains(middle) && geom::Contains(area.outline.points, middle);
    });
    if (!of_lot) soil_.Take(area.outline);
  }
  for (const Segment& segment : town.segments) crowns_.Take(segment.outline);
  for (const Walk& walk : town.walks) {
    for (size_t i = 0; i + 1 < walk.path.size(); ++i) {
      const Vector2d step = walk.path[i + 1] - walk.path[i];
      solid_.Take(Rectangle((walk.path[i] + walk.path[i + 1]) / 2, std::atan2(step.y(), step.x()),
                            step.norm(), walk.width));
      solid_.Take(walk.path[i], walk.width / 2);
    }
  }
  for (const Crossing& crossing : town.crossings) {
    const Vector2d across = crossing.to - crossing.from;
    solid_.Take(Rectangle((crossing.from + crossing.to) / 2, std::atan2(across.y(), across.x()),
                          across.norm(), 3));
  }
  for (const Slot& slot : town.slots)
    solid_.Take(Rectangle({slot.x, slot.y}, slot.yaw, kSlotLength, kSlotWidth));
  for (const TrafficLightPost& light : town.lights) {
    const Vector2d ahead(std::cos(light.yaw), std::sin(light.yaw));
    crowns_.Take(Rectangle(light.at + ahead * kLightView / 2, light.yaw, kLightView, 1));
  }
}

Rng Site::Random(const char* purpose, uint64_t index, uint64_t part) const {
  return Rng(town_.seed, std::string("scenery ") + purpose + " " + town_.location, part, index);
}

void Site::Put(Prop prop) {
  const Polygon2 footprint = FootprintOf(prop);
  solid_.Take(footprint);
  soil_.Take(footprint);
  prop.p_G.z() = town_.ground.Height(prop.p_G.x(), prop.p_G.y());
  if (prop.kind == PropKind::kHouse || prop.kind == PropKind::kBlock) {
    buildings_.Take(footprint);
    const double top = prop.p_G.z() + prop.size.z();
    for (const Vector2d& p : footprint.points)
      prop.p_G.z() = std::min(prop.p_G.z(), town_.ground.Height(p.x(), p.y()));
    prop.size.z() = top - prop.p_G.z();
  }
  props_.push_back(prop);
}

bool Site::AddBuilding(const Prop& prop, const Polygon2& within) {
  const Polygon2 footprint = FootprintOf(prop);
  for (const Vector2d& p : SamplesOf(footprint, 2))
    if (!geom::Contains(within.points, p)) return false;
  if (!solid_.IsFree(footprint)) return false;
  Put(prop);
  return true;
}

bool Site::AddWall(const Prop& prop) {
  // The piece before it ends where it begins.
  const Polygon2 middle =
      Rectangle(Flat(prop), prop.yaw, std::max(0.3, prop.size.x() - 0.8), prop.size.y());
  if (!solid_.IsFree(middle) || !soil_.IsFree(middle) || !buildings_.IsFree(FootprintOf(prop)))
    return false;
  Put(prop);
  return true;
}

bool Site::AddPost(const Prop& prop) {
  if (!solid_.IsFree(FootprintOf(prop))) return false;
  Put(prop);
  return true;
}

bool Site::AddPlant(const Prop& prop, bool on_sidewalk) {
  const Vector2d p = Flat(prop);
  const Polygon2 footprint = FootprintOf(prop);
  const double crown = std::max(prop.size.x(), prop.size.y()) / 2;
  if (!(on_sidewalk ? solid_ : soil_).IsFree(footprint) || !solid_.IsFree(footprint)) return false;
  if (!crowns_.IsFree(p, crown) || !buildings_.IsFree(p, 0.8 * crown)) return false;
  Put(prop);
  return true;
}

void Site::AddSignal(const Prop& prop) { Put(prop); }

void Site::CloseLots() {
  for (const Lot& lot : town_.lots) soil_.Take(lot.outline);
}

Prop MakeTree(Rng& rng, const Vector2d& p, double least, double most) {
  Prop tree;
  tree.kind = rng.Uniform() < 0.17 ? PropKind::kConifer : PropKind::kTree;
  const double height = Draw(rng, least, most);
  const double width =
      height * (tree.kind == PropKind::kTree ? Draw(rng, 0.5, 0.75) : Draw(rng, 0.32, 0.42));
  tree.size = {width * Draw(rng, 0.9, 1.1), width * Draw(rng, 0.9, 1.1), height};
  tree.p_G = {p.x(), p.y(), 0};
  tree.yaw = Draw(rng, -std::numbers::pi, std::numbers::pi);
  tree.look = rng.NextU64();
  return tree;
}

Prop MakeBush(Rng& rng, const Vector2d& p) {
  Prop bush;
  bush.kind = PropKind::kBush;
  const double height = Draw(rng, 0.6, 1.8);
  bush.size = {height * Draw(rng, 0.9, 1.5), height * Draw(rng, 0.9, 1.5), height};
  bush.p_G = {p.x(), p.y(), 0};
  bush.yaw = Draw(rng, -std::numbers::pi, std::numbers::pi);
  bush.look = rng.NextU64();
  return bush;
}

void GrowWild(Site& site) {
  const Town& town = site.town();
  Rng shape = site.Random("woods", 0);
  const double phase_x = Draw(shape, 0, 6), phase_y = Draw(shape, 0, 6);
  constexpr double kGrid = 7.5;
  const int columns = static_cast<int>(town.canvas[0] / kGrid),
            rows = static_cast<int>(town.canvas[1] / kGrid);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      Rng rng = site.Random("wild", static_cast<uint64_t>(row * columns + column));
      const Vector2d p((column + rng.Uniform()) * kGrid, (row + rng.Uniform()) * kGrid);
      // Groves and glades.
      const double wooded = std::sin(p.x() / 31 + phase_x) * std::sin(p.y() / 37 + phase_y);
      const double u = rng.Uniform();
      if (u < 0.34 + 0.28 * wooded) {
        site.AddPlant(MakeTree(rng, p, 5, 13), false);
      } else if (u < 0.6) {
        site.AddPlant(MakeBush(rng, p), false);
      }
    }
  }
}

std::vector<Prop> MakeScenery(const Town& town) {
  Site site(town);
  FurnishStreets(site);
  FurnishLots(site);
  site.CloseLots();
  GrowWild(site);
  return site.Finish();
}

}  // namespace occvla::world
