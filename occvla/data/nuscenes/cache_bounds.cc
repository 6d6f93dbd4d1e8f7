#include "occvla/data/nuscenes/cache_bounds.h"

#include <atomic>
#include <cstring>
#include <functional>
#include <vector>

#include "occvla/data/nuscenes/parallel.h"

namespace occvla::data::nuscenes {
namespace {

constexpr size_t kShare = 1 << 15;  // Rows that a thread takes at a time.

class BoundsCheck {
 public:
  explicit BoundsCheck(const TablesAccess::Impl& tables) : t_(tables), r_(tables.rows) {}

  bool operator()(const AttributeRow& row) const { return Text(row.name) && Text(row.description); }
  bool operator()(const CalibratedSensorRow& row) const {
    return In(row.sensor, r_.sensor) && Flag(&row.has_intrinsic);
  }
  bool operator()(const CategoryRow& row) const { return Text(row.name) && Text(row.description); }
  bool operator()(const InstanceRow& row) const {
    return In(row.category, r_.category) && In(row.first_annotation, r_.sample_annotation) &&
           In(row.last_annotation, r_.sample_annotation);
  }
  bool operator()(const LogRow& row) const {
    return Text(row.logfile) && Text(row.vehicle) && Text(row.date_captured) &&
           Text(row.location) && In(row.map, r_.map);
  }
  bool operator()(const MapRow& row) const {
    return Text(row.category) && Text(row.filename) && In(row.logs, r_.map_logs);
  }
  bool operator()(const SampleRow& row) const {
    return In(row.scene, r_.scene) && InOrNone(row.next, r_.sample) &&
           InOrNone(row.previous, r_.sample) && In(row.annotations, r_.sample_annotation_rows) &&
           In(row.keyframes, r_.sample_keyframe_rows);
  }
  bool operator()(const AnnotationRow& row) const {
    return In(row.sample, r_.sample) && In(row.instance, r_.instance) &&
           InOrNone(row.next, r_.sample_annotation) &&
           InOrNone(row.previous, r_.sample_annotation) &&
           In(row.attributes, r_.annotation_attribute_rows);
  }
  bool operator()(const SampleDataRow& row) const {
    return In(row.sample, r_.sample) && In(row.ego_pose, r_.ego_pose) &&
           In(row.calibrated_sensor, r_.calibrated_sensor) && InOrNone(row.next, r_.sample_data) &&
           InOrNone(row.previous, r_.sample_data) && Text(row.filename) && Text(row.fileformat) &&
           Flag(&row.is_key_frame);
  }
  bool operator()(const SceneRow& row) const {
    return Text(row.name) && Text(row.description) && In(row.log, r_.log) &&
           In(row.first_sample, r_.sample) && In(row.last_sample, r_.sample);
  }
  bool operator()(const SensorRow& row) const {
    return Text(row.channel) && row.modality <= Modality::kRadar;
  }
  bool operator()(const VisibilityRow& row) const {
    return Text(row.name) && Text(row.description);
  }

 private:
  bool Text(const TextRef& text) const {
    return text.offset <= t_.text.size() && text.size <= t_.text.size() - text.offset;
  }
  template <typename Rows>
  bool In(Row row, const Rows& rows) const {
    return row < rows.size();
  }
  template <typename Rows>
  bool InOrNone(Row row, const Rows& rows) const {
    return row == kNoRow || row < rows.size();
  }
  bool In(Range range, std::span<const Row> list) const {
    return range.begin <= range.end && range.end <= list.size();
  }
  // Through its byte: a bool that holds another number must not be read as one.
  static bool Flag(const bool* flag) {
    unsigned char byte;
    std::memcpy(&byte, flag, 1);
    return byte <= 1;
  }

  const TablesAccess::Impl& t_;
  const Tables::Spans& r_;
};

bool HasNoRing(std::span<const SampleRow> samples) {
  std::vector<bool> seen(samples.size());
  for (size_t row = 0; row < samples.size(); ++row) {
    // A list is followed until it ends or meets what was followed before, which ends.
    std::vector<Row> path;
    Row at = static_cast<Row>(row);
    while (at != kNoRow && !seen[at]) {
      seen[at] = true;
      path.push_back(at);
      at = samples[at].next;
    }
    for (const Row before : path)
      if (before == at) return false;
  }
  return true;
}

}  // namespace

bool IsWithinBounds(const TablesAccess::Impl& tables, size_t threads) {
  const BoundsCheck check(tables);
  std::atomic<bool> good = true;
  const auto check_all = [&](const auto& rows, const auto& is_good) {
    ForEachIndex((rows.size() + kShare - 1) / kShare, threads, [&](size_t, size_t share) {
      const size_t end = std::min(rows.size(), (share + 1) * kShare);
      bool all = true;
      for (size_t i = share * kShare; i < end; ++i) all = is_good(rows[i]) && all;
      if (!all) good = false;
    });
  };
  const Tables::Spans& r = tables.rows;
  std::apply(
      [&](const auto&... rows) { (check_all(rows, check), ...); },
      std::tie(r.attribute, r.calibrated_sensor, r.category, r.instance, r.log, r.map, r.sample,
               r.sample_annotation, r.sample_data, r.scene, r.sensor, r.visibility));
  const auto check_list = [&](std::span<const Row> list, size_t count) {
    check_all(list, [count](Row row) { return row < count; });
  };
  check_list(r.map_logs, r.log.size());
  check_list(r.sample_annotation_rows, r.sample_annotation.size());
  check_list(r.sample_keyframe_rows, r.sample_data.size());
  check_list(r.annotation_attribute_rows, r.attribute.size());
  check_list(tables.sample_by_token, r.sample.size());
  check_list(tables.sample_data_by_token, r.sample_data.size());
  check_list(tables.annotation_by_token, r.sample_annotation.size());
  return good && HasNoRing(r.sample);
}

}  // namespace occvla::data::nuscenes
