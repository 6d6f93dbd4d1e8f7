#include "occvla/data/nuscenes/planning_export.h"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <cmath>
#include <set>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/nuscenes/write_tables.h"
#include "occvla/geom/camera.h"

namespace occvla::data::nuscenes {
namespace {

geom::Pose PoseOf(const std::array<double, 3>& translation, const std::array<double, 4>& rotation) {
  geom::Pose pose = geom::Pose::Identity();
  pose.translation() << translation[0], translation[1], translation[2];
  const Eigen::Quaterniond q(rotation[0], rotation[1], rotation[2], rotation[3]);
  pose.linear() = q.normalized().toRotationMatrix();
  return pose;
}

double YawOf(const Eigen::Matrix3d& rotation) { return std::atan2(rotation(1, 0), rotation(0, 0)); }

const SampleDataRow& LidarOf(const Tables& tables, Row sample) {
  const auto row = tables.KeyFrameData(sample, "LIDAR_TOP");
  if (!row) {
    throw DataError(fmt::format(
        "keyframe {} has no LIDAR_TOP in sample_data: where the car was is not known. `occvla data "
        "check` lists such keyframes.",
        tables.rows().sample[sample].token.ToString()));
  }
  return tables.rows().sample_data[*row];
}

geom::Pose EgoPoseOf(const Tables& tables, Row sample) {
  const EgoPoseRow& pose = tables.rows().ego_pose[LidarOf(tables, sample).ego_pose];
  return PoseOf(pose.translation, pose.rotation);
}

std::vector<PlanningAgent> AgentsAt(const Tables& tables, Row sample, const geom::Pose& X_EG) {
  const Tables::Spans& rows = tables.rows();
  std::vector<PlanningAgent> agents;
  const Range range = rows.sample[sample].annotations;
  agents.reserve(range.end - range.begin);
  for (uint32_t at = range.begin; at < range.end; ++at) {
    const AnnotationRow& row = rows.sample_annotation[rows.sample_annotation_rows[at]];
    const InstanceRow& instance = rows.instance[row.instance];
    const geom::Pose X_EB = X_EG * PoseOf(row.translation, row.rotation);
    agents.push_back({.x_E = X_EB.translation().x(),
                      .y_E = X_EB.translation().y(),
                      .length = row.size[1],
                      .width = row.size[0],
                      .yaw_E = YawOf(X_EB.linear()),
                      .category = std::string(tables.Text(rows.category[instance.category].name)),
                      .id = instance.token.ToString(),
                      .lidar_points = row.lidar_points,
                      .radar_points = row.radar_points});
  }
  return agents;
}

std::vector<std::string> SeenAt(const Tables& tables, Row sample) {
  constexpr int32_t kSeen = 2;
  constexpr int kKeyFrames = 3;
  const Tables::Spans& rows = tables.rows();
  std::set<std::string> seen;
  for (int step = 0; step < kKeyFrames && sample != kNoRow; ++step) {
    const Range range = rows.sample[sample].annotations;
    for (uint32_t at = range.begin; at < range.end; ++at) {
      const AnnotationRow& row = rows.sample_annotation[rows.sample_annotation_rows[at]];
      if (row.visibility >= kSeen) seen.insert(rows.instance[row.instance].token.ToString());
    }
    sample = rows.sample[sample].previous;
  }
  return {seen.begin(), seen.end()};
}

int CountAlong(const Tables& tables, Row sample, Row SampleRow::*link) {
  int count = 0;
  for (sample = tables.rows().sample[sample].*link; sample != kNoRow;
       sample = tables.rows().sample[sample].*link) {
    ++count;
  }
  return count;
}

void AppendNumbers(std::span<const double> numbers, std::string* json) {
  *json += '[';
  for (size_t index = 0; index < numbers.size(); ++index) {
    if (index > 0) *json += ", ";
    AppendNumber(numbers[index], json);
  }
  *json += ']';
}

/// `write` appends one item.
template <typename Items, typename Write>
void AppendList(const Items& items, std::string* json, const Write& write) {
  *json += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) *json += ", ";
    first = false;
    write(item);
  }
  *json += ']';
}

void AppendAgents(const std::vector<PlanningAgent>& agents, std::string* json) {
  AppendList(agents, json, [&](const PlanningAgent& agent) {
    *json += '[';
    for (const double number : {agent.x_E, agent.y_E, agent.length, agent.width, agent.yaw_E}) {
      AppendNumber(number, json);
      *json += ", ";
    }
    AppendQuoted(agent.category, json);
    *json += ", ";
    AppendQuoted(agent.id, json);
    *json += fmt::format(", {}, {}]", agent.lidar_points, agent.radar_points);
  });
}

}  // namespace

PlanningTruth PlanningTruthOf(const Tables& tables, Row sample) {
  const Tables::Spans& rows = tables.rows();
  PlanningTruth truth;
  truth.scene = tables.Text(rows.scene[rows.sample[sample].scene].name);
  truth.frames_before = CountAlong(tables, sample, &SampleRow::previous);
  truth.frames_after = CountAlong(tables, sample, &SampleRow::next);
  const CalibratedSensorRow& mount =
      rows.calibrated_sensor[LidarOf(tables, sample).calibrated_sensor];
  truth.lidar_translation = mount.translation;
  truth.lidar_yaw = YawOf(PoseOf(mount.translation, mount.rotation).linear());
  const geom::Pose X_EG = EgoPoseOf(tables, sample).inverse();
  truth.agents_now = AgentsAt(tables, sample, X_EG);
  truth.seen = SeenAt(tables, sample);
  Row at = sample;
  for (size_t step = 0; step < 6; ++step) {
    at = rows.sample[at].next;
    if (at == kNoRow) break;
    const geom::Pose X_EEk = X_EG * EgoPoseOf(tables, at);
    truth.valid[step] = true;
    truth.positions_E[step] = {X_EEk.translation().x(), X_EEk.translation().y()};
    truth.yaws_E[step] = YawOf(X_EEk.linear());
    truth.agents[step] = AgentsAt(tables, at, X_EG);
  }
  return truth;
}

std::string ToJson(const PlanningTruth& truth) {
  std::string json = "{\"case\": ";
  AppendQuoted(truth.scene, &json);
  json += fmt::format(", \"frames_before\": {}, \"frames_after\": {}, ", truth.frames_before,
                      truth.frames_after);
  json += "\"lidar_in_ego\": {\"translation\": ";
  AppendNumbers(truth.lidar_translation, &json);
  json += ", \"yaw\": ";
  AppendNumber(truth.lidar_yaw, &json);
  json += "}, \"gt\": ";
  AppendList(truth.positions_E, &json,
             [&](const std::array<double, 2>& p_E) { AppendNumbers(p_E, &json); });
  json += ", \"ego_yaw\": ";
  AppendNumbers(truth.yaws_E, &json);
  json += ", \"valid\": ";
  AppendList(truth.valid, &json, [&](bool valid) { json += valid ? "true" : "false"; });
  json += ", \"agents_now\": ";
  AppendAgents(truth.agents_now, &json);
  json += ", \"agents\": ";
  AppendList(truth.agents, &json,
             [&](const std::vector<PlanningAgent>& agents) { AppendAgents(agents, &json); });
  json += ", \"seen\": ";
  AppendList(truth.seen, &json, [&](const std::string& id) { AppendQuoted(id, &json); });
  json += '}';
  return json;
}

void ExportPlanning(const Tables& tables, std::span<const Row> keyframes,
                    const std::filesystem::path& path,
                    const std::function<void(uint64_t done)>& progress) {
  AtomicFile file(path);
  file.Write("{");
  for (size_t index = 0; index < keyframes.size(); ++index) {
    std::string text = index == 0 ? "\n" : ",\n";
    AppendQuoted(tables.rows().sample[keyframes[index]].token.ToString(), &text);
    text += ": " + ToJson(PlanningTruthOf(tables, keyframes[index]));
    file.Write(text);
    if (progress) progress(index + 1);
  }
  file.Write("\n}\n");
  file.Commit();
}

}  // namespace occvla::data::nuscenes
