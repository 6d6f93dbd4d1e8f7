#include "occvla/label/meta_action_set.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/dataset.h"

namespace occvla::label {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::Map;
using data::nuscenes::Row;
using data::nuscenes::Tables;

/// Dataset hands out a label as past from so long after its keyframe on.
constexpr double kPastFrom = 2.9;
constexpr uint64_t kKeyFramesATurn = 256;  // Between two reports of progress.

struct Moment {
  double time = 0;
  PlanePose pose;
};

/// Where the car was when a keyframe's lidar swept.
std::optional<Moment> MomentOf(const Tables& tables, Row sample, int64_t origin_us) {
  const auto row = tables.KeyFrameData(sample, "LIDAR_TOP");
  if (!row) return std::nullopt;
  const auto& file = tables.rows().sample_data[*row];
  const auto& pose = tables.rows().ego_pose[file.ego_pose];
  const auto [w, x, y, z] = pose.rotation;
  return Moment{.time = 1e-6 * static_cast<double>(file.timestamp_us - origin_us),
                .pose = {.p_G = {pose.translation[0], pose.translation[1]},
                         .yaw = std::atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)}};
}

/// One scene's keyframes, located on its map.
class SceneLabels {
 public:
  SceneLabels(const Dataset& dataset, const LaneNetwork* lanes, Row scene, MetaActionSet* set)
      : lanes_(lanes), set_(set) {
    const Tables& tables = dataset.tables();
    const auto& rows = tables.rows();
    const Row first = rows.scene[scene].first_sample;
    for (Row sample = first; sample != data::nuscenes::kNoRow; sample = rows.sample[sample].next) {
      const auto moment = MomentOf(tables, sample, rows.sample[first].timestamp_us);
      samples_.push_back(sample);
      known_.push_back(moment.has_value());
      times_.push_back(moment ? moment->time : 0);
      places_.push_back(
          !moment ? LanePlace{}
          : lanes_ == nullptr
              ? LanePlace{.pose = moment->pose, .candidates = {}, .in_intersection = false}
              : lanes_->Place(moment->pose));
    }
  }

  size_t size() const { return samples_.size(); }

  void Label(size_t k) {
    if (const auto why = Problem(k)) {
      set_->unlabelled.push_back({samples_[k], *why});
      return;
    }
    set_->labelled.push_back(
        {.sample = samples_[k],
         .label = LabelWindow(std::span(times_).subspan(k).first<kWindow>(),
                              std::span(places_).subspan(k).first<kWindow>(), lanes_, set_->rules),
         .map = lanes_ == nullptr ? nullptr : &lanes_->map()});
  }

 private:
  std::optional<Unlabelled> Problem(size_t k) const {
    if (k + kWindow > size()) return Unlabelled::kTooFewFollow;
    const auto begin = known_.begin() + static_cast<std::ptrdiff_t>(k);
    if (std::find(begin, begin + kWindow, false) != begin + kWindow) return Unlabelled::kNoPose;
    if (!WindowIsRegular(std::span(times_).subspan(k).first<kWindow>()))
      return Unlabelled::kIrregular;
    return std::nullopt;
  }

  const LaneNetwork* lanes_;
  MetaActionSet* set_;
  std::vector<Row> samples_;
  std::vector<bool> known_;
  std::vector<double> times_;
  std::vector<LanePlace> places_;
};

}  // namespace

bool WindowIsRegular(std::span<const double, kWindow> times) {
  for (size_t k = 1; k < kWindow; ++k) {
    const double gap = times[k] - times[k - 1];
    if (!(gap > 0 && gap <= 1)) return false;
  }
  const double whole = times[kWindow - 1] - times[0];
  return whole >= 2.5 && whole <= 3.6 && times[kWindow - 2] - times[0] < kPastFrom;
}

MetaActionSet LabelKeyFrames(const Dataset& dataset, const std::string& split,
                             const MetaActionRules& rules,
                             const std::function<void(uint64_t done, uint64_t total)>& progress) {
  rules.Validate();
  MetaActionSet set{.split = split, .rules = rules, .labelled = {}, .unlabelled = {}};
  const auto& rows = dataset.tables().rows();
  const auto scenes = dataset.Scenes(split);
  uint64_t total = 0, done = 0;
  for (const Row scene : scenes) total += rows.scene[scene].sample_count;
  std::map<std::string, std::unique_ptr<const LaneNetwork>, std::less<>> networks;
  for (const Row scene : scenes) {
    const std::string location(dataset.tables().Text(rows.log[rows.scene[scene].log].location));
    auto known = networks.find(location);
    if (known == networks.end()) {
      const Map* map = dataset.MapOf(location);
      known = networks
                  .emplace(location, map == nullptr ? nullptr
                                                    : std::make_unique<const LaneNetwork>(
                                                          *map, rules.matching))
                  .first;
    }
    SceneLabels labels(dataset, known->second.get(), scene, &set);
    for (size_t k = 0; k < labels.size(); ++k) {
      labels.Label(k);
      if (++done % kKeyFramesATurn == 0 || done == total) progress(done, total);
    }
  }
  return set;
}

Calibration CalibrateChanging(const MetaActionSet& set) {
  std::vector<double> gains, losses;  // m/s^2 of windows that are not all at rest.
  for (const auto& one : set.labelled) {
    const auto& evidence = one.label.evidence;
    const double fastest = *std::max_element(evidence.speeds.begin(), evidence.speeds.end());
    if (fastest < set.rules.speed.standstill) continue;
    (evidence.acceleration > 0 ? gains : losses).push_back(std::abs(evidence.acceleration));
  }
  if (set.labelled.empty()) {
    throw DataError("split " + set.split +
                    ": no keyframe could be labelled, so there is nothing to calibrate with.");
  }
  std::sort(gains.begin(), gains.end());
  std::sort(losses.begin(), losses.end());
  const auto from = [](const std::vector<double>& sorted, double least) {
    return sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), least);
  };
  const auto all = static_cast<double>(set.labelled.size());
  Calibration best;
  double least = 2;
  for (int hundredths = 1; hundredths <= 500; ++hundredths) {
    const double changing = hundredths / 100.0;
    const double up = static_cast<double>(from(gains, changing)) / all;
    const double down = static_cast<double>(from(losses, changing)) / all;
    const double largest = std::max({1 - up - down, up, down});
    const auto off = [&](double threshold) {
      return std::abs(threshold - set.rules.speed.changing);
    };
    if (largest > least || (largest == least && off(changing) >= off(best.changing))) continue;
    least = largest;
    best = {.changing = changing, .share = {1 - up - down, up, down}};
  }
  return best;
}

}  // namespace occvla::label
