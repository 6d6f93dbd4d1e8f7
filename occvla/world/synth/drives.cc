#include "occvla/world/synth/drives.h"

#include "occvla/world/synth/scene_writer.h"
#include "occvla/world/traffic/plan.h"

namespace occvla::world::synth {

std::vector<DriveOptions> DrivesOf(const Config& config, std::span<const ScenePlan> plan,
                                   uint64_t seed) {
  auto drives = PlanDrives({.count = plan.size(),
                            .seed = seed,
                            .duration_s = DriveDuration(static_cast<size_t>(config.set.keyframes)),
                            .minimum_share = config.traffic.least_manoeuvre_share});
  for (size_t i = 0; i < drives.size(); ++i) {
    drives[i].day_time = plan[i].day_time;
    drives[i].density *= config.traffic.density;
    drives[i].crowd *= config.traffic.density;
  }
  return drives;
}

}  // namespace occvla::world::synth
