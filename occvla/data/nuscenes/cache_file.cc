#include "occvla/data/nuscenes/cache_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/cache_bounds.h"
#include "occvla/data/nuscenes/content_key.h"
#include "occvla/data/nuscenes/parallel.h"
#include "occvla/data/nuscenes/table_schema.h"

namespace occvla::data::nuscenes {
namespace {

constexpr uint32_t kFormat = 1;
constexpr uint32_t kByteOrder = 0x01020304;
constexpr uint64_t kAlignment = 64;
constexpr uint64_t kChunk = uint64_t{4} << 20;
constexpr size_t kSections = 21;

struct Section {
  uint64_t offset = 0, count = 0, element_size = 0;
};

// Everything is a multiple of 8 bytes: there is nothing between the members.
struct Header {
  char magic[8] = {'O', 'C', 'C', 'V', 'T', 'B', 'L', '\n'};
  uint32_t format = kFormat;
  uint32_t byte_order = kByteOrder;
  uint64_t layout = 0;  // LayoutNumber() of the program that wrote it.
  uint64_t file_size = 0;
  char content_key[32] = {};
  uint64_t dangling_map_logs = 0;
  Section sections[kSections];
  uint64_t tags_offset = 0;  // A tag for each chunk of what stands between header and tags.
  ContentTag tag_of_tags{};
  ContentTag tag{};  // Of all above.
};
static_assert(sizeof(Header) % 8 == 0 && sizeof(Section) == 24);

constexpr uint64_t Aligned(uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}
constexpr uint64_t kBody = Aligned(sizeof(Header));

// Differs where a row's members lie elsewhere than in the program that wrote a file.
template <typename... Raw>
constexpr uint64_t LayoutOf() {
  uint64_t layout = 14695981039346656037u;
  const auto mix = [&](uint64_t number) { layout = (layout ^ number) * 1099511628211u; };
  const auto mix_table = [&](size_t row_size, std::span<const FieldSpec> fields) {
    mix(row_size);
    for (const FieldSpec& field : fields) {
      mix(static_cast<uint64_t>(field.kind));
      mix(field.offset);
    }
  };
  (mix_table(sizeof(Raw), Schema<Raw>::kFields), ...);
  return layout;
}
constexpr uint64_t kLayout =
    LayoutOf<RawAttribute, RawCalibratedSensor, RawCategory, RawEgoPose, RawInstance, RawLog,
             RawMap, RawSample, RawAnnotation, RawSampleData, RawScene, RawSensor, RawVisibility>();

// The arrays in the order of the file: of the store when writing, of the spans when reading.
template <typename Store>
auto ArraysOf(Store& store) {
  return std::tie(store.attribute, store.calibrated_sensor, store.category, store.ego_pose,
                  store.instance, store.log, store.map, store.sample, store.sample_annotation,
                  store.sample_data, store.scene, store.sensor, store.visibility, store.map_logs,
                  store.sample_annotation_rows, store.sample_keyframe_rows,
                  store.annotation_attribute_rows);
}

using Bytes = std::span<const std::byte>;

// What is written, one after the other; offsets are filled in.
struct Contents {
  Header header;
  std::vector<std::pair<uint64_t, Bytes>> parts;

  explicit Contents(const TableStore& store) {
    header.layout = kLayout;
    header.dangling_map_logs = store.dangling_map_logs;
    store.content_key.copy(header.content_key, sizeof header.content_key);
    uint64_t offset = kBody;
    const auto add = [&](const auto& array) {
      const Bytes bytes = std::as_bytes(std::span(array));
      header.sections[parts.size()] = {
          offset, array.size(), array.empty() ? sizeof array[0] : bytes.size() / array.size()};
      parts.emplace_back(offset, bytes);
      offset = Aligned(offset + bytes.size());
    };
    std::apply([&](const auto&... array) { (add(array), ...); }, ArraysOf(store));
    add(store.sample_by_token);
    add(store.sample_data_by_token);
    add(store.annotation_by_token);
    add(store.text);
    header.tags_offset = offset;
    header.file_size = offset + ChunkCount(header) * sizeof(ContentTag);
  }

  static uint64_t ChunkCount(const Header& of) {
    return (of.tags_offset - kBody + kChunk - 1) / kChunk;
  }

  // Bytes [begin, begin + buffer.size()) of the file's body, zero between the parts.
  void Fill(uint64_t begin, std::span<std::byte> buffer) const {
    std::fill(buffer.begin(), buffer.end(), std::byte{0});
    for (const auto& [offset, bytes] : parts) {
      const uint64_t from = std::max(begin, offset);
      const uint64_t to = std::min(begin + buffer.size(), offset + bytes.size());
      if (from < to) std::memcpy(buffer.data() + (from - begin), &bytes[from - offset], to - from);
    }
  }
};

class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path) : path_(path) {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd_ < 0) ThrowWriteError(path, errno);
  }
  ~OutputFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void WriteAt(uint64_t offset, Bytes bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) ThrowWriteError(path_, errno);
      bytes = bytes.subspan(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
  }
  void RenameTo(const std::filesystem::path& path) {
    // Network file systems report a full disk only here.
    if (::close(std::exchange(fd_, -1)) != 0 || ::rename(path_.c_str(), path.c_str()) != 0) {
      const int error = errno;
      ::unlink(path_.c_str());
      ThrowWriteError(path, error);
    }
  }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

[[noreturn]] void Refuse(const std::filesystem::path& path, const std::string& problem) {
  throw DataError(fmt::format("{}: {}.", path.string(), problem));
}

ContentTag TagOfHeader(const Header& header) {
  return ContentTagger().Of(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, tag)));
}

Header ReadHeader(const MappedFile& file, const std::string& content_key) {
  Header header;
  const Header expected;
  const Bytes bytes = file.bytes();
  if (bytes.size() < kBody) Refuse(file.path(), "is too short for a cache of tables");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0 ||
      header.byte_order != kByteOrder || header.format != kFormat || header.layout != kLayout)
    Refuse(file.path(), "is a cache of another format, byte order or program");
  if (header.tag != TagOfHeader(header)) Refuse(file.path(), "has a damaged header");
  if (std::string_view(header.content_key, sizeof header.content_key) != content_key)
    Refuse(file.path(), "was made from other tables");
  const bool ends =
      header.file_size == bytes.size() && header.tags_offset >= kBody &&
      header.tags_offset % kAlignment == 0 && header.tags_offset <= bytes.size() &&
      bytes.size() - header.tags_offset == Contents::ChunkCount(header) * sizeof(ContentTag);
  if (!ends) Refuse(file.path(), "has another size than it says");
  uint64_t offset = kBody;
  for (const Section& section : header.sections) {
    const uint64_t room = header.tags_offset - std::min(header.tags_offset, section.offset);
    if (section.offset != offset || section.element_size == 0 ||
        section.count > room / section.element_size)
      Refuse(file.path(), "has a section that is not where it belongs");
    offset = Aligned(offset + section.count * section.element_size);
  }
  return header;
}

void CheckTags(const MappedFile& file, const Header& header, size_t threads) {
  const Bytes tags = file.bytes().subspan(header.tags_offset);
  if (ContentTagger().Of(tags) != header.tag_of_tags) Refuse(file.path(), "has damaged tags");
  const Bytes body = file.bytes().first(header.tags_offset).subspan(kBody);
  std::vector<ContentTagger> taggers(threads);
  ForEachIndex(Contents::ChunkCount(header), threads, [&](size_t thread, size_t k) {
    const Bytes chunk = body.subspan(k * kChunk, std::min(kChunk, body.size() - k * kChunk));
    const ContentTag tag = taggers[thread].Of(chunk);
    if (std::memcmp(tag.data(), &tags[k * sizeof tag], sizeof tag) != 0)
      Refuse(file.path(), fmt::format("is damaged between byte {} and byte {}", kBody + k * kChunk,
                                      kBody + k * kChunk + chunk.size()));
  });
}

}  // namespace

void WriteCacheFile(const std::filesystem::path& path, const std::filesystem::path& temporary,
                    const TableStore& store, size_t threads) {
  Contents contents(store);
  OutputFile file(temporary);
  std::vector<ContentTag> tags(Contents::ChunkCount(contents.header));
  std::vector<std::vector<std::byte>> buffers(threads);
  std::vector<ContentTagger> taggers(threads);
  ForEachIndex(tags.size(), threads, [&](size_t thread, size_t k) {
    const uint64_t begin = kBody + k * kChunk;
    std::vector<std::byte>& buffer = buffers[thread];
    buffer.resize(std::min(kChunk, contents.header.tags_offset - begin));
    contents.Fill(begin, buffer);
    tags[k] = taggers[thread].Of(buffer);
    file.WriteAt(begin, buffer);
  });
  const Bytes tag_bytes = std::as_bytes(std::span(tags));
  contents.header.tag_of_tags = ContentTagger().Of(tag_bytes);
  contents.header.tag = TagOfHeader(contents.header);
  std::vector<std::byte> head(kBody);
  std::memcpy(head.data(), &contents.header, sizeof contents.header);
  file.WriteAt(0, head);
  file.WriteAt(contents.header.tags_offset, tag_bytes);
  file.RenameTo(path);
}

std::unique_ptr<TablesAccess::Impl> OpenCacheFile(const std::filesystem::path& path,
                                                  const std::string& content_key, size_t threads) {
  auto impl = std::make_unique<TablesAccess::Impl>();
  impl->file = MappedFile(path);
  impl->file.WillNeed();
  const Header header = ReadHeader(impl->file, content_key);
  CheckTags(impl->file, header, threads);
  size_t next = 0;
  const auto take = [&]<typename T>(std::span<const T>& span) {
    const Section& section = header.sections[next++];
    if (section.element_size != sizeof(T)) Refuse(path, "has rows of another size");
    span = {reinterpret_cast<const T*>(impl->file.bytes().data() + section.offset), section.count};
  };
  std::apply([&](auto&... span) { (take(span), ...); }, ArraysOf(impl->rows));
  take(impl->sample_by_token);
  take(impl->sample_data_by_token);
  take(impl->annotation_by_token);
  std::span<const char> text;
  take(text);
  impl->text = {text.data(), text.size()};
  impl->facts.dangling_map_logs = header.dangling_map_logs;
  impl->facts.content_key = content_key;
  impl->facts.from_cache = true;
  impl->facts.cache_file = path;
  if (!IsWithinBounds(*impl, threads)) Refuse(path, "has a row index that leads nowhere");
  return impl;
}

}  // namespace occvla::data::nuscenes
