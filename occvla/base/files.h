#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/error.h"

namespace occvla {

/// A whole file mapped read-only. Pages come from the page cache, so mapping a 6 GB checkpoint
/// costs no copy. Move-only; the bytes live as long as the object.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws DataError (or `kind`) if the file is absent, unreadable or not a regular file. An empty
  /// file gives empty bytes. The file must not shrink while it is mapped.
  explicit MappedFile(const std::filesystem::path& path, ErrorKind kind = ErrorKind::kData);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Asks the kernel to read all of it ahead; returns at once.
  void WillNeed() const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Reads a regular file of at most `max_bytes`; throws DataError (or `kind`) that names the path
/// and the limit.
std::vector<std::byte> ReadFile(const std::filesystem::path& path, size_t max_bytes,
                                ErrorKind kind = ErrorKind::kData);
std::string ReadTextFile(const std::filesystem::path& path, size_t max_bytes = size_t{64} << 20,
                         ErrorKind kind = ErrorKind::kData);

/// A file that appears under its name only when whole: bytes go to a temporary file in the same
/// folder; `Commit` flushes it to disk and renames it. Without `Commit` the destructor removes it,
/// and what was there before stays. A full disk throws DeviceError; other failures DataError. The
/// folder must exist; a symbolic link at `path` is replaced, not followed.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text);
  /// Bytes written so far.
  uint64_t size() const { return size_; }
  /// Flushes file and folder to the disk and renames. Once, after the last Write.
  void Commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

/// `AtomicFile` in one call.
void WriteFileAtomically(const std::filesystem::path& path, std::string_view text);
void WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// What a write to `path` that the system refused with `error_number` throws: DeviceError when the
/// disk or the quota is full, DataError otherwise.
[[noreturn]] void ThrowWriteError(const std::filesystem::path& path, int error_number);

/// Lower-case hex SHA-256 of a file's bytes (checkpoint content hashes), read in pieces. Throws
/// DataError (or `kind`).
std::string Sha256OfFile(const std::filesystem::path& path, ErrorKind kind = ErrorKind::kData);
std::string Sha256(std::span<const std::byte> bytes);

}  // namespace occvla
