#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/tables.h"

namespace occvla::data::nuscenes {

/// Where a data set and its companions lie. Companions that are not named are taken from their
/// usual places when they are there, and are otherwise absent.
struct DatasetOptions {
  std::filesystem::path dataroot;
  std::string version = "v1.0-trainval";
  CacheUse cache = CacheUse::kReadAndWrite;
  /// Occ3D's folder of scenes; empty = `<dataroot>/gts`.
  std::filesystem::path occupancy;
  /// NuScenes-QA, OmniDrive, DriveLM, NuScenes-MQA files or folders, told apart by their content.
  std::vector<std::filesystem::path> questions;
  /// {"<sample token>": "<velocity>, <direction>"}; empty =
  /// `<dataroot>/<version>/meta_actions.json`.
  std::filesystem::path meta_actions;
  /// False for whoever makes the labels: what lies there is not read, be it broken or not.
  bool read_meta_actions = true;
  /// False for whoever needs no map, such as training: frames then have none.
  bool read_maps = true;
};

/// A nuScenes data set opened for reading. Any thread may use it.
class Dataset {
 public:
  static Dataset Open(const DatasetOptions& options);
  Dataset(Dataset&&) noexcept;
  Dataset& operator=(Dataset&&) noexcept;
  ~Dataset();

  const Tables& tables() const;
  const DatasetOptions& options() const;

  /// Splits that this data set knows: "all", the official ones of its version, and those of
  /// `<version>/splits.json`, which win.
  std::vector<std::string> Splits() const;
  /// Scene rows of a split, by name. Throws ConfigError for an unknown split (naming the known
  /// ones), DataError when none of its scenes is here.
  std::vector<Row> Scenes(const std::string& split) const;
  /// Keyframes (sample rows) of a split: by scene name, then by time.
  std::vector<Row> KeyFrames(const std::string& split) const;

  /// Everything about one keyframe. Files are named, not opened (but for its map, once).
  Frame FrameOf(Row sample) const;
  /// Throws DataError naming the data set when the token is not in it.
  Frame FrameOf(std::string_view sample_token) const;
  /// The map of a location; nullptr where `maps/expansion/<location>.json` is absent. Read once.
  const Map* MapOf(std::string_view location) const;

 private:
  struct Impl;
  explicit Dataset(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Points of a LIDAR_TOP file: float32 [n][5], x, y, z in L, intensity, ring. Throws DataError for
/// a size that is no multiple of 20 bytes, or values that are not finite.
std::vector<std::array<float, 5>> ReadLidar(const std::filesystem::path& path);

/// Scene names of the official splits: train, val, test, mini_train, mini_val, train_detect and
/// train_track. Empty for another name. `train` is every trainval scene that is not in val.
std::vector<std::string> OfficialScenes(std::string_view split);

}  // namespace occvla::data::nuscenes
