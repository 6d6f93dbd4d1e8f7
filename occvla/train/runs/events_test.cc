#include "occvla/train/runs/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla::train {
namespace {

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

// RFC 3720, appendix B.4.
TEST(EventsTest, Crc32cGivesTheValuesOfTheRfc) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  EXPECT_EQ(Crc32c(rising), 0x46DD794Eu);
  EXPECT_EQ(Crc32c(""), 0u);
}

// Recorded from tensorboard 2.21.0's own writer:
//   EventsWriter's RecordWriter.write(Event(wall_time=2.0, step=200, summary=Summary(value=[
//     Summary.Value(tag="train/loss", simple_value=1.5)])).SerializeToString())
TEST(EventsTest, AScalarHasTheBytesThatTensorBoardItselfWrites) {
  const TestFolder folder;
  EventWriter events(folder.path(), 1.0);
  const size_t head = ReadTextFile(events.path()).size();
  events.Scalar(200, 2.0, "train/loss", 1.5);
  EXPECT_EQ(Hex(ReadTextFile(events.path()).substr(head)),
            "2100000000000000017becf609000000000000004010c8012a130a110a0a747261696e2f6c6f7373150000"
            "c03f08e3301b");
}

// Recorded from the same: Event(wall_time=2.0, file_version="brain.Event:2"), then
// Event(wall_time=2.0, step=7, session_log=SessionLog(status=SessionLog.START)).
TEST(EventsTest, AFileOpensWithItsVersionAndItsSession) {
  const TestFolder folder;
  const EventWriter events(folder.path(), 2.0, 7);
  EXPECT_EQ(Hex(ReadTextFile(events.path())),
            "1800000000000000a37f4b220900000000000000401a0d627261696e2e4576656e743a32ff2ee0e70f0000"
            "00000000006d532b0909000000000000004010073a020801d1715dcb");
}

TEST(EventsTest, ALaterFileSortsAfterAnEarlierOne) {
  const TestFolder folder;
  const EventWriter first(folder.path(), 1764300000.5);
  const EventWriter second(folder.path(), 5.0, 7);
  const std::string one = first.path().filename(), two = second.path().filename();
  EXPECT_THAT(one, ::testing::StartsWith("events.out.tfevents.1764300000."));
  EXPECT_THAT(two, ::testing::StartsWith("events.out.tfevents.1764300001."));
}

TEST(EventsTest, WhatIsNoPictureIsRefused) {
  const TestFolder folder;
  EventWriter events(folder.path(), 1.0);
  const std::string text = "GIF89a, and more bytes than a PNG header has";
  try {
    events.Picture(1, 1.0, "occupancy", std::as_bytes(std::span(text)));
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "the picture occupancy: must be a PNG file, but is none.");
  }
}

}  // namespace
}  // namespace occvla::train
