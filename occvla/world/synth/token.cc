#include "occvla/world/synth/token.h"

#include "occvla/base/rng.h"

namespace occvla::world::synth {

std::string Token(uint64_t seed, std::string_view kind, uint64_t scene, uint64_t index) {
  static constexpr char kHex[] = "0123456789abcdef";
  Rng rng(seed, "synth.token." + std::string(kind), scene, index);
  std::string token;
  for (int half = 0; half < 2; ++half) {
    const uint64_t bits = rng.NextU64();
    for (int shift = 60; shift >= 0; shift -= 4) token += kHex[(bits >> shift) & 15];
  }
  return token;
}

}  // namespace occvla::world::synth
