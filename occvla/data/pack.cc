#include "occvla/data/pack.h"

#include <atomic>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/pack_format.h"

namespace occvla::data {
namespace {

using pack::Header;
using pack::Record;
using pack::Trailer;

constexpr const char* kAdvice = " Delete the file and run `occvla data pack` again.";

[[noreturn]] void FailShard(const MappedFile& file, const std::string& problem) {
  throw DataError(file.path().string() + ": " + problem + "." + kAdvice);
}

template <typename T>
T ReadAs(std::span<const std::byte> bytes, uint64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

std::string_view View(std::span<const char> text) { return {text.data(), text.size()}; }

// A shard's table, every offset of which lies within the file.
std::vector<Record> ReadTable(const MappedFile& file, const pack::Shard& listed, int size_px) {
  const auto bytes = file.bytes();
  if (bytes.size() != listed.bytes) {
    FailShard(file, "has " + std::to_string(bytes.size()) + " bytes, but pack.json says " +
                        std::to_string(listed.bytes));
  }
  if (bytes.size() < sizeof(Header) + sizeof(Trailer)) FailShard(file, "is too short for a shard");
  const auto header = ReadAs<Header>(bytes, 0);
  const auto trailer = ReadAs<Trailer>(bytes, bytes.size() - sizeof(Trailer));
  if (header.magic != pack::kHeaderMagic || trailer.magic != pack::kTrailerMagic)
    FailShard(file, "is no shard of a pack");
  if (header.version != pack::kVersion || header.size_px != static_cast<uint32_t>(size_px) ||
      trailer.frames != listed.frames)
    FailShard(file, "is of another pack than pack.json");
  const uint64_t end = bytes.size() - sizeof(Trailer);
  const uint64_t table_bytes = trailer.frames * sizeof(Record);  // listed.frames is bounded.
  if (table_bytes > end || trailer.table_at != end - table_bytes)
    FailShard(file, "has a table that is not where its end says");
  const auto table = bytes.subspan(trailer.table_at, table_bytes);
  if (Sha256(table) != View(trailer.table_sha256)) FailShard(file, "has a damaged table");
  std::vector<Record> records;
  for (uint64_t at = 0; at < trailer.frames; ++at) {
    records.push_back(ReadAs<Record>(table, at * sizeof(Record)));
    const Record& record = records.back();
    const auto inside = [&](uint64_t from, uint64_t size) {
      return from >= sizeof(Header) && from <= trailer.table_at && size <= trailer.table_at - from;
    };
    if (!inside(record.images_at, pack::ImageBytes(size_px)) ||
        !inside(record.labels_at, record.labels_bytes))
      FailShard(file, "record " + std::to_string(at) + " lies outside the file");
  }
  return records;
}

}  // namespace

struct Pack::Impl {
  struct Place {
    size_t shard = 0, record = 0;
  };

  pack::Index index;
  std::vector<MappedFile> files;
  std::vector<std::vector<Record>> tables;
  std::vector<Place> places;
  std::unordered_map<std::string_view, size_t> by_token;  // Views into the tables.
  // Bit 0: the images were compared, bit 1: the labels.
  mutable std::vector<std::atomic<uint8_t>> checked;

  const Record& RecordOf(size_t index_in_pack) const {
    OCCVLA_DCHECK(index_in_pack < places.size());
    return tables[places[index_in_pack].shard][places[index_in_pack].record];
  }
  std::string Where(size_t at) const {
    return files[places[at].shard].path().string() + ", record " +
           std::to_string(places[at].record) + " (keyframe " + Printable(View(RecordOf(at).token)) +
           ")";
  }
  std::span<const std::byte> Checked(size_t at, uint64_t from, uint64_t size,
                                     std::string_view sha256, uint8_t bit,
                                     const std::string& what) const {
    const auto bytes = files[places[at].shard].bytes().subspan(from, size);
    if ((checked[at].load(std::memory_order_relaxed) & bit) == 0) {
      if (Sha256(bytes) != sha256)
        throw DataError(Where(at) + ": the " + what + " are damaged." + kAdvice);
      checked[at].fetch_or(bit, std::memory_order_relaxed);
    }
    return bytes;
  }
};

Pack::Pack(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pack::Pack(Pack&&) noexcept = default;
Pack& Pack::operator=(Pack&&) noexcept = default;
Pack::~Pack() = default;

Pack Pack::Open(const std::filesystem::path& folder) {
  auto impl = std::make_unique<Impl>();
  impl->index = pack::ReadIndex(folder);
  const pack::Index& index = impl->index;
  if (index.FramesDone() != index.frames) {
    throw DataError(folder.string() + ": holds " + std::to_string(index.FramesDone()) + " of " +
                    std::to_string(index.frames) +
                    " keyframes. Run `occvla data pack` again to finish it.");
  }
  for (const pack::Shard& shard : index.shards) {
    impl->files.emplace_back(folder / shard.file);
    impl->tables.push_back(ReadTable(impl->files.back(), shard, index.size_px));
  }
  for (size_t shard = 0; shard < impl->tables.size(); ++shard) {
    for (size_t record = 0; record < impl->tables[shard].size(); ++record) {
      const std::string_view token = View(impl->tables[shard][record].token);
      if (!impl->by_token.emplace(token, impl->places.size()).second) {
        FailShard(impl->files[shard], "record " + std::to_string(record) + " has the keyframe " +
                                          Printable(token) + " a second time");
      }
      impl->places.push_back({shard, record});
    }
  }
  impl->checked = std::vector<std::atomic<uint8_t>>(impl->places.size());
  return Pack(std::move(impl));
}

size_t Pack::size() const { return impl_->places.size(); }

int Pack::size_px() const { return impl_->index.size_px; }

std::string_view Pack::Token(size_t index) const { return View(impl_->RecordOf(index).token); }

std::optional<size_t> Pack::Find(std::string_view token) const {
  const auto found = impl_->by_token.find(token);
  if (found == impl_->by_token.end()) return std::nullopt;
  return found->second;
}

std::span<const uint8_t> Pack::Pixels(size_t index) const {
  const Record& record = impl_->RecordOf(index);
  const auto bytes = impl_->Checked(index, record.images_at, pack::ImageBytes(size_px()),
                                    View(record.images_sha256), 1, "images");
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

std::optional<occ3d::Labels> Pack::Labels(size_t index) const {
  const Record& record = impl_->RecordOf(index);
  if (record.labels_bytes == 0) return std::nullopt;
  const auto bytes = impl_->Checked(index, record.labels_at, record.labels_bytes,
                                    View(record.labels_sha256), 2, "labels");
  return pack::DecodeLabels(bytes, impl_->Where(index));
}

Sample Pack::ReadSample(size_t index) const {
  const auto pixels = Pixels(index);
  return {.token = std::string(Token(index)),
          .size_px = size_px(),
          .rgb = {pixels.begin(), pixels.end()},
          .labels = Labels(index)};
}

}  // namespace occvla::data
