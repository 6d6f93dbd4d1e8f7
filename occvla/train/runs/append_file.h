#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace occvla::train {

/// A file that only grows, one whole record a write. What the system refuses halfway (a full disk)
/// is taken back, so that the file ends with a whole record; a process that is killed leaves every
/// record that `Append` returned from. One thread.
class AppendFile {
 public:
  enum class Open { kNew, kExisting };  ///< kNew refuses a file that is there.
  /// Throws DataError, or DeviceError for a full disk.
  AppendFile(const std::filesystem::path& path, Open open);
  ~AppendFile();  ///< Flushes to the disk; what the disk says then is lost: `Sync` tells.
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Throws DeviceError for a full disk, DataError otherwise; the file is as before then.
  void Append(std::string_view record);
  /// Flushes what was appended to the disk, so that a loss of power cannot take it.
  void Sync();
  uint64_t size() const { return size_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  uint64_t size_ = 0;
  bool dirty_ = false;
};

}  // namespace occvla::train
