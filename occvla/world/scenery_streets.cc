#include <algorithm>
#include <cmath>
#include <numbers>

#include "occvla/world/scenery_site.h"

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kPi = std::numbers::pi;
constexpr double kLampEvery = 31;  // Metres, on either side, in turn.

/// A walk's path by arc length.
struct Path {
  explicit Path(const Walk& w) : walk(w), s{0} {
    for (size_t i = 1; i < w.path.size(); ++i)
      s.push_back(s.back() + (w.path[i] - w.path[i - 1]).norm());
  }
  double length() const { return s.back(); }
  /// A point `side` metres towards the road, and the direction there.
  Vector2d At(double along, double side, double& to_road) const {
    const auto found = std::upper_bound(s.begin() + 1, s.end() - 1, along);
    const size_t i = static_cast<size_t>(found - s.begin());
    const Vector2d step = (walk.path[i] - walk.path[i - 1]).normalized();
    const Vector2d road =
        walk.road_on_left ? Vector2d(-step.y(), step.x()) : Vector2d(step.y(), -step.x());
    to_road = std::atan2(road.y(), road.x());
    return walk.path[i - 1] + step * (along - s[i - 1]) + side * road;
  }
  /// Within a sidewalk's kerb side.
  double Kerb() const { return walk.width / 2 + 0.52; }

  const Walk& walk;  // Outlives the path.
  std::vector<double> s;
};

Prop PostAt(PropKind kind, const Vector2d& p, double yaw, const Eigen::Vector3d& size, Rng& rng) {
  Prop prop;
  prop.kind = kind;
  prop.p_G = {p.x(), p.y(), 0};
  prop.yaw = yaw;
  prop.size = size;
  prop.look = rng.NextU64();
  return prop;
}

void AddSignals(Site& site) {
  const Town& town = site.town();
  for (size_t i = 0; i < town.lights.size(); ++i) {
    Rng rng = site.Random("lights", i);
    Prop prop = PostAt(PropKind::kTrafficLight, town.lights[i].at, town.lights[i].yaw,
                       {0.35, 0.35, Draw(rng, 4.2, 5.0)}, rng);
    prop.link = static_cast<int>(i);
    site.AddSignal(prop);
  }
  for (size_t i = 0; i < town.signs.size(); ++i) {
    Rng rng = site.Random("signs", i);
    Prop prop = PostAt(PropKind::kStopSign, town.signs[i].at, town.signs[i].yaw,
                       {0.1, 0.75, Draw(rng, 2.4, 2.8)}, rng);
    prop.link = static_cast<int>(i);
    site.AddSignal(prop);
  }
}

void AddLamps(Site& site, const Path& path, bool odd, Rng& rng) {
  const double height = Draw(rng, 6.5, 8.5);
  for (double s = odd ? 10 : 10 + kLampEvery / 2; s < path.length() - 6; s += kLampEvery) {
    for (double shift = 0; shift < 6; shift += 1.5) {
      double to_road = 0;
      const Vector2d p = path.At(s + shift, path.Kerb(), to_road);
      if (site.AddPost(PostAt(PropKind::kStreetLamp, p, to_road, {1.8, 0.2, height}, rng))) break;
    }
  }
}

void AddSmallThings(Site& site, const Path& path, Rng& rng) {
  for (double s = Draw(rng, 8, 24); s < path.length() - 8; s += Draw(rng, 14, 38)) {
    double to_road = 0;
    const Vector2d p = path.At(s, path.Kerb(), to_road);
    if (rng.Uniform() < 0.45) {
      site.AddPost(
          PostAt(PropKind::kPole, p, to_road - kPi / 2, {0.12, 0.12, Draw(rng, 2.4, 3.4)}, rng));
    } else {
      const double wide = Draw(rng, 0.4, 0.6);
      site.AddPost(PostAt(PropKind::kBin, p, to_road, {wide, wide, Draw(rng, 0.8, 1.2)}, rng));
    }
  }
}

/// Street trees: by the kerb where a parking strip keeps the lanes away, else nowhere.
void AddStreetTrees(Site& site, const Path& path, Rng& rng) {
  if (rng.Uniform() < 0.25) return;
  const double every = Draw(rng, 9, 15);
  for (double s = Draw(rng, 8, 14); s < path.length() - 8; s += every * Draw(rng, 0.9, 1.1)) {
    double to_road = 0;
    const Vector2d p = path.At(s, path.Kerb(), to_road);
    Prop tree = MakeTree(rng, p, 6, 8.5);
    tree.kind = PropKind::kTree;
    const double width = Draw(rng, 3.2, 4.4);
    tree.size.head<2>() = Vector2d(width, width);
    site.AddPlant(tree, true);
  }
}

}  // namespace

void FurnishStreets(Site& site) {
  AddSignals(site);
  const Town& town = site.town();
  for (size_t i = 0; i < town.walks.size(); ++i) {
    Rng rng = site.Random("street", i);
    const Path path(town.walks[i]);
    AddLamps(site, path, i % 2 == 1, rng);
    AddStreetTrees(site, path, rng);
    AddSmallThings(site, path, rng);
  }
}

}  // namespace occvla::world
