#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/files.h"

namespace occvla::view {

/// Writes an MCAP file (mcap.dev, version 0): messages in zstd-compressed chunks of about 4 MiB,
/// each with its checksum and an index by channel, and a summary that lets a reader seek. Channels
/// carry JSON that a JSON schema describes. The file appears when whole (AtomicFile): `Finish` ends
/// it, and without `Finish` nothing is left. A full disk throws DeviceError, other failures
/// DataError. One thread. docs/decisions/0022-mcap-writer.md says why it is our own.
class McapWriter {
 public:
  explicit McapWriter(const std::filesystem::path& path);
  ~McapWriter();
  McapWriter(const McapWriter&) = delete;
  McapWriter& operator=(const McapWriter&) = delete;

  /// A topic whose messages follow the schema of this name; schemas of one name are stored once.
  /// Returns the channel's number.
  uint16_t AddChannel(const std::string& topic, const std::string& schema_name,
                      std::string_view json_schema);

  /// Times are nanoseconds since 1970. `log_time_ns` is where the message stands on the time line,
  /// `publish_time_ns` when what it tells was measured.
  void Add(uint16_t channel, uint64_t log_time_ns, uint64_t publish_time_ns, std::string_view json);

  /// Writes the index and the summary, and gives the file its name. Once, after the last Add.
  void Finish();

  uint64_t messages() const { return messages_; }

 private:
  struct Entry {
    uint64_t time_ns = 0, offset = 0;
  };
  struct Channel {
    uint16_t id = 0, schema = 0;
    std::string topic;
    uint32_t count = 0;
    std::vector<Entry> in_chunk = {};  ///< Messages of the chunk that is being filled.
  };
  struct Schema {
    uint16_t id = 0;
    std::string name, text;
  };
  struct ChunkPlace {
    uint64_t first_ns = 0, last_ns = 0, offset = 0, length = 0, index_length = 0;
    uint64_t compressed = 0, uncompressed = 0;
    std::vector<std::pair<uint16_t, uint64_t>> indices = {};  ///< Channel, offset of its index.
  };

  static std::string SchemaRecord(const Schema& schema);
  static std::string ChannelRecord(const Channel& channel);
  std::string StatisticsRecord() const;
  void Put(std::string_view bytes);
  void FlushChunk();
  void WriteSummary();

  AtomicFile file_;
  uint32_t data_crc_ = 0;
  std::vector<Schema> schemas_;
  std::vector<Channel> channels_;
  std::vector<ChunkPlace> chunks_;
  std::string chunk_;  ///< Records of the chunk that is being filled.
  uint64_t chunk_first_ns_ = 0, chunk_last_ns_ = 0;
  uint64_t messages_ = 0, first_ns_ = 0, last_ns_ = 0;
};

}  // namespace occvla::view
