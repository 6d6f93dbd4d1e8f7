#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>

#include "occvla/world/drive.h"
#include "occvla/world/scenery.h"
#include "occvla/world/synth/config.h"
#include "occvla/world/synth/parallel.h"
#include "occvla/world/synth/plan.h"
#include "occvla/world/synth/scene_record.h"
#include "occvla/world/town.h"

/// One scene as files: images, sweeps, occupancy, CAN bus; and the rows that the tables get of it.
namespace occvla::world::synth {

/// Where the keyframes lie in a drive: the first after a lead-in, so that cameras may fire before
/// their lidar.
inline constexpr double kLeadIn = 0.5, kInterval = 0.5;
inline double KeyframeTime(size_t keyframe) {
  return kLeadIn + kInterval * static_cast<double>(keyframe);
}
/// What a drive must last for a number of keyframes.
inline double DriveDuration(size_t keyframes) { return KeyframeTime(keyframes) - kInterval + 0.1; }

/// What a scene is made from. Referred to, not owned.
struct SceneInput {
  const Config& config;
  uint64_t seed = 0;  ///< Of the data set.
  size_t index = 0;   ///< In the plan.
  const ScenePlan& plan;
  const Town& town;
  std::span<const Prop> props;
  const Drive& drive;
  Workers& workers;  ///< They share the keyframes.
};

/// Called after every keyframe, by one thread at a time.
using KeyframeDone = std::function<void()>;

/// Writes the scene's files below `stage` as they shall lie below the data set. The bytes do not
/// depend on the number of threads. Throws BusyError soon after `stop` is requested.
SceneRecord WriteScene(const SceneInput& input, const std::filesystem::path& stage,
                       std::stop_token stop, const KeyframeDone& done);

}  // namespace occvla::world::synth
