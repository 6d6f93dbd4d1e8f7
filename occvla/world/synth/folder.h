#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "occvla/world/synth/scene_record.h"

namespace occvla::world::synth {

/// The folder of a data set while it is made. Files are written in `.synth/staging/` and moved to
/// their names when whole, so that whatever ends the program leaves nothing half-written elsewhere;
/// `.synth/scenes/` keeps the record of every finished scene. One process at a time; its threads
/// may use different scenes at once.
class Folder {
 public:
  /// Makes or takes up the folder. `origin` says what the data set is (program, seed, config); it
  /// is written to origin.json first. Throws ConfigError when the folder holds something else or
  /// another data set, naming what differs; BusyError while another process works in it.
  Folder(const std::filesystem::path& path, std::string_view origin);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// An empty staging folder of this name.
  std::filesystem::path Stage(const std::string& name);
  /// Flushes a staging folder to the disk, moves its files to the same places below the data set,
  /// then keeps the record, whose `files` are filled in here, sorted. From then on the scene is
  /// whole.
  void Commit(const std::string& scene, SceneRecord record);
  /// The same without a record: for files that any run can make again.
  void Publish(const std::string& stage);
  /// The record of a scene that is whole.
  std::optional<SceneRecord> Find(const std::string& scene) const;
  /// Removes the staging folder.
  void Finish();

 private:
  std::filesystem::path StagingOf(const std::string& name) const;
  std::filesystem::path RecordOf(const std::string& scene) const;

  std::filesystem::path path_;
  int lock_ = -1;
};

/// A file in a staging folder: missing folders are made; DeviceError when the disk is full.
void WriteStaged(const std::filesystem::path& path, std::span<const std::byte> bytes);
void WriteStaged(const std::filesystem::path& path, std::string_view text);

}  // namespace occvla::world::synth
