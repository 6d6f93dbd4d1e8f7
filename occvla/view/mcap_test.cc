// What the format says byte by byte; script/parity.d/mcap reads whole files with the mcap package.
#include "occvla/view/mcap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"

namespace occvla::view {
namespace {

using ::testing::ElementsAre;

uint64_t Little(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes.at(at + i));
  return value;
}

struct Record {
  uint8_t opcode = 0;
  size_t at = 0;
  std::string content;
};

std::vector<Record> RecordsOf(std::string_view bytes) {
  std::vector<Record> records;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t size = Little(bytes, at + 1, 8);
    records.push_back(
        {static_cast<uint8_t>(bytes[at]), at, std::string(bytes.substr(at + 9, size))});
    at += 9 + size;
  }
  return records;
}

std::vector<int> Opcodes(const std::vector<Record>& records) {
  std::vector<int> opcodes;
  for (const Record& record : records) opcodes.push_back(record.opcode);
  return opcodes;
}

uint32_t Crc(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string Unpacked(const Record& chunk) {
  // Start, end, size, checksum, compression ("zstd"), size of the records.
  std::string bytes(Little(chunk.content, 16, 8), '\0');
  const std::string_view packed = std::string_view(chunk.content).substr(28 + 4 + 4 + 8);
  EXPECT_EQ(ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size()),
            bytes.size());
  return bytes;
}

std::string WriteTwoMessages(const std::filesystem::path& path) {
  McapWriter writer(path);
  const uint16_t boxes = writer.AddChannel("/boxes", "Boxes", "{}");
  const uint16_t other = writer.AddChannel("/other", "Boxes", "{}");
  writer.Add(boxes, 2'000'000'007, 1'999'999'999, R"({"a":1})");
  writer.Add(other, 1'000'000'000, 1'000'000'000, "[]");
  writer.Finish();
  return ReadTextFile(path);
}

TEST(McapTest, RecordsFollowEachOtherAsTheFormatHasThem) {
  const TestFolder folder;
  const std::string file = WriteTwoMessages(folder / "a.mcap");
  const std::string magic = "\x89MCAP0\r\n";
  ASSERT_TRUE(file.starts_with(magic) && file.ends_with(magic));
  const auto records = RecordsOf(std::string_view(file).substr(8, file.size() - 16));
  // Header, chunk, two message indices, data end, schema, two channels, statistics, chunk index,
  // a summary offset a group, footer.
  EXPECT_THAT(Opcodes(records),
              ElementsAre(1, 6, 7, 7, 0xf, 3, 4, 4, 0xb, 8, 0xe, 0xe, 0xe, 0xe, 2));
  const std::string inner = Unpacked(records[1]);
  EXPECT_THAT(Opcodes(RecordsOf(inner)), ElementsAre(3, 4, 4, 5, 5));
  const Record message = RecordsOf(inner)[3];
  EXPECT_EQ(Little(message.content, 0, 2), 0u);
  EXPECT_EQ(Little(message.content, 2, 4), 0u);
  EXPECT_EQ(Little(message.content, 6, 8), 2'000'000'007u);
  EXPECT_EQ(Little(message.content, 14, 8), 1'999'999'999u);
  EXPECT_EQ(message.content.substr(22), R"({"a":1})");
}

TEST(McapTest, ChecksumsCoverWhatTheFormatSays) {
  const TestFolder folder;
  const std::string file = WriteTwoMessages(folder / "a.mcap");
  const auto records = RecordsOf(std::string_view(file).substr(8, file.size() - 16));
  const Record &chunk = records[1], &data_end = records[4], &footer = records.back();
  EXPECT_EQ(Little(chunk.content, 24, 4), Crc(Unpacked(chunk)));
  EXPECT_EQ(Little(data_end.content, 0, 4), Crc(file.substr(0, 8 + data_end.at)));
  const uint64_t summary = Little(footer.content, 0, 8);
  EXPECT_EQ(summary, 8 + records[5].at);
  EXPECT_EQ(Little(footer.content, 8, 8), 8 + records[10].at);
  EXPECT_EQ(Little(footer.content, 16, 4),
            Crc(file.substr(summary, 8 + footer.at + 9 + 16 - summary)));
}

TEST(McapTest, TheIndexLeadsToEachMessage) {
  const TestFolder folder;
  const std::string file = WriteTwoMessages(folder / "a.mcap");
  const auto records = RecordsOf(std::string_view(file).substr(8, file.size() - 16));
  const std::string& index = records[9].content;
  EXPECT_EQ(Little(index, 0, 8), 1'000'000'000u);
  EXPECT_EQ(Little(index, 8, 8), 2'000'000'007u);
  EXPECT_EQ(Little(index, 16, 8), 8 + records[1].at);
  // The second channel's entry: its time, and where its message lies in the chunk.
  const std::string& entries = records[3].content;
  EXPECT_EQ(Little(entries, 0, 2), 1u);
  EXPECT_EQ(Little(entries, 6, 8), 1'000'000'000u);
  const auto inner = RecordsOf(Unpacked(records[1]));
  EXPECT_EQ(Little(entries, 14, 8), inner[4].at);
}

TEST(McapTest, ManyMessagesGoIntoSeveralChunks) {
  const TestFolder folder;
  McapWriter writer(folder / "a.mcap");
  const uint16_t channel = writer.AddChannel("/a", "A", "{}");
  const std::string big(size_t{1} << 20, 'x');
  for (uint64_t i = 0; i < 9; ++i) writer.Add(channel, i, i, big);
  writer.Finish();
  const std::string file = ReadTextFile(folder / "a.mcap");
  const auto opcodes = Opcodes(RecordsOf(std::string_view(file).substr(8, file.size() - 16)));
  EXPECT_EQ(std::count(opcodes.begin(), opcodes.end(), 6), 3);
  EXPECT_EQ(std::count(opcodes.begin(), opcodes.end(), 8), 3);
}

TEST(McapTest, WithoutFinishNothingIsLeft) {
  const TestFolder folder;
  {
    McapWriter writer(folder / "a.mcap");
    writer.Add(writer.AddChannel("/a", "A", "{}"), 1, 1, "{}");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(McapTest, AFileWithoutMessagesIsWhole) {
  const TestFolder folder;
  McapWriter(folder / "a.mcap").Finish();
  const std::string file = ReadTextFile(folder / "a.mcap");
  EXPECT_THAT(Opcodes(RecordsOf(std::string_view(file).substr(8, file.size() - 16))),
              ElementsAre(1, 0xf, 0xb, 0xe, 2));
}

}  // namespace
}  // namespace occvla::view
