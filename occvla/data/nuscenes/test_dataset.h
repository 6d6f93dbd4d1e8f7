#pragma once
#include <stdio.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/write_tables.h"

/// For tests only: small nuScenes data sets that a test makes up, changes and writes.
namespace occvla::data::nuscenes {

struct TestPlace {
  double x = 0, y = 0, yaw = 0;  ///< In G.
};

/// One annotation of a track, at a keyframe of its scene.
struct TestSighting {
  size_t keyframe = 0;
  TestPlace place;
  int visibility = 4;
  int64_t lidar_points = 10, radar_points = 0;
};

/// All rows lie open for a test to change before `Write`.
struct TestDataset {
  static constexpr int64_t kStart_us = 1'600'000'000'000'000, kKeyFrameStep_us = 500'000;
  static constexpr int kWidth_px = 4, kHeight_px = 3;

  std::vector<AttributeRecord> attributes;
  std::vector<CalibratedSensorRecord> calibrated_sensors;
  std::vector<CategoryRecord> categories;
  std::vector<EgoPoseRecord> ego_poses;
  std::vector<InstanceRecord> instances;
  std::vector<LogRecord> logs;
  std::vector<MapRecord> maps;
  std::vector<SampleRecord> samples;
  std::vector<SampleAnnotationRecord> annotations;
  std::vector<SampleDataRecord> sample_data;
  std::vector<SceneRecord> scenes;
  std::vector<SensorRecord> sensors;
  std::vector<VisibilityRecord> visibilities;
  /// Of LIDAR_TOP, at (0.9, 0, 1.8) in E with its y axis ahead; other sensors are at E's origin.
  std::array<double, 4> lidar_rotation{std::sqrt(0.5), 0, 0, -std::sqrt(0.5)};

  TestDataset() {
    for (const char* channel : {"CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_FRONT_LEFT", "CAM_BACK",
                                "CAM_BACK_LEFT", "CAM_BACK_RIGHT", "LIDAR_TOP"}) {
      sensors.push_back({Token("sensor", sensors.size()), channel,
                         std::string(channel) == "LIDAR_TOP" ? "lidar" : "camera"});
    }
    for (int level = 1; level <= 4; ++level)
      visibilities.push_back({std::to_string(level), "v" + std::to_string(level), ""});
    attributes.push_back({Token("attribute", 0), "vehicle.moving", ""});
    maps.push_back({Token("map", 0), {}, "semantic_prior", "maps/base.png"});
  }

  static std::string Token(std::string_view kind, size_t number) {
    uint32_t key = 2166136261U;
    for (const char letter : kind) key = (key ^ static_cast<unsigned char>(letter)) * 16777619U;
    // Without fmt: a test of cli sees torch's headers, which bring another version of it.
    std::array<char, 40> text{};
    snprintf(text.data(), text.size(), "%08x%024zx", key, number + 1);
    return text.data();
  }
  static std::array<double, 4> Yaw(double yaw) {
    return {std::cos(yaw / 2), 0, 0, std::sin(yaw / 2)};
  }

  /// A log of one scene, whose keyframes have the given ego places; each sensor fires once a
  /// keyframe, at its very time.
  void AddScene(const std::string& name, const std::vector<TestPlace>& places) {
    const size_t scene = scenes.size();
    logs.push_back({Token("log", scene), "log-" + name, "n000", "2020-01-01", "test-town"});
    maps[0].log_tokens.push_back(logs.back().token);
    const size_t first = samples.size(), count = places.size();
    scenes.push_back({Token("scene", scene), name, "a made-up scene", logs.back().token, count,
                      Token("sample", first), Token("sample", first + count - 1)});
    const size_t first_mount = calibrated_sensors.size();
    for (const SensorRecord& sensor : sensors) {
      const bool lidar = sensor.modality == "lidar";
      CalibratedSensorRecord mount{Token("mount", calibrated_sensors.size()), sensor.token};
      mount.rotation = {1, 0, 0, 0};
      if (lidar) {
        mount.translation = {0.9, 0, 1.8};
        mount.rotation = lidar_rotation;
      } else {
        mount.camera_intrinsic = {4, 0, 2, 0, 4, 1.5, 0, 0, 1};
      }
      calibrated_sensors.push_back(mount);
    }
    const size_t first_data = sample_data.size();
    for (size_t keyframe = 0; keyframe < count; ++keyframe) {
      const int64_t time = kStart_us + static_cast<int64_t>(scene) * 100'000'000 +
                           static_cast<int64_t>(keyframe) * kKeyFrameStep_us;
      const auto neighbour = [&](size_t at) {
        return at < count ? Token("sample", first + at) : std::string();
      };
      samples.push_back({Token("sample", first + keyframe), time, scenes.back().token,
                         neighbour(keyframe + 1), keyframe > 0 ? neighbour(keyframe - 1) : ""});
      for (size_t sensor = 0; sensor < sensors.size(); ++sensor)
        AddFile(first_data, keyframe, count, sensor, first_mount, places[keyframe]);
    }
  }

  /// Something that is annotated at keyframes of the latest scene; its box is 4 x 2 x 1.5 m.
  void AddTrack(const std::string& category, const std::vector<TestSighting>& sightings) {
    size_t row = 0;
    while (row < categories.size() && categories[row].name != category) ++row;
    if (row == categories.size()) categories.push_back({Token("category", row), category, ""});
    const size_t first_sample = samples.size() - scenes.back().nbr_samples;
    const size_t first = annotations.size(), count = sightings.size();
    instances.push_back({Token("instance", instances.size()), categories[row].token, count,
                         Token("box", first), Token("box", first + count - 1)});
    for (size_t at = 0; at < count; ++at) {
      const TestSighting& seen = sightings[at];
      SampleAnnotationRecord box{Token("box", first + at),
                                 samples[first_sample + seen.keyframe].token,
                                 instances.back().token};
      if (category.starts_with("vehicle")) box.attribute_tokens = {attributes[0].token};
      box.visibility_token = std::to_string(seen.visibility);
      box.translation = {seen.place.x, seen.place.y, 0.75};
      box.size = {2, 4, 1.5};
      box.rotation = Yaw(seen.place.yaw);
      box.num_lidar_pts = seen.lidar_points;
      box.num_radar_pts = seen.radar_points;
      box.next = at + 1 < count ? Token("box", first + at + 1) : "";
      box.prev = at > 0 ? Token("box", first + at - 1) : "";
      annotations.push_back(std::move(box));
    }
  }

  void WriteTables(const std::filesystem::path& root, const std::string& version) const {
    std::filesystem::create_directories(root / version);
    // Not TableWriter: flushing thirteen files to the disk takes longer than the rest of a test.
    const auto write = [&](const std::string& table, const auto& records) {
      std::string text;
      for (const auto& record : records) text += (text.empty() ? "[\n" : ",\n") + ToJson(record);
      Write(root / version / (table + ".json"), (text.empty() ? "[" : text) + "\n]\n");
    };
    write("attribute", attributes);
    write("calibrated_sensor", calibrated_sensors);
    write("category", categories);
    write("ego_pose", ego_poses);
    write("instance", instances);
    write("log", logs);
    write("map", maps);
    write("sample", samples);
    write("sample_annotation", annotations);
    write("sample_data", sample_data);
    write("scene", scenes);
    write("sensor", sensors);
    write("visibility", visibilities);
  }

  /// Every file that sample_data names: images of kWidth_px x kHeight_px and two lidar points.
  void WriteFiles(const std::filesystem::path& root) const {
    const std::string image =
        EncodePng({kWidth_px, kHeight_px, std::vector<uint8_t>(kWidth_px * kHeight_px * 3)});
    for (const SampleDataRecord& row : sample_data) {
      const std::filesystem::path path = root / row.filename;
      std::filesystem::create_directories(path.parent_path());
      Write(path, row.width_px > 0 ? image : std::string(40, '\0'));
    }
  }

  static void Write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }

 private:
  void AddFile(size_t first_data, size_t keyframe, size_t count, size_t sensor, size_t first_mount,
               const TestPlace& place) {
    const bool lidar = sensors[sensor].modality == "lidar";
    const auto token = [&](size_t at) {
      return Token("data", first_data + at * sensors.size() + sensor);
    };
    SampleDataRecord row{token(keyframe), samples.back().token, token(keyframe),
                         calibrated_sensors[first_mount + sensor].token};
    row.filename = "samples/" + sensors[sensor].channel + "/" + logs.back().logfile + "__" +
                   sensors[sensor].channel + "__" + std::to_string(samples.back().timestamp_us) +
                   (lidar ? ".pcd.bin" : ".png");
    row.fileformat = lidar ? "pcd" : "png";
    row.width_px = lidar ? 0 : kWidth_px;
    row.height_px = lidar ? 0 : kHeight_px;
    row.timestamp_us = samples.back().timestamp_us;
    row.is_key_frame = true;
    row.next = keyframe + 1 < count ? token(keyframe + 1) : "";
    row.prev = keyframe > 0 ? token(keyframe - 1) : "";
    ego_poses.push_back({row.token, {place.x, place.y, 0}, Yaw(place.yaw), row.timestamp_us});
    sample_data.push_back(std::move(row));
  }
};

}  // namespace occvla::data::nuscenes
