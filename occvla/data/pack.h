#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "occvla/data/frame.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/data/sample.h"

/// A data set made ready for training: every keyframe's six images at training resolution as the
/// very pixels that LoadRgb gives, with labels and token, in shards that are mapped for reading.
/// docs/decisions/0008-pack-format.md tells the format and why.
namespace occvla::data {

/// A finished pack. Any thread may use it.
class Pack {
 public:
  /// Throws DataError when the folder holds no pack, one that is not finished, or shards that are
  /// missing, cut or damaged in their tables.
  static Pack Open(const std::filesystem::path& folder);
  Pack(Pack&&) noexcept;
  Pack& operator=(Pack&&) noexcept;
  ~Pack();

  size_t size() const;
  int size_px() const;
  std::string_view Token(size_t index) const;
  /// Where a keyframe lies.
  std::optional<size_t> Find(std::string_view token) const;

  /// [6][size][size][3] in mapped memory, by kCameraNames. The first call for a record compares its
  /// hash and throws DataError naming shard and record when the bytes are damaged.
  std::span<const uint8_t> Pixels(size_t index) const;
  /// Nothing where the data set had none. Checked likewise.
  std::optional<occ3d::Labels> Labels(size_t index) const;
  /// Both, copied.
  Sample ReadSample(size_t index) const;

 private:
  struct Impl;
  explicit Pack(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Keyframes to pack. `frame` is called from several threads at once.
struct PackSource {
  std::string version, split;  ///< Of the data set: "v1.0-mini", "mini_train".
  size_t frames = 0;
  std::function<Frame(size_t index)> frame;
};

struct PackOptions {
  int size_px = 224;
  size_t frames_per_shard = 256;
  size_t threads = 2;
  std::stop_token interrupt = {};
  std::function<void(size_t frames)> on_done = {};  ///< So many more frames are packed.

  /// Throws one ConfigError that names every problem.
  void Validate() const;
};

/// What a pack will take, known before any image is decoded.
struct PackPlan {
  size_t frames = 0, shards = 0;
  size_t frames_with_labels = 0;
  uint64_t image_bytes = 0;  ///< Exact.
  uint64_t label_bytes = 0;  ///< As much as labels take in full streets.
  size_t frames_done = 0;    ///< Packed by an earlier run.
  /// Of tokens, file names and file sizes: what shards of one pack must share.
  std::string fingerprint = {};
};

/// Looks at every file's size. Throws DataError with every file that is missing, and when the
/// folder holds a pack of another data set, split, resolution or shard size; DeviceError when the
/// disk has less room than the pack will take.
PackPlan PlanPack(const PackSource& source, const PackOptions& options,
                  const std::filesystem::path& folder);
/// Packs what is not packed yet; a run that was stopped goes on here, and the result has the same
/// bytes as that of an undisturbed one. Throws DataError for a damaged image or label file,
/// BusyError once an interruption was asked for.
void WritePack(const PackSource& source, const PackOptions& options, const PackPlan& plan,
               const std::filesystem::path& folder);

}  // namespace occvla::data
