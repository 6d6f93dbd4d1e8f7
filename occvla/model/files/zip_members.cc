#include "occvla/model/files/zip_members.h"

#include <zlib.h>

#include <algorithm>

#include "occvla/base/error.h"

namespace occvla::model {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr uint64_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20;
constexpr uint64_t kEntrySize = 46, kLocalSize = 30;
constexpr uint64_t kMaxMembers = 1'000'000;
constexpr uint64_t kMaxName = 4096;

}  // namespace

ZipMembers::ZipMembers(std::span<const std::byte> archive, std::string where)
    : archive_(archive), where_(std::move(where)) {
  ReadDirectory();
}

void ZipMembers::Fail(const std::string& problem) const {
  throw CheckpointError(where_ + ": " + problem + " Fetch the file again.");
}

uint64_t ZipMembers::Number(uint64_t offset, int bytes) const {
  if (offset > archive_.size() || archive_.size() - offset < static_cast<uint64_t>(bytes)) {
    Fail("the zip archive ends inside a header at byte " + std::to_string(offset) + ".");
  }
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(archive_[offset + static_cast<uint64_t>(i)]) << (8 * i);
  }
  return value;
}

void ZipMembers::ReadDirectory() {
  const uint64_t size = archive_.size();
  // The end record is last but for a comment of at most 65535 bytes.
  const uint64_t oldest = size > kEndSize + 65535 ? size - kEndSize - 65535 : 0;
  uint64_t end = size;
  for (uint64_t at = size < kEndSize ? 0 : size - kEndSize + 1; at-- > oldest;) {
    if (Number(at, 4) == kEnd) {
      end = at;
      break;
    }
  }
  if (end == size) Fail("is no zip archive, or its end is missing.");

  uint64_t count = Number(end + 10, 2), length = Number(end + 12, 4), begin = Number(end + 16, 4);
  if (end >= kLocatorSize && Number(end - kLocatorSize, 4) == kLocator64) {
    const uint64_t end64 = Number(end - kLocatorSize + 8, 8);
    if (end64 > size || size - end64 < kEnd64Size || Number(end64, 4) != kEnd64) {
      Fail("the zip64 end record is not where byte " + std::to_string(end - kLocatorSize) +
           " says.");
    }
    count = Number(end64 + 32, 8);
    length = Number(end64 + 40, 8);
    begin = Number(end64 + 48, 8);
  }
  if (begin > size || length > size - begin) {
    Fail("the zip directory must lie in the " + std::to_string(size) +
         " bytes of the file, but is " + std::to_string(length) + " bytes at " +
         std::to_string(begin) + ".");
  }
  if (count > kMaxMembers || count * kEntrySize > length) {
    Fail("the zip directory of " + std::to_string(length) + " bytes cannot hold " +
         std::to_string(count) + " members.");
  }

  uint64_t at = begin;
  for (uint64_t i = 0; i < count; ++i) {
    if (Number(at, 4) != kDirectoryEntry) {
      Fail("the zip directory has no entry at byte " + std::to_string(at) + ".");
    }
    Member member;
    member.flags = static_cast<uint16_t>(Number(at + 8, 2));
    member.method = static_cast<uint16_t>(Number(at + 10, 2));
    member.crc = static_cast<uint32_t>(Number(at + 16, 4));
    member.packed = Number(at + 20, 4);
    member.size = Number(at + 24, 4);
    const uint64_t name_length = Number(at + 28, 2), extra_length = Number(at + 30, 2);
    const uint64_t comment_length = Number(at + 32, 2);
    member.offset = Number(at + 42, 4);
    const uint64_t name_at = at + kEntrySize, extra_at = name_at + name_length;
    at = extra_at + extra_length + comment_length;
    if (at > begin + length || name_length > kMaxName) {
      Fail("entry " + std::to_string(i) + " of the zip directory passes its end.");
    }
    const std::string name(reinterpret_cast<const char*>(archive_.data() + name_at), name_length);
    // Sizes of 4 GiB and more stand in the zip64 extra field, in this order, those that do not fit.
    for (uint64_t extra = extra_at; extra + 4 <= extra_at + extra_length;) {
      const uint64_t id = Number(extra, 2), bytes = Number(extra + 2, 2);
      uint64_t field = extra + 4;
      extra = field + bytes;
      if (extra > extra_at + extra_length) break;
      if (id != 1) continue;
      for (uint64_t* value : {&member.size, &member.packed, &member.offset}) {
        if (*value == 0xffffffff && field + 8 <= extra) {
          *value = Number(field, 8);
          field += 8;
        }
      }
    }
    if (!members_.emplace(name, member).second) {
      Fail("the member \"" + name + "\" occurs twice.");
    }
  }
}

std::span<const std::byte> ZipMembers::Read(const std::string& name) const {
  const auto it = members_.find(name);
  if (it == members_.end()) Fail("the member \"" + name + "\" is missing.");
  const Member& member = it->second;
  if (member.method != 0 || member.packed != member.size) {
    Fail("the member \"" + name + "\" is compressed, which torch.save never does.");
  }
  if ((member.flags & 1) != 0) Fail("the member \"" + name + "\" is encrypted.");
  if (member.offset > archive_.size() || Number(member.offset, 4) != kLocalHeader) {
    Fail("the member \"" + name + "\" is not at byte " + std::to_string(member.offset) + ".");
  }
  const uint64_t data =
      member.offset + kLocalSize + Number(member.offset + 26, 2) + Number(member.offset + 28, 2);
  if (data > archive_.size() || member.size > archive_.size() - data) {
    Fail("the member \"" + name + "\" of " + std::to_string(member.size) +
         " bytes passes the end of the file.");
  }
  const auto bytes = archive_.subspan(data, member.size);
  uLong crc = ::crc32(0, nullptr, 0);
  for (size_t begin = 0; begin < bytes.size(); begin += size_t{1} << 30) {
    const auto part = bytes.subspan(begin, std::min(size_t{1} << 30, bytes.size() - begin));
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
  }
  if (crc != member.crc) {
    Fail("the member \"" + name + "\" is damaged: its CRC-32 is not the recorded one.");
  }
  return bytes;
}

std::vector<std::string> ZipMembers::Names() const {
  std::vector<std::string> out;
  for (const auto& [name, member] : members_) out.push_back(name);
  return out;
}

}  // namespace occvla::model
