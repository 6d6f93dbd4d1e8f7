#pragma once
#include <Eigen/Core>
#include <string>
#include <vector>

#include "occvla/base/rng.h"
#include "occvla/world/scenery.h"
#include "occvla/world/town.h"
#include "occvla/world/town_shapes.h"

/// Where scenery may stand, and what stands already.
namespace occvla::world {

class Site {
 public:
  explicit Site(const Town& town);

  const Town& town() const { return town_; }
  Rng Random(const char* purpose, uint64_t index, uint64_t part = 0) const;

  /// Each adds a prop and true if there is room for it, else nothing and false. Buildings and walls
  /// keep inside `within`, if given.
  bool AddBuilding(const Prop& prop, const Polygon2& within);
  bool AddWall(const Prop& prop);
  /// Posts, bins: on the kerb's side of sidewalks too.
  bool AddPost(const Prop& prop);
  /// Trees and bushes: also the crown keeps off lanes, buildings and what must be seen.
  /// `on_sidewalk`: the trunk may stand where people do not walk.
  bool AddPlant(const Prop& prop, bool on_sidewalk);
  /// Lights and signs, which stand where the town says.
  void AddSignal(const Prop& prop);

  /// Lots count as taken from here on.
  void CloseLots();

  std::vector<Prop> Finish() { return std::move(props_); }

 private:
  void Put(Prop prop);

  const Town& town_;  // Not owned; outlives the site.
  FreeSpace solid_;   // Roads, walks, places, whatever stands.
  FreeSpace soil_;    // Sidewalks too.
  FreeSpace crowns_;  // Lanes and what lights shine through.
  FreeSpace buildings_;
  std::vector<Prop> props_;
};

/// Between `low` and `high`.
double Draw(Rng& rng, double low, double high);

Prop MakeTree(Rng& rng, const Eigen::Vector2d& p, double least, double most);
Prop MakeBush(Rng& rng, const Eigen::Vector2d& p);

void FurnishStreets(Site& site);
void FurnishLots(Site& site);
/// Block interiors and the country around the town.
void GrowWild(Site& site);

}  // namespace occvla::world
