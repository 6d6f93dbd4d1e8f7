#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace occvla {

/// A whole file mapped read-only. Pages come from the page cache, so mapping a 6 GB checkpoint costs
/// no copy. Move-only; the bytes live as long as the object.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws DataError if the file is absent, unreadable or not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Reads a file of at most `max_bytes`; throws DataError that names the path and the limit.
std::vector<std::byte> ReadFile(const std::filesystem::path& path, size_t max_bytes);
std::string ReadTextFile(const std::filesystem::path& path, size_t max_bytes = size_t{64} << 20);

/// A file that appears under its name only when whole: bytes go to a temporary file in the same
/// folder; `Commit` flushes it to disk and renames it. Without `Commit` the destructor removes it,
/// and what was there before stays. A full disk throws DeviceError; other failures DataError.
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

/// Lower-case hex SHA-256 of a file's bytes (checkpoint content hashes). Throws DataError.
std::string Sha256OfFile(const std::filesystem::path& path);
std::string Sha256(std::span<const std::byte> bytes);

}  // namespace occvla
