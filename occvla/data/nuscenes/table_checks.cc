#include "occvla/data/nuscenes/table_checks.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "occvla/base/text.h"

namespace occvla::data::nuscenes {
namespace {

std::string_view TextOf(const TableStore& store, const TextRef& text) {
  return std::string_view(store.text).substr(text.offset, text.size);
}

Modality ModalityOf(const TableStore& store, const CalibratedSensorRow& mounted) {
  return store.sensor[mounted.sensor].modality;
}

// Lists that belong to an owner (a scene's samples, an instance's annotations): what the owner says
// of them. `Owner(row)` is kNoRow for a row without one.
struct OwnedLists {
  std::string owner_table, table;    // For complaints.
  const char *owner_word, *counter;  // "scene", "nbr_samples".
  const char *first_field, *last_field;
};

template <typename OwnerRow, typename RowType, typename OwnerOf, typename TimeOf, typename EndsOf>
void CheckOwned(const std::vector<OwnerRow>& owners, const std::vector<RowType>& rows,
                const OwnedLists& names, const OwnerOf& owner_of, const TimeOf& time_of,
                const EndsOf& ends_of, Complaints& complaints) {
  std::vector<uint32_t> counts(owners.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    const Row owner = owner_of(rows[row]), next = rows[row].next;
    ++counts[owner];
    if (next == kNoRow) continue;
    if (owner_of(rows[next]) != owner) {
      complaints.Add(
          FieldPlace(names.table, row, "next") +
          fmt::format(" leads to record {}, which belongs to another {}", next, names.owner_word));
    } else if (!(time_of(rows[row]) < time_of(rows[next]))) {
      complaints.Add(FieldPlace(names.table, row, "next") +
                     fmt::format(" leads to record {}, which is not later: {} us after {} us", next,
                                 time_of(rows[next]), time_of(rows[row])));
    }
  }
  for (size_t i = 0; i < owners.size(); ++i) {
    const auto [first, last, stated] = ends_of(owners[i]);
    const auto complain = [&](const char* field, const std::string& problem) {
      complaints.Add(FieldPlace(names.owner_table, i, field) + " " + problem);
    };
    if (stated != counts[i]) {
      complain(names.counter,
               fmt::format("is {}, but {} has {} records of it", stated, names.table, counts[i]));
      continue;
    }
    for (const auto& [field, end] :
         {std::pair{names.first_field, first}, {names.last_field, last}}) {
      if (owner_of(rows[end]) != i) {
        complain(field, fmt::format("names record {} of {}, which belongs to another {}", end,
                                    names.table, names.owner_word));
      }
    }
    if (owner_of(rows[first]) != i || owner_of(rows[last]) != i) continue;
    if (rows[first].previous != kNoRow) {
      complain(names.first_field,
               fmt::format("names record {} of {}, which has a \"prev\"", first, names.table));
    } else if (rows[last].next != kNoRow) {
      complain(names.last_field,
               fmt::format("names record {} of {}, which has a \"next\"", last, names.table));
    } else {
      uint32_t length = 1;
      Row at = first;
      for (; rows[at].next != kNoRow; at = rows[at].next) ++length;
      if (at != last || length != stated) {
        complain(names.first_field,
                 fmt::format("begins a list of {} records that ends at record {} of {}, but {} "
                             "belong to it and \"{}\" names record {}",
                             length, at, names.table, stated, names.last_field, last));
      }
    }
  }
}

// Rows by owner, in the order of the rows: a list and each owner's range in it.
template <typename Rows, typename OwnerOf, typename SetRange>
std::vector<Row> ListByOwner(const Rows& rows, size_t owners, const OwnerOf& owner_of,
                             const SetRange& set_range) {
  std::vector<uint32_t> begins(owners + 1);
  for (const auto& row : rows)
    if (const Row owner = owner_of(row); owner != kNoRow) ++begins[owner + 1];
  for (size_t i = 0; i < owners; ++i) {
    begins[i + 1] += begins[i];
    set_range(i, begins[i], begins[i + 1]);
  }
  std::vector<Row> list(begins[owners]);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (const Row owner = owner_of(rows[i]); owner != kNoRow)
      list[begins[owner]++] = static_cast<Row>(i);
  }
  return list;
}

template <typename SetRange>
std::vector<Row> KeyFramesBySample(const TableStore& store, const SetRange& set_range) {
  return ListByOwner(
      store.sample_data, store.sample.size(),
      [](const SampleDataRow& row) { return row.is_key_frame ? row.sample : kNoRow; }, set_range);
}

}  // namespace

void CheckLevels(const TableStore& store, const std::string& table, const TableState& state,
                 Complaints& complaints) {
  std::map<int32_t, size_t> seen;
  for (size_t i = 0; i < store.visibility.size(); ++i) {
    if (state.IsDamaged(static_cast<Row>(i))) continue;
    const auto [place, fresh] = seen.emplace(store.visibility[i].level, i);
    if (fresh) continue;
    complaints.Add(FieldPlace(table, i, "token") +
                   fmt::format(" is \"{}\", which record {} has already", store.visibility[i].level,
                               place->second));
  }
}

bool HasLevel(const TableStore& store, int32_t level) {
  for (const VisibilityRow& row : store.visibility)
    if (row.level == level) return true;
  return false;
}

void CheckCameras(const TableStore& store, const std::string& table, const TableState& state,
                  Complaints& complaints) {
  for (size_t i = 0; i < store.calibrated_sensor.size(); ++i) {
    const CalibratedSensorRow& row = store.calibrated_sensor[i];
    if (row.sensor == kNoRow || row.has_intrinsic || state.IsDamaged(static_cast<Row>(i))) continue;
    if (ModalityOf(store, row) == Modality::kCamera) {
      complaints.Add(FieldPlace(table, i, "camera_intrinsic") +
                     " must be a matrix, because the sensor is a camera, but is []");
    }
  }
}

void LinkLogs(TableStore& store, const std::string& table, bool sound, Complaints& complaints) {
  for (size_t map = 0; map < store.map.size(); ++map) {
    for (uint32_t i = store.map[map].logs.begin; i < store.map[map].logs.end; ++i) {
      LogRow& log = store.log[store.map_logs[i]];
      if (sound && log.map != kNoRow && log.map != map) {
        complaints.Add(
            fmt::format("{}, record {} is in the \"log_tokens\" of two maps, records {} "
                        "and {} of the map table",
                        table, store.map_logs[i], log.map, map));
      }
      log.map = static_cast<Row>(map);
    }
  }
  for (size_t i = 0; i < store.log.size() && sound; ++i) {
    if (store.log[i].map != kNoRow) continue;
    complaints.Add(
        fmt::format("{}, record {} is in no map's \"log_tokens\"; expected one map", table, i));
  }
}

void CheckSceneNames(const TableStore& store, const std::string& table, const TableState& state,
                     Complaints& complaints) {
  std::map<std::string_view, size_t> seen;
  for (size_t i = 0; i < store.scene.size(); ++i) {
    if (state.IsDamaged(static_cast<Row>(i)) || state.has_duplicates) continue;
    const std::string_view name = TextOf(store, store.scene[i].name);
    if (name.empty() || name.find_first_of("/\\") != std::string_view::npos || name == "." ||
        name == "..") {
      complaints.Add(FieldPlace(table, i, "name") +
                     " must be a name that can be a folder's, but is " + Quoted(name, 60));
      continue;
    }
    const auto [place, fresh] = seen.emplace(name, i);
    if (fresh) continue;
    complaints.Add(FieldPlace(table, i, "name") + fmt::format(" is {}, which record {} has already",
                                                              Quoted(name, 60), place->second));
  }
}

void CheckScenes(const TableStore& store, const std::string& scene_table,
                 const std::string& sample_table, Complaints& complaints) {
  CheckOwned(
      store.scene, store.sample,
      {.owner_table = scene_table,
       .table = sample_table,
       .owner_word = "scene",
       .counter = "nbr_samples",
       .first_field = "first_sample_token",
       .last_field = "last_sample_token"},
      [](const SampleRow& row) { return row.scene; },
      [](const SampleRow& row) { return row.timestamp_us; },
      [](const SceneRow& row) {
        return std::tuple{row.first_sample, row.last_sample, row.sample_count};
      },
      complaints);
}

void CheckInstances(const TableStore& store, const std::string& instance_table,
                    const std::string& annotation_table, Complaints& complaints) {
  CheckOwned(
      store.instance, store.sample_annotation,
      {.owner_table = instance_table,
       .table = annotation_table,
       .owner_word = "instance",
       .counter = "nbr_annotations",
       .first_field = "first_annotation_token",
       .last_field = "last_annotation_token"},
      [](const AnnotationRow& row) { return row.instance; },
      [&](const AnnotationRow& row) { return store.sample[row.sample].timestamp_us; },
      [](const InstanceRow& row) {
        return std::tuple{row.first_annotation, row.last_annotation, row.annotation_count};
      },
      complaints);
}

void CheckSampleData(const TableStore& store, const std::string& table, const TableState& state,
                     bool linked, Complaints& complaints) {
  const auto sensor_of = [&](const SampleDataRow& row) {
    return row.calibrated_sensor == kNoRow ? kNoRow
                                           : store.calibrated_sensor[row.calibrated_sensor].sensor;
  };
  for (size_t i = 0; i < store.sample_data.size(); ++i) {
    const SampleDataRow& row = store.sample_data[i];
    const Row sensor = sensor_of(row);
    if (sensor == kNoRow || (!state.damaged.empty() && state.IsDamaged(static_cast<Row>(i))))
      continue;
    if (linked && row.next != kNoRow && sensor_of(store.sample_data[row.next]) != sensor) {
      complaints.Add(FieldPlace(table, i, "next") +
                     fmt::format(" leads to record {}, which is of another sensor", row.next));
    }
    if (store.sensor[sensor].modality == Modality::kCamera &&
        (row.width_px == 0 || row.height_px == 0)) {
      complaints.Add(FieldPlace(table, i, row.width_px == 0 ? "width" : "height") +
                     " must be above 0 for an image, but is 0");
    }
  }
  if (state.has_duplicates) return;
  std::vector<Range> ranges(store.sample.size());
  const std::vector<Row> keyframes =
      KeyFramesBySample(store, [&](size_t i, uint32_t begin, uint32_t end) {
        ranges[i] = {begin, end};
      });
  // Per sensor: its latest sample that has a keyframe of it, and that keyframe.
  std::vector<std::pair<size_t, Row>> latest(store.sensor.size(), {ranges.size(), kNoRow});
  for (size_t sample = 0; sample < ranges.size(); ++sample) {
    for (uint32_t i = ranges[sample].begin; i < ranges[sample].end; ++i) {
      const Row sensor = sensor_of(store.sample_data[keyframes[i]]);
      if (sensor == kNoRow) continue;
      auto& [latest_sample, row] = latest[sensor];
      if (latest_sample == sample) {
        complaints.Add(
            FieldPlace(table, keyframes[i], "is_key_frame") +
            fmt::format(" is true, but record {} is the keyframe of {} in this sample already", row,
                        Printable(TextOf(store, store.sensor[sensor].channel), 40)));
      } else {
        latest_sample = sample;
        row = keyframes[i];
      }
    }
  }
}

void MakeLists(TableStore& store) {
  store.sample_annotation_rows = ListByOwner(
      store.sample_annotation, store.sample.size(),
      [](const AnnotationRow& row) { return row.sample; },
      [&](size_t i, uint32_t begin, uint32_t end) {
        store.sample[i].annotations.begin = begin;
        store.sample[i].annotations.end = end;
      });
  store.sample_keyframe_rows =
      KeyFramesBySample(store, [&](size_t i, uint32_t begin, uint32_t end) {
        store.sample[i].keyframes.begin = begin;
        store.sample[i].keyframes.end = end;
      });
}

}  // namespace occvla::data::nuscenes
