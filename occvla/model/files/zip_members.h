#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace occvla::model {

/// The members of a zip archive in memory, as torch.save writes it: stored, never deflated, so that
/// each is a view into the mapped file. Validated on opening: directory inside the archive, names
/// unique, data inside the file; compressed or encrypted members are refused when they are read.
class ZipMembers {
 public:
  /// `where` opens every complaint (CheckpointError). `archive` outlives the object and its views.
  ZipMembers(std::span<const std::byte> archive, std::string where);

  bool Contains(const std::string& name) const { return members_.count(name) != 0; }
  /// The bytes of a member, with its CRC-32 checked.
  std::span<const std::byte> Read(const std::string& name) const;
  /// Every name, sorted.
  std::vector<std::string> Names() const;

 private:
  struct Member {
    uint64_t offset = 0;  ///< Of the local header.
    uint64_t packed = 0, size = 0;
    uint32_t crc = 0;
    uint16_t method = 0, flags = 0;
  };
  [[noreturn]] void Fail(const std::string& problem) const;
  uint64_t Number(uint64_t offset, int bytes) const;
  void ReadDirectory();

  std::span<const std::byte> archive_;
  std::string where_;
  std::map<std::string, Member> members_;
};

}  // namespace occvla::model
