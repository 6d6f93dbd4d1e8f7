#include "occvla/train/runs/events.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>

#include "occvla/base/error.h"

namespace occvla::train {
namespace {

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

/// A CRC over bytes that hold CRCs is weak: what is stored is rotated and shifted.
uint32_t MaskedCrc(std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

template <typename Unsigned>
std::string LittleEndian(Unsigned value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i)
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  return bytes;
}

int64_t BigEndian(std::string_view bytes) {
  int64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Protocol-buffer encoding: a field opens with (number << 3 | kind).
enum WireKind : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  bytes += static_cast<char>(value);
  return bytes;
}

std::string Key(uint32_t number, WireKind kind) { return Varint((number << 3) | kind); }

std::string IntField(uint32_t number, int64_t value) {
  return Key(number, kVarint) + Varint(static_cast<uint64_t>(value));
}
std::string DoubleField(uint32_t number, double value) {
  return Key(number, kFixed64) + LittleEndian(std::bit_cast<uint64_t>(value));
}
std::string FloatField(uint32_t number, float value) {
  return Key(number, kFixed32) + LittleEndian(std::bit_cast<uint32_t>(value));
}
std::string BytesField(uint32_t number, std::string_view bytes) {
  return Key(number, kBytes) + Varint(bytes.size()) + std::string(bytes);
}

// Field numbers of event.proto.
constexpr uint32_t kEventTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5,
                   kEventSessionLog = 7;
constexpr uint32_t kSessionLogStatus = 1;
constexpr int64_t kSessionStart = 1;
// Of summary.proto.
constexpr uint32_t kSummaryValue = 1, kValueTag = 1, kValueSimple = 2, kValueImage = 4;
constexpr uint32_t kImageHeight = 1, kImageWidth = 2, kImageColorspace = 3, kImageBytes = 4;
constexpr int64_t kRgb = 3;

std::string Event(int64_t step, double time, const std::string& what) {
  return DoubleField(kEventTime, time) + IntField(kEventStep, step) + what;
}

std::string SummaryOf(const std::string& value) {
  return BytesField(kEventSummary, BytesField(kSummaryValue, value));
}

constexpr std::string_view kPrefix = "events.out.tfevents.";

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  std::string host = name;
  std::replace(host.begin(), host.end(), '/', '_');
  return host;
}

std::filesystem::path NewName(const std::filesystem::path& folder, double time) {
  auto seconds = static_cast<int64_t>(time);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix)) {
      const long long taken = std::atoll(name.c_str() + kPrefix.size());
      seconds = std::max(seconds, std::min<int64_t>(taken, 9'999'999'998) + 1);
    }
  }
  char digits[24];
  std::snprintf(digits, sizeof digits, "%010lld", static_cast<long long>(seconds));
  return folder /
         (std::string(kPrefix) + digits + "." + HostName() + "." + std::to_string(::getpid()));
}

}  // namespace

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

EventWriter::EventWriter(const std::filesystem::path& folder, double time, int64_t first_step)
    : path_(NewName(folder, time)), file_(path_, AppendFile::Open::kNew) {
  Write(DoubleField(kEventTime, time) + BytesField(kEventFileVersion, "brain.Event:2"));
  // In the run's first file too: readers take the second start that they see for a restart.
  Write(Event(first_step, time,
              BytesField(kEventSessionLog, IntField(kSessionLogStatus, kSessionStart))));
}

void EventWriter::Scalar(int64_t step, double time, std::string_view tag, double value) {
  Write(Event(
      step, time,
      SummaryOf(BytesField(kValueTag, tag) + FloatField(kValueSimple, static_cast<float>(value)))));
}

void EventWriter::Picture(int64_t step, double time, std::string_view tag,
                          std::span<const std::byte> png) {
  const std::string_view bytes(reinterpret_cast<const char*>(png.data()), png.size());
  if (bytes.size() < 24 || !bytes.starts_with("\x89PNG\r\n\x1a\n") || bytes.substr(12, 4) != "IHDR")
    throw DataError("the picture " + std::string(tag) + ": must be a PNG file, but is none.");
  const std::string image = IntField(kImageHeight, BigEndian(bytes.substr(20, 4))) +
                            IntField(kImageWidth, BigEndian(bytes.substr(16, 4))) +
                            IntField(kImageColorspace, kRgb) + BytesField(kImageBytes, bytes);
  Write(Event(step, time, SummaryOf(BytesField(kValueTag, tag) + BytesField(kValueImage, image))));
}

void EventWriter::Write(const std::string& event) {
  const std::string length = LittleEndian(static_cast<uint64_t>(event.size()));
  file_.Append(length + LittleEndian(MaskedCrc(length)) + event + LittleEndian(MaskedCrc(event)));
}

}  // namespace occvla::train
