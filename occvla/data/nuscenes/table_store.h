#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/files.h"
#include "occvla/data/nuscenes/tables.h"

/// What a Tables object is made of. Only this folder's reader, cache and tests include it.
namespace occvla::data::nuscenes {

/// Everything of a version folder, read and resolved, in memory of our own.
struct TableStore {
  std::vector<AttributeRow> attribute;
  std::vector<CalibratedSensorRow> calibrated_sensor;
  std::vector<CategoryRow> category;
  std::vector<EgoPoseRow> ego_pose;
  std::vector<InstanceRow> instance;
  std::vector<LogRow> log;
  std::vector<MapRow> map;
  std::vector<SampleRow> sample;
  std::vector<AnnotationRow> sample_annotation;
  std::vector<SampleDataRow> sample_data;
  std::vector<SceneRow> scene;
  std::vector<SensorRow> sensor;
  std::vector<VisibilityRow> visibility;
  std::vector<Row> map_logs, sample_annotation_rows, sample_keyframe_rows,
      annotation_attribute_rows;
  /// Rows in the order of TokenIndex.
  std::vector<Row> sample_by_token, sample_data_by_token, annotation_by_token;
  std::string text;
  uint64_t dangling_map_logs = 0;
  std::string content_key;
};

struct Tables::Impl {
  Spans rows;
  std::span<const Row> sample_by_token, sample_data_by_token, annotation_by_token;
  std::string_view text;
  Facts facts;
  // One of the two holds what the spans point to.
  TableStore store;
  MappedFile file;
};

struct TablesAccess {
  using Impl = Tables::Impl;
  static Tables Make(std::unique_ptr<const Impl> impl);
  static const Impl& Of(const Tables& tables) { return *tables.impl_; }
  /// Makes the spans of `impl` those of what it owns in `store`.
  static void PointIntoStore(Impl& impl);
};

struct TableReadOptions {
  size_t piece_bytes = size_t{1} << 20;
  size_t threads = 0;  ///< 0 = one a core.
};

/// Reads the thirteen files; throws one DataError with every complaint.
TableStore ReadTableFiles(const std::filesystem::path& dataroot, const std::string& version,
                          const TableReadOptions& options = {});

/// The number of threads that 0 stands for.
size_t ThreadCount(size_t wanted);

}  // namespace occvla::data::nuscenes
