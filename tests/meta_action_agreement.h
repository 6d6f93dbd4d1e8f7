#pragma once
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "occvla/label/meta_action_label.h"
#include "occvla/world/drive.h"
#include "occvla/world/synth/scene_writer.h"

/// Labels of simulated drives against what the simulator meant: no pictures, no files.
namespace occvla::tests {

/// A keyframe with enough future.
struct ComparedKeyFrame {
  size_t scene = 0, keyframe = 0;
  data::MetaAction intended;
  label::MetaActionLabel labelled = {};
  /// The direction meant is the same half a second before and after: the window's edges cut no
  /// manoeuvre.
  bool away_from_edges = false;
};

struct Agreement {
  size_t keyframes = 0, agreed = 0;                  ///< Of direction.
  std::array<std::array<size_t, 6>, 6> direction{};  ///< [intended][labelled].
  size_t velocity_agreed = 0, fallbacks = 0;

  double share() const { return static_cast<double>(agreed) / static_cast<double>(keyframes); }
  void Add(const ComparedKeyFrame& one) {
    const auto want = static_cast<size_t>(one.intended.direction);
    const auto got = static_cast<size_t>(one.labelled.action.direction);
    ++keyframes;
    ++direction[want][got];
    agreed += want == got;
    velocity_agreed += one.intended.velocity == one.labelled.action.velocity;
    fallbacks += one.labelled.evidence.fallback != label::Fallback::kNone;
  }
};

/// The scene's keyframes that six others follow.
inline std::vector<ComparedKeyFrame> CompareDrive(size_t scene, const world::Drive& drive,
                                                  size_t keyframes, const label::LaneNetwork& lanes,
                                                  const label::MetaActionRules& rules) {
  std::vector<double> times;
  std::vector<label::LanePlace> places;
  std::vector<data::MetaAction> intents;
  for (size_t k = 0; k < keyframes; ++k) {
    times.push_back(world::synth::KeyframeTime(k));
    const geom::Pose X_GE = world::EgoAt(drive, times.back()).X_GE;
    places.push_back(lanes.Place(
        {.p_G = X_GE.translation().head<2>(), .yaw = std::atan2(X_GE(1, 0), X_GE(0, 0))}));
    const auto step = static_cast<size_t>(std::llround(times.back() / drive.step_s));
    intents.push_back(drive.intents.at(step));
  }
  std::vector<ComparedKeyFrame> compared;
  for (size_t k = 0; k + label::kWindow <= keyframes; ++k) {
    ComparedKeyFrame one{.scene = scene, .keyframe = k, .intended = intents[k]};
    one.labelled =
        label::LabelWindow(std::span(times).subspan(k).first<label::kWindow>(),
                           std::span(places).subspan(k).first<label::kWindow>(), &lanes, rules);
    const auto same = [&](size_t other) {
      return intents[other].direction == intents[k].direction;
    };
    one.away_from_edges = (k == 0 || same(k - 1)) && same(k + 1);
    compared.push_back(one);
  }
  return compared;
}

}  // namespace occvla::tests
