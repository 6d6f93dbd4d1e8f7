#pragma once
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

/// For tests: a small data set's thirteen tables as JSON, to be changed and written.
namespace occvla::data::nuscenes {

struct TestTables {
  using Json = nlohmann::ordered_json;
  static constexpr int kScenes = 2, kKeyFrames = 4, kSweeps = 2, kInstances = 3;
  static constexpr const char* kChannels[] = {"CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT",
                                              "CAM_BACK",  "CAM_BACK_LEFT",   "CAM_FRONT_LEFT",
                                              "LIDAR_TOP"};

  std::map<std::string, Json> tables;

  /// Any table's token of row `i`: 32 hex digits that differ by table and row.
  static std::string Token(const std::string& table, int i) {
    uint64_t mixed = 1469598103934665603u;
    for (const char c : table) mixed = (mixed ^ static_cast<uint64_t>(c)) * 1099511628211u;
    mixed += static_cast<uint64_t>(i + 1) * 0x9E3779B97F4A7C15u;
    return fmt::format("{:016x}{:016x}", mixed, (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9u);
  }

  /// Two scenes of four keyframes; between two keyframes each sensor has two sweeps; three
  /// instances a scene, of which the last is only in the first two keyframes.
  TestTables() {
    MakeSmallTables();
    for (int scene = 0; scene < kScenes; ++scene) {
      MakeSamples(scene);
      MakeSampleData(scene);
      MakeInstances(scene);
    }
  }

  Json& operator[](const std::string& table) { return tables[table]; }

  /// Writes `<dataroot>/<version>/*.json`, one field a line as the real files have.
  void Write(const std::filesystem::path& dataroot, const std::string& version) const {
    std::filesystem::create_directories(dataroot / version);
    for (const auto& [name, table] : tables)
      std::ofstream(dataroot / version / (name + ".json")) << table.dump(0) << '\n';
  }

  static int64_t TimeOf(int scene, int sample) {
    return 1'600'000'000'000'000 + 1'000'000'000 * scene + 500'000 * sample + 1000 * (sample % 3);
  }
  static Json Yaw(double yaw) { return {std::cos(yaw / 2), 0.0, 0.0, std::sin(yaw / 2)}; }

 private:
  static Json Neighbour(const std::string& table, int i, bool exists) {
    return exists ? Token(table, i) : "";
  }

  void MakeSmallTables() {
    for (const char* name : {"vehicle.moving", "vehicle.parked", "pedestrian.standing"})
      Add("attribute", {{"name", name}, {"description", "A \"state\"."}});
    for (const char* name : {"human.pedestrian.adult", "vehicle.car", "movable_object.barrier"})
      Add("category", {{"name", name}, {"description", "Ein Ding, \u00e4hnlich \\ nichts."}});
    for (int level = 1; level <= 4; ++level) {
      tables["visibility"].push_back(
          {{"description", "how much is seen"},
           {"token", std::to_string(level)},
           {"level", fmt::format("v{}-{}", 20 * level, 20 * level + 20)}});
    }
    for (const char* channel : kChannels) {
      const bool camera = std::string(channel) != "LIDAR_TOP";
      Add("sensor", {{"channel", channel}, {"modality", camera ? "camera" : "lidar"}});
    }
    Json logs = Json::array();
    for (int scene = 0; scene < kScenes; ++scene) {
      logs.push_back(Token("log", scene));
      Add("log", {{"logfile", fmt::format("n00{}-2020", scene)},
                  {"vehicle", "n001"},
                  {"date_captured", "2020-09-13"},
                  {"location", "test-town"}});
      Add("scene", {{"log_token", Token("log", scene)},
                    {"nbr_samples", kKeyFrames},
                    {"first_sample_token", Token("sample", scene * kKeyFrames)},
                    {"last_sample_token", Token("sample", scene * kKeyFrames + kKeyFrames - 1)},
                    {"name", fmt::format("scene-000{}", scene + 1)},
                    {"description", "Brackets }, { in a text, and rain"}});
    }
    logs.push_back(Token("elsewhere", 0));
    tables["map"].push_back({{"category", "semantic_prior"},
                             {"token", Token("map", 0)},
                             {"filename", "maps/test-town.png"},
                             {"log_tokens", logs}});
    for (int scene = 0; scene < kScenes; ++scene) {
      for (int i = 0; i < static_cast<int>(std::size(kChannels)); ++i) {
        const bool camera = i + 1 < static_cast<int>(std::size(kChannels));
        const Json K = {{800.5, 0.0, 400.0}, {0.0, 800.5, 225.0}, {0.0, 0.0, 1.0}};
        Add("calibrated_sensor", {{"sensor_token", Token("sensor", i)},
                                  {"translation", {1.5 - 0.1 * i, 0.1 * scene, 1.6}},
                                  {"rotation", camera ? Json{0.5, -0.5, 0.5, -0.5} : Yaw(-1.57)},
                                  {"camera_intrinsic", camera ? K : Json::array()}});
      }
    }
  }

  void Add(const std::string& table, const Json& fields) {
    Json row = {{"token", Token(table, static_cast<int>(tables[table].size()))}};
    row.update(fields);
    tables[table].push_back(row);
  }

  void MakeSamples(int scene) {
    for (int k = 0; k < kKeyFrames; ++k) {
      const int i = scene * kKeyFrames + k;
      Add("sample", {{"timestamp", TimeOf(scene, k)},
                     {"prev", Neighbour("sample", i - 1, k > 0)},
                     {"next", Neighbour("sample", i + 1, k + 1 < kKeyFrames)},
                     {"scene_token", Token("scene", scene)}});
    }
  }

  // Channel by channel, each in the order of time, as one list.
  void MakeSampleData(int scene) {
    const int channels = static_cast<int>(std::size(kChannels));
    const int moments = (kKeyFrames - 1) * (kSweeps + 1) + 1;
    for (int channel = 0; channel < channels; ++channel) {
      const bool camera = channel + 1 < channels;
      for (int moment = 0; moment < moments; ++moment) {
        const int i = static_cast<int>(tables["sample_data"].size());
        const int sample = (moment + kSweeps) / (kSweeps + 1);
        const bool key = moment % (kSweeps + 1) == 0;
        const int64_t before = TimeOf(scene, moment / (kSweeps + 1));
        const int64_t time = before + 166'000 * (moment % (kSweeps + 1)) - (camera ? 3000 : 0);
        const double seconds = 1e-6 * static_cast<double>(time - TimeOf(scene, 0));
        Add("ego_pose", {{"timestamp", time},
                         {"rotation", Yaw(0.3 + 0.1 * seconds)},
                         {"translation", {600 + 8 * seconds, 1600 + 2 * seconds + scene, 0}}});
        Add("sample_data",
            {{"sample_token", Token("sample", scene * kKeyFrames + sample)},
             {"ego_pose_token", Token("ego_pose", i)},
             {"calibrated_sensor_token", Token("calibrated_sensor", scene * channels + channel)},
             {"timestamp", time},
             {"fileformat", camera ? "jpg" : "pcd"},
             {"is_key_frame", key},
             {"height", camera ? 450 : 0},
             {"width", camera ? 800 : 0},
             {"filename",
              fmt::format("{}/{}/n00{}__{}__{}.{}", key ? "samples" : "sweeps", kChannels[channel],
                          scene, kChannels[channel], time, camera ? "jpg" : "pcd.bin")},
             {"prev", Neighbour("sample_data", i - 1, moment > 0)},
             {"next", Neighbour("sample_data", i + 1, moment + 1 < moments)}});
      }
    }
  }

  // Grouped by instance, as the real table.
  void MakeInstances(int scene) {
    for (int which = 0; which < kInstances; ++which) {
      const int instance = static_cast<int>(tables["instance"].size());
      const int first = static_cast<int>(tables["sample_annotation"].size());
      const int count = which + 1 < kInstances ? kKeyFrames : 2;
      Add("instance", {{"category_token", Token("category", which)},
                       {"nbr_annotations", count},
                       {"first_annotation_token", Token("sample_annotation", first)},
                       {"last_annotation_token", Token("sample_annotation", first + count - 1)}});
      for (int k = 0; k < count; ++k) {
        Add("sample_annotation",
            {{"sample_token", Token("sample", scene * kKeyFrames + k)},
             {"instance_token", Token("instance", instance)},
             {"visibility_token", which == 0 ? "" : std::to_string(which + 1)},
             {"attribute_tokens", which == 2 ? Json::array() : Json{Token("attribute", which)}},
             {"translation", {620 + 3.5 * k, 1605 - 4.0 * which + 0.25 * k, 1.1}},
             {"size", {1.9 + which, 4.5, 1.6}},
             {"rotation", Yaw(0.2 * k + which)},
             {"prev", Neighbour("sample_annotation", first + k - 1, k > 0)},
             {"next", Neighbour("sample_annotation", first + k + 1, k + 1 < count)},
             {"num_lidar_pts", 10 * k},
             {"num_radar_pts", k}});
      }
    }
  }
};

}  // namespace occvla::data::nuscenes
