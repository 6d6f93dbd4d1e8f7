#include "occvla/world/synth/towns.h"

#include "occvla/world/town_map.h"

namespace occvla::world::synth {

const Towns::Place& Towns::At(size_t location) {
  std::call_once(once_[location], [&] {
    auto place = std::make_unique<Place>();
    place->town = MakeTown({.seed = TownSeed(seed_, location),
                            .location = std::string(kLocations[location].name),
                            .size_m = config_.size_m,
                            .spacing_m = config_.spacing_m});
    place->props = MakeScenery(place->town);
    places_[location] = std::move(place);
  });
  return *places_[location];
}

void Towns::WriteMaps(size_t location, Folder* folder) {
  const std::string name(kLocations[location].name);
  if (folder->Find(name)) return;
  WriteTownMap(folder->Stage(name), At(location).town);
  folder->Commit(name, {});
}

}  // namespace occvla::world::synth
