#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "occvla/base/dtype.h"

namespace occvla {

/// An array of a NumPy file: C order, little-endian, owned.
struct NpyArray {
  DType dtype = DType::kU8;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  int64_t elements() const;
};

/// Bounds on what an npy or npz file may make us allocate.
struct NpyLimits {
  uint64_t max_array_bytes = uint64_t{1} << 30;
  size_t max_arrays = 256;
  uint64_t max_total_bytes = uint64_t{4} << 30;  ///< Of all arrays of one npz together.
};

/// Parses one .npy image in memory (`where` opens every complaint). Versions 1 to 3, C or Fortran
/// order (returned as C order), the dtypes of DType that NumPy has (no BF16, no F8), little-endian
/// or single bytes. Object arrays, records, big-endian data, bool bytes other than 0 and 1, bytes
/// missing or left over throw DataError.
NpyArray ParseNpy(std::span<const std::byte> file, const std::string& where,
                  const NpyLimits& limits = {});
/// The same of a file that is not needed any more: its memory becomes the array's.
NpyArray ParseNpy(std::vector<std::byte>&& file, const std::string& where,
                  const NpyLimits& limits = {});
NpyArray ReadNpy(const std::filesystem::path& path, const NpyLimits& limits = {});

/// Every array of an .npz (zip of .npy, stored or deflated), by its name without ".npy". Throws
/// DataError before anything is inflated when a member declares more bytes than the limits or than
/// its compressed bytes can hold, climbs out of the archive, occurs twice, is encrypted or is no
/// .npy.
std::map<std::string, NpyArray> ReadNpz(const std::filesystem::path& path,
                                        const NpyLimits& limits = {});
/// The same from an image in memory.
std::map<std::string, NpyArray> ParseNpz(std::span<const std::byte> file, const std::string& where,
                                         const NpyLimits& limits = {});

/// The bytes before the data of a version 1 file, a multiple of 64. Throws DataError for BF16 and
/// F8, which NumPy does not have.
std::string NpyHeader(DType dtype, std::span<const int64_t> shape);
/// Atomic.
void WriteNpy(const std::filesystem::path& path, const NpyArray& array);
/// Deflated, with a fixed time stamp: the same arrays give the same bytes. Atomic. At least
/// one array; names must be plain (no "..", not absolute, UTF-8), as `ReadNpz` demands. Level 1 of
/// zlib's deflate is the fastest, 9 the smallest.
void WriteNpz(const std::filesystem::path& path, const std::map<std::string, NpyArray>& arrays,
              int deflate_level = 6);
/// What `WriteNpz` writes, in memory.
std::string NpzBytes(const std::map<std::string, NpyArray>& arrays, int deflate_level = 6);

}  // namespace occvla
