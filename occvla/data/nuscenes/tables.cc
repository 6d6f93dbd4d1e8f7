#include "occvla/data/nuscenes/tables.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "occvla/data/nuscenes/table_store.h"
#include "occvla/data/nuscenes/token_index.h"

namespace occvla::data::nuscenes {

Tables TablesAccess::Make(std::unique_ptr<const Impl> impl) {
  Tables tables;
  tables.impl_ = std::move(impl);
  return tables;
}

void TablesAccess::PointIntoStore(Impl& impl) {
  const TableStore& store = impl.store;
  impl.rows = {.attribute = store.attribute,
               .calibrated_sensor = store.calibrated_sensor,
               .category = store.category,
               .ego_pose = store.ego_pose,
               .instance = store.instance,
               .log = store.log,
               .map = store.map,
               .sample = store.sample,
               .sample_annotation = store.sample_annotation,
               .sample_data = store.sample_data,
               .scene = store.scene,
               .sensor = store.sensor,
               .visibility = store.visibility,
               .map_logs = store.map_logs,
               .sample_annotation_rows = store.sample_annotation_rows,
               .sample_keyframe_rows = store.sample_keyframe_rows,
               .annotation_attribute_rows = store.annotation_attribute_rows};
  impl.sample_by_token = store.sample_by_token;
  impl.sample_data_by_token = store.sample_data_by_token;
  impl.annotation_by_token = store.annotation_by_token;
  impl.text = store.text;
  impl.facts.dangling_map_logs = store.dangling_map_logs;
  impl.facts.content_key = store.content_key;
}

size_t ThreadCount(size_t wanted) {
  return wanted > 0 ? wanted : std::max(1u, std::thread::hardware_concurrency());
}

Tables::Tables() : impl_(std::make_unique<const Impl>()) {}
Tables::~Tables() = default;
Tables::Tables(Tables&&) noexcept = default;
Tables& Tables::operator=(Tables&&) noexcept = default;

const Tables::Spans& Tables::rows() const { return impl_->rows; }
const Tables::Facts& Tables::facts() const { return impl_->facts; }

std::string_view Tables::Text(const TextRef& text) const {
  return impl_->text.substr(text.offset, text.size);
}

std::optional<Row> Tables::FindSample(Token token) const {
  return FindToken(impl_->rows.sample, impl_->sample_by_token, token);
}

std::optional<Row> Tables::FindSampleData(Token token) const {
  return FindToken(impl_->rows.sample_data, impl_->sample_data_by_token, token);
}

std::optional<Row> Tables::FindAnnotation(Token token) const {
  return FindToken(impl_->rows.sample_annotation, impl_->annotation_by_token, token);
}

std::optional<Row> Tables::FindScene(std::string_view name) const {
  const auto& scenes = impl_->rows.scene;
  const auto found = std::find_if(scenes.begin(), scenes.end(),
                                  [&](const SceneRow& scene) { return Text(scene.name) == name; });
  if (found == scenes.end()) return std::nullopt;
  return static_cast<Row>(found - scenes.begin());
}

std::optional<Row> Tables::KeyFrameData(Row sample, std::string_view channel) const {
  const Range range = impl_->rows.sample[sample].keyframes;
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const Row row = impl_->rows.sample_keyframe_rows[i];
    if (Channel(impl_->rows.sample_data[row]) == channel) return row;
  }
  return std::nullopt;
}

std::string_view Tables::Channel(const SampleDataRow& row) const {
  const CalibratedSensorRow& mounted = impl_->rows.calibrated_sensor[row.calibrated_sensor];
  return Text(impl_->rows.sensor[mounted.sensor].channel);
}

}  // namespace occvla::data::nuscenes
