#include "occvla/data/pack.h"

#include <atomic>
#include <unordered_map>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/pack_format.h"

namespace occvla::data {
namespace {

using pack::Record;

std::string_view View(std::span<const char> text) { return {text.data(), text.size()}; }

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
  std::string Where(const Place& place) const {
    return files[place.shard].path().string() + ", record " + std::to_string(place.record) +
           " (keyframe " + Printable(View(tables[place.shard][place.record].token)) + ")";
  }
  std::span<const std::byte> Checked(size_t at, uint64_t from, uint64_t size,
                                     std::string_view sha256, uint8_t bit,
                                     const std::string& what) const {
    const auto bytes = files[places[at].shard].bytes().subspan(from, size);
    if ((checked[at].load(std::memory_order_relaxed) & bit) == 0) {
      if (Sha256(bytes) != sha256)
        throw DataError(Where(places[at]) + ": the " + what + " are damaged." + pack::kAdvice);
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
    impl->tables.push_back(pack::ReadTable(
        impl->files.back().bytes(), impl->files.back().path().string(), shard, index.size_px));
  }
  for (size_t shard = 0; shard < impl->tables.size(); ++shard) {
    for (size_t record = 0; record < impl->tables[shard].size(); ++record) {
      const std::string_view token = View(impl->tables[shard][record].token);
      if (!impl->by_token.emplace(token, impl->places.size()).second) {
        throw DataError(impl->Where({shard, record}) + ": the keyframe occurs twice." +
                        pack::kAdvice);
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
  return pack::DecodeLabels(bytes, impl_->Where(impl_->places[index]));
}

Sample Pack::ReadSample(size_t index) const {
  const auto pixels = Pixels(index);
  return {.token = std::string(Token(index)),
          .size_px = size_px(),
          .rgb = {pixels.begin(), pixels.end()},
          .labels = Labels(index)};
}

}  // namespace occvla::data
