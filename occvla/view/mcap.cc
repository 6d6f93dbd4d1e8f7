#include "occvla/view/mcap.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

#include "occvla/base/error.h"

namespace occvla::view {
namespace {

constexpr std::string_view kMagic = "\x89MCAP0\r\n";
constexpr size_t kChunkBytes = size_t{4} << 20;
constexpr int kZstdLevel = 3;
constexpr std::string_view kCompression = "zstd";

enum Opcode : uint8_t {
  kHeader = 0x01,
  kFooter = 0x02,
  kSchema = 0x03,
  kChannel = 0x04,
  kMessage = 0x05,
  kChunk = 0x06,
  kMessageIndex = 0x07,
  kChunkIndex = 0x08,
  kStatistics = 0x0b,
  kSummaryOffset = 0x0e,
  kDataEnd = 0x0f
};

/// Little-endian fields, one after the other.
class Bytes {
 public:
  template <typename Integer>
  Bytes& Int(Integer value) {
    for (size_t byte = 0; byte < sizeof(value); ++byte)
      text_ += static_cast<char>(static_cast<uint64_t>(value) >> (8 * byte));
    return *this;
  }
  Bytes& Text(std::string_view text) {
    Int(static_cast<uint32_t>(text.size()));
    return Raw(text);
  }
  Bytes& Raw(std::string_view text) {
    text_ += text;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string Record(Opcode opcode, const Bytes& content) {
  return Bytes()
      .Int(static_cast<uint8_t>(opcode))
      .Int(uint64_t{content.text().size()})
      .Raw(content.text())
      .text();
}

uint32_t Crc(uint32_t before, std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string Compress(std::string_view bytes) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size =
      ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0)
    throw DeviceError(std::string("zstd: ") + ZSTD_getErrorName(size) + ". Is memory short?");
  packed.resize(size);
  return packed;
}

}  // namespace

McapWriter::McapWriter(const std::filesystem::path& path) : file_(path) {
  Put(kMagic);
  Put(Record(kHeader, Bytes().Text("").Text("occvla " OCCVLA_VERSION)));
}

McapWriter::~McapWriter() = default;

std::string McapWriter::SchemaRecord(const Schema& schema) {
  return Record(kSchema,
                Bytes().Int(schema.id).Text(schema.name).Text("jsonschema").Text(schema.text));
}

std::string McapWriter::ChannelRecord(const Channel& channel) {
  return Record(kChannel, Bytes()
                              .Int(channel.id)
                              .Int(channel.schema)
                              .Text(channel.topic)
                              .Text("json")
                              .Int(uint32_t{0}));
}

std::string McapWriter::StatisticsRecord() const {
  Bytes counts;
  for (const Channel& channel : channels_) counts.Int(channel.id).Int(uint64_t{channel.count});
  Bytes content;
  content.Int(messages_)
      .Int(static_cast<uint16_t>(schemas_.size()))
      .Int(static_cast<uint32_t>(channels_.size()))
      .Int(uint32_t{0})  // Attachments.
      .Int(uint32_t{0})  // Metadata.
      .Int(static_cast<uint32_t>(chunks_.size()))
      .Int(first_ns_)
      .Int(last_ns_)
      .Text(counts.text());
  return Record(kStatistics, content);
}

// All that is written before the end of the data goes through here, for its checksum.
void McapWriter::Put(std::string_view bytes) {
  data_crc_ = Crc(data_crc_, bytes);
  file_.Write(bytes);
}

uint16_t McapWriter::AddChannel(const std::string& topic, const std::string& schema_name,
                                std::string_view json_schema) {
  OCCVLA_DCHECK(channels_.size() < std::numeric_limits<uint16_t>::max());
  auto schema = std::find_if(schemas_.begin(), schemas_.end(),
                             [&](const Schema& one) { return one.name == schema_name; });
  if (schema == schemas_.end()) {
    // Number 0 means "no schema".
    schemas_.push_back(
        {static_cast<uint16_t>(schemas_.size() + 1), schema_name, std::string(json_schema)});
    schema = schemas_.end() - 1;
    chunk_ += SchemaRecord(*schema);
  }
  channels_.push_back({static_cast<uint16_t>(channels_.size()), schema->id, topic});
  chunk_ += ChannelRecord(channels_.back());
  return channels_.back().id;
}

void McapWriter::Add(uint16_t channel, uint64_t log_time_ns, uint64_t publish_time_ns,
                     std::string_view json) {
  OCCVLA_DCHECK(channel < channels_.size());
  Channel& to = channels_[channel];
  const bool first_of_chunk = std::all_of(channels_.begin(), channels_.end(),
                                          [](const Channel& one) { return one.in_chunk.empty(); });
  chunk_first_ns_ = first_of_chunk ? log_time_ns : std::min(chunk_first_ns_, log_time_ns);
  chunk_last_ns_ = first_of_chunk ? log_time_ns : std::max(chunk_last_ns_, log_time_ns);
  first_ns_ = messages_ == 0 ? log_time_ns : std::min(first_ns_, log_time_ns);
  last_ns_ = messages_ == 0 ? log_time_ns : std::max(last_ns_, log_time_ns);
  to.in_chunk.push_back({log_time_ns, chunk_.size()});
  Bytes content;
  content.Int(channel).Int(to.count).Int(log_time_ns).Int(publish_time_ns).Raw(json);
  chunk_ += Record(kMessage, content);
  ++to.count;
  ++messages_;
  if (chunk_.size() >= kChunkBytes) FlushChunk();
}

void McapWriter::FlushChunk() {
  if (chunk_.empty()) return;
  const std::string packed = Compress(chunk_);
  ChunkPlace place{.first_ns = chunk_first_ns_,
                   .last_ns = chunk_last_ns_,
                   .offset = file_.size(),
                   .compressed = packed.size(),
                   .uncompressed = chunk_.size()};
  Bytes content;
  content.Int(place.first_ns)
      .Int(place.last_ns)
      .Int(place.uncompressed)
      .Int(Crc(0, chunk_))
      .Text(kCompression)
      .Int(place.compressed)
      .Raw(packed);
  Put(Record(kChunk, content));
  place.length = file_.size() - place.offset;
  const uint64_t indices_start = file_.size();
  for (Channel& channel : channels_) {
    if (channel.in_chunk.empty()) continue;
    place.indices.emplace_back(channel.id, file_.size());
    Bytes entries;
    for (const Entry& entry : channel.in_chunk) entries.Int(entry.time_ns).Int(entry.offset);
    Put(Record(kMessageIndex, Bytes().Int(channel.id).Text(entries.text())));
    channel.in_chunk.clear();
  }
  place.index_length = file_.size() - indices_start;
  chunks_.push_back(std::move(place));
  chunk_.clear();
  chunk_first_ns_ = chunk_last_ns_ = 0;
}

void McapWriter::WriteSummary() {
  const uint64_t summary_start = file_.size();
  std::string summary, offsets;
  const auto group = [&](Opcode opcode, const std::string& records) {
    if (records.empty()) return;
    offsets += Record(kSummaryOffset, Bytes()
                                          .Int(static_cast<uint8_t>(opcode))
                                          .Int(summary_start + summary.size())
                                          .Int(uint64_t{records.size()}));
    summary += records;
  };
  std::string schemas, channels, chunks;
  for (const Schema& schema : schemas_) schemas += SchemaRecord(schema);
  for (const Channel& channel : channels_) channels += ChannelRecord(channel);
  for (const ChunkPlace& place : chunks_) {
    Bytes indices;
    for (const auto& [channel, offset] : place.indices) indices.Int(channel).Int(offset);
    chunks += Record(kChunkIndex, Bytes()
                                      .Int(place.first_ns)
                                      .Int(place.last_ns)
                                      .Int(place.offset)
                                      .Int(place.length)
                                      .Text(indices.text())
                                      .Int(place.index_length)
                                      .Text(kCompression)
                                      .Int(place.compressed)
                                      .Int(place.uncompressed));
  }
  group(kSchema, schemas);
  group(kChannel, channels);
  group(kStatistics, StatisticsRecord());
  group(kChunkIndex, chunks);
  const uint64_t offsets_start = summary_start + summary.size();
  // The checksum covers the summary and the footer up to itself, its opcode and length included.
  constexpr uint64_t kFooterBytes = 8 + 8 + 4;
  const std::string footer = Bytes()
                                 .Int(static_cast<uint8_t>(kFooter))
                                 .Int(kFooterBytes)
                                 .Int(summary_start)
                                 .Int(offsets_start)
                                 .text();
  const std::string all = summary + offsets + footer;
  file_.Write(all);
  file_.Write(Bytes().Int(Crc(0, all)).Raw(kMagic).text());
}

void McapWriter::Finish() {
  FlushChunk();
  // The data section ends with its own last record, whose checksum covers what came before it.
  file_.Write(Record(kDataEnd, Bytes().Int(data_crc_)));
  WriteSummary();
  file_.Commit();
}

}  // namespace occvla::view
