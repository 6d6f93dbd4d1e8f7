#pragma once
#include <filesystem>

namespace occvla::train {

/// Keeps other processes from writing a run's folder while it lives; ends with the process, however
/// that ends.
class FolderLock {
 public:
  /// BusyError when another process holds it; DataError when the folder cannot be opened.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace occvla::train
