#include "occvla/data/pack_format.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::data::pack {
namespace {

using geom::VoxelGrid;

constexpr int kLidarBit = 5, kCameraBit = 6;
constexpr uint8_t kClassBits = 0x1F;
constexpr int kDeflateLevel = 1;
constexpr std::string_view kFormat = "occvla-pack";

[[noreturn]] void FailShard(const std::string& where, const std::string& problem) {
  throw DataError(where + ": " + problem + "." + kAdvice);
}

template <typename T>
T ReadAs(std::span<const std::byte> bytes, uint64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

}  // namespace

std::string EncodeLabels(const occ3d::Labels& labels) {
  std::vector<uint8_t> voxels(VoxelGrid::kCount);
  for (size_t voxel = 0; voxel < voxels.size(); ++voxel) {
    voxels[voxel] =
        static_cast<uint8_t>(labels.semantics[voxel] | labels.mask_lidar[voxel] << kLidarBit |
                             labels.mask_camera[voxel] << kCameraBit);
  }
  std::string deflated(compressBound(voxels.size()), '\0');
  uLongf size = deflated.size();
  if (compress2(reinterpret_cast<Bytef*>(deflated.data()), &size, voxels.data(), voxels.size(),
                kDeflateLevel) != Z_OK)
    throw DeviceError("zlib has no memory to deflate labels.");
  deflated.resize(size);
  return deflated;
}

occ3d::Labels DecodeLabels(std::span<const std::byte> bytes, const std::string& where) {
  std::vector<uint8_t> voxels(VoxelGrid::kCount);
  uLongf size = voxels.size();
  const int status =
      uncompress(voxels.data(), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (status != Z_OK || size != voxels.size())
    throw DataError(where + ": the labels do not inflate to " + std::to_string(voxels.size()) +
                    " voxels.");
  occ3d::Labels labels{std::vector<uint8_t>(size), std::vector<uint8_t>(size),
                       std::vector<uint8_t>(size)};
  uint8_t strange = 0;
  for (size_t voxel = 0; voxel < size; ++voxel) {
    const uint8_t value = voxels[voxel];
    labels.semantics[voxel] = value & kClassBits;
    labels.mask_lidar[voxel] = value >> kLidarBit & 1;
    labels.mask_camera[voxel] = value >> kCameraBit & 1;
    strange |= static_cast<uint8_t>((value >> 7) | ((value & kClassBits) > kFreeClass));
  }
  if (strange != 0) throw DataError(where + ": the labels hold a value that is no class.");
  return labels;
}

uint64_t Index::FramesDone() const {
  uint64_t done = 0;
  for (const Shard& shard : shards) done += shard.frames;
  return done;
}

std::vector<Record> ReadTable(std::span<const std::byte> bytes, const std::string& where,
                              const Shard& listed, int size_px) {
  if (bytes.size() != listed.bytes) {
    FailShard(where, "has " + std::to_string(bytes.size()) + " bytes, but pack.json says " +
                         std::to_string(listed.bytes));
  }
  if (bytes.size() < sizeof(Header) + sizeof(Trailer)) FailShard(where, "is too short for a shard");
  const auto header = ReadAs<Header>(bytes, 0);
  const auto trailer = ReadAs<Trailer>(bytes, bytes.size() - sizeof(Trailer));
  if (header.magic != kHeaderMagic || trailer.magic != kTrailerMagic)
    FailShard(where, "is no shard of a pack");
  if (header.version != kVersion || header.size_px != static_cast<uint32_t>(size_px) ||
      trailer.frames != listed.frames)
    FailShard(where, "is of another pack than pack.json");
  const uint64_t end = bytes.size() - sizeof(Trailer);
  const uint64_t table_bytes = trailer.frames * sizeof(Record);  // listed.frames is bounded.
  if (table_bytes > end || trailer.table_at != end - table_bytes)
    FailShard(where, "has a table that is not where its end says");
  const auto table = bytes.subspan(trailer.table_at, table_bytes);
  if (Sha256(table) != std::string_view(trailer.table_sha256.data(), trailer.table_sha256.size()))
    FailShard(where, "has a damaged table");
  std::vector<Record> records;
  for (uint64_t at = 0; at < trailer.frames; ++at) {
    records.push_back(ReadAs<Record>(table, at * sizeof(Record)));
    const Record& record = records.back();
    const auto inside = [&](uint64_t from, uint64_t size) {
      return from >= sizeof(Header) && from <= trailer.table_at && size <= trailer.table_at - from;
    };
    if (!inside(record.images_at, ImageBytes(size_px)) ||
        !inside(record.labels_at, record.labels_bytes))
      FailShard(where, "record " + std::to_string(at) + " lies outside the file");
  }
  return records;
}

std::filesystem::path IndexPath(const std::filesystem::path& folder) {
  return folder / "pack.json";
}

std::string ShardName(size_t number) { return fmt::format("shard-{:05}.pack", number); }

Index ReadIndex(const std::filesystem::path& folder) {
  const std::filesystem::path path = IndexPath(folder);
  const nlohmann::json document = ReadJsonFile(path);
  const JsonNode root(document, path.string());
  if (root.At("format").String() != kFormat)
    root.At("format").Fail("must be " + Quoted(kFormat) + ", but is " +
                           Quoted(root.At("format").String()));
  (void)root.At("version").Int(kVersion, kVersion);
  Index index;
  index.version = root.At("source").At("version").String();
  index.split = root.At("source").At("split").String();
  index.fingerprint = root.At("source").At("fingerprint").String();
  index.size_px = static_cast<int>(root.At("size_px").Int(1, 4096));
  constexpr int64_t kMostFrames = 100'000'000;
  index.frames = static_cast<uint64_t>(root.At("frames").Int(1, kMostFrames));
  index.frames_per_shard = static_cast<uint64_t>(root.At("frames_per_shard").Int(1, kMostFrames));
  const JsonNode shards = root.At("shards");
  for (size_t at = 0; at < shards.size(); ++at) {
    const JsonNode node = shards.At(at);
    Shard shard{.file = node.At("file").String(),
                .frames = node.At("frames").Unsigned(),
                .bytes = node.At("bytes").Unsigned(),
                .sha256 = node.At("sha256").String()};
    const uint64_t left = index.frames - std::min(index.frames, index.FramesDone());
    if (shard.file != ShardName(at))
      node.At("file").Fail("must be " + Quoted(ShardName(at)) + ", but is " + Quoted(shard.file));
    if (shard.frames == 0 || shard.frames != std::min(left, index.frames_per_shard))
      node.At("frames").Fail("must be " + std::to_string(std::min(left, index.frames_per_shard)) +
                             ", but is " + std::to_string(shard.frames));
    index.shards.push_back(std::move(shard));
  }
  return index;
}

void WriteIndex(const std::filesystem::path& folder, const Index& index) {
  nlohmann::ordered_json shards = nlohmann::ordered_json::array();
  for (const Shard& shard : index.shards) {
    shards.push_back({{"file", shard.file},
                      {"frames", shard.frames},
                      {"bytes", shard.bytes},
                      {"sha256", shard.sha256}});
  }
  const nlohmann::ordered_json document{
      {"format", kFormat},
      {"version", kVersion},
      {"source",
       {{"version", index.version}, {"split", index.split}, {"fingerprint", index.fingerprint}}},
      {"size_px", index.size_px},
      {"frames", index.frames},
      {"frames_per_shard", index.frames_per_shard},
      {"shards", std::move(shards)}};
  WriteFileAtomically(IndexPath(folder), std::string_view(document.dump(1) + "\n"));
}

}  // namespace occvla::data::pack
