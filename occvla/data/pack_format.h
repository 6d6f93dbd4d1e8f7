#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/occ3d/labels.h"

/// The files of a pack: `pack.json` and `shard-00000.pack`, ... A shard is a header, the records
/// one after the other (six images, then the labels), their table, and a trailer. Numbers are
/// little-endian.
namespace occvla::data::pack {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they are");

inline constexpr uint32_t kVersion = 1;
inline constexpr std::array<char, 8> kHeaderMagic{'O', 'C', 'C', 'V', 'L', 'A', 'P', 'K'};
inline constexpr std::array<char, 8> kTrailerMagic{'P', 'A', 'C', 'K', 'E', 'N', 'D', '\n'};

struct Header {
  std::array<char, 8> magic = kHeaderMagic;
  uint32_t version = kVersion;
  uint32_t size_px = 0;
  std::array<char, 48> zeros{};  // Images start at a cache line.
};
static_assert(sizeof(Header) == 64);

struct Record {
  std::array<char, 32> token{};
  uint64_t images_at = 0;
  uint64_t labels_at = 0, labels_bytes = 0;  // No bytes = no labels.
  std::array<char, 64> images_sha256{};      // Hex.
  std::array<char, 64> labels_sha256{};      // Zeros where there are no labels.
};
static_assert(sizeof(Record) == 184);

struct Trailer {
  uint64_t table_at = 0;
  uint64_t frames = 0;
  std::array<char, 64> table_sha256{};
  std::array<char, 8> magic = kTrailerMagic;
};
static_assert(sizeof(Trailer) == 88);

inline uint64_t ImageBytes(int size_px) {
  return uint64_t{6} * 3 * static_cast<uint64_t>(size_px) * static_cast<uint64_t>(size_px);
}

/// A voxel's three values in one byte, deflated.
std::string EncodeLabels(const occ3d::Labels& labels);
/// Throws DataError opening with `where`.
occ3d::Labels DecodeLabels(std::span<const std::byte> bytes, const std::string& where);

struct Shard {
  std::string file;
  uint64_t frames = 0, bytes = 0;
  std::string sha256;
};

/// pack.json. While a pack is being made it lists the shards that are done.
struct Index {
  std::string version, split;
  std::string fingerprint;
  int size_px = 0;
  uint64_t frames = 0, frames_per_shard = 0;
  std::vector<Shard> shards;

  uint64_t FramesDone() const;
};

/// What ends complaints about a shard.
inline constexpr const char* kAdvice = " Delete the file and run `occvla data pack` again.";
/// The table of a shard that `listed` tells of, every place in it inside the shard. Throws
/// DataError opening with `where`.
std::vector<Record> ReadTable(std::span<const std::byte> shard, const std::string& where,
                              const Shard& listed, int size_px);

std::filesystem::path IndexPath(const std::filesystem::path& folder);
std::string ShardName(size_t number);
Index ReadIndex(const std::filesystem::path& folder);
void WriteIndex(const std::filesystem::path& folder, const Index& index);

}  // namespace occvla::data::pack
