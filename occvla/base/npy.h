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
};

/// Parses one .npy image in memory (`where` opens every complaint). Versions 1 to 3, C or Fortran
/// order (returned as C order), the dtypes of DType, little-endian or single bytes. Object arrays,
/// big-endian data and shapes that disagree with the byte count throw DataError.
NpyArray ParseNpy(std::span<const std::byte> file, const std::string& where,
                  const NpyLimits& limits = {});
NpyArray ReadNpy(const std::filesystem::path& path, const NpyLimits& limits = {});

/// Every array of an .npz (zip of .npy, stored or deflated), by its name without ".npy". A member
/// whose inflated size passes the limit, that climbs out of the archive, or that occurs twice
/// throws DataError before anything of it is inflated.
std::map<std::string, NpyArray> ReadNpz(const std::filesystem::path& path,
                                        const NpyLimits& limits = {});

std::string NpyHeader(DType dtype, std::span<const int64_t> shape);
void WriteNpy(const std::filesystem::path& path, const NpyArray& array);
/// Deflated, with a fixed time stamp: the same arrays give the same bytes. Atomic.
void WriteNpz(const std::filesystem::path& path, const std::map<std::string, NpyArray>& arrays);

}  // namespace occvla
