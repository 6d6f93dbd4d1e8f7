#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace occvla::data::nuscenes {

/// 16 bytes that tell different contents apart: Poly1305 under a fixed key, which runs at memory
/// speed and spreads any accidental difference over 2^106 values. It proves nothing against someone
/// who means harm; whoever can write the cache can write the tables too.
using ContentTag = std::array<std::byte, 16>;

/// Makes tags. One object a thread. Throws DeviceError where libcrypto lacks Poly1305.
class ContentTagger {
 public:
  ContentTagger();
  ~ContentTagger();
  ContentTagger(ContentTagger&&) noexcept;
  ContentTag Of(std::span<const std::byte> bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// 32 hex digits of what `tags` say together.
std::string ToHex(const ContentTag& tag);

}  // namespace occvla::data::nuscenes
