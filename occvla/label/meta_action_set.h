#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/tables.h"
#include "occvla/label/meta_action_label.h"
#include "occvla/label/meta_action_rules.h"

namespace occvla::data::nuscenes {
class Dataset;
class Map;
}  // namespace occvla::data::nuscenes

/// Meta actions of a data set's keyframes, and the files that keep them.
namespace occvla::label {

struct LabelledKeyFrame {
  data::nuscenes::Row sample = data::nuscenes::kNoRow;
  MetaActionLabel label;
  /// Numbers the lanes of the evidence; null where the place has no map. The data set's own.
  const data::nuscenes::Map* map = nullptr;
};

/// Why a keyframe has no label.
enum class Unlabelled : uint8_t {
  kTooFewFollow,  ///< Fewer than six keyframes of its scene follow.
  kIrregular,     ///< Its six do not lie about half a second apart (WindowIsRegular).
  kNoPose         ///< One of the seven has no LIDAR_TOP, and so no pose.
};
inline constexpr std::array<std::string_view, 3> kUnlabelledNames = {
    "fewer than six keyframes follow", "the six keyframes after it are not half a second apart",
    "a keyframe of its window has no LIDAR_TOP"};

struct UnlabelledKeyFrame {
  data::nuscenes::Row sample = data::nuscenes::kNoRow;
  Unlabelled why = Unlabelled::kTooFewFollow;
};

struct MetaActionSet {
  std::string split;
  MetaActionRules rules;
  std::vector<LabelledKeyFrame> labelled;  ///< By scene name, then by time.
  std::vector<UnlabelledKeyFrame> unlabelled;
};

/// Labels the keyframes of a split. `progress` is told now and then how many are done; what it
/// throws ends the work. A label is a function of its keyframe and the six after it alone.
MetaActionSet LabelKeyFrames(const data::nuscenes::Dataset& dataset, const std::string& split,
                             const MetaActionRules& rules,
                             const std::function<void(uint64_t done, uint64_t total)>& progress);

/// True for times (seconds) from 2.5 s to 3.6 s in all, no gap above 1 s, the fifth half second
/// over before 2.9 s: a keyframe 2.9 s later is then never inside of the window. That is from when
/// on Dataset hands the label out as one of the past.
bool WindowIsRegular(std::span<const double, kWindow> times);

/// The threshold of acceleration at which the largest class of velocity is as small as it can be,
/// to 0.01 m/s^2; of several the nearest to the one that the set was labelled with.
struct Calibration {
  double changing = 0;            ///< m/s^2.
  std::array<double, 3> share{};  ///< Of Maintain speed, Accelerate, Decelerate with it; sum 1.
};
/// Throws DataError when nothing is labelled.
Calibration CalibrateChanging(const MetaActionSet& set);

/// `{"<sample token>": "<velocity>, <direction>"}`, as Dataset reads it.
std::string LabelsText(const MetaActionSet& set, const data::nuscenes::Tables& tables);
/// What each label rests on, the rules, and what is not labelled and why.
std::string EvidenceText(const MetaActionSet& set, const data::nuscenes::Tables& tables);
/// `meta_actions.json` -> `meta_actions.evidence.json`.
std::filesystem::path EvidencePath(const std::filesystem::path& labels);
/// Writes both, each whole or not at all; the labels last, so that they never lack evidence.
void WriteMetaActions(const MetaActionSet& set, const data::nuscenes::Tables& tables,
                      const std::filesystem::path& labels);

}  // namespace occvla::label
