#pragma once
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "occvla/world/scenery.h"
#include "occvla/world/synth/folder.h"
#include "occvla/world/synth/plan.h"
#include "occvla/world/town.h"

namespace occvla::world::synth {

/// The towns of a data set, each made when first asked for. Any thread may ask.
class Towns {
 public:
  struct Place {
    Town town;
    std::vector<Prop> props;
  };

  Towns(const Config::Town& config, uint64_t seed) : config_(config), seed_(seed) {}

  /// Lives as long as this object.
  const Place& At(size_t location);
  /// Writes a location's map expansion, semantic prior and base map, unless they are there.
  void WriteMaps(size_t location, Folder* folder);

 private:
  Config::Town config_;
  uint64_t seed_;
  std::array<std::once_flag, kLocations.size()> once_;
  std::array<std::unique_ptr<const Place>, kLocations.size()> places_;
};

}  // namespace occvla::world::synth
