#include "occvla/base/rng.h"

#include <cmath>
#include <numbers>

#include "occvla/base/error.h"

namespace occvla {
namespace {

uint64_t HashFnv1a(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3u;
  }
  return hash;
}

// The finaliser of SplitMix64: every input bit reaches every output bit, and no two inputs meet.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

uint32_t Low(uint64_t x) { return static_cast<uint32_t>(x); }
uint32_t High(uint64_t x) { return static_cast<uint32_t>(x >> 32); }

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t first = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t second = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {High(second) ^ counter[1] ^ key[0], Low(second), High(first) ^ counter[3] ^ key[1],
               Low(first)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

Rng::Rng(uint64_t seed, std::string_view purpose, uint64_t epoch, uint64_t index) {
  const uint64_t key = Mix(Mix(Mix(seed) ^ HashFnv1a(purpose)) ^ (epoch >> 32));
  key_ = {Low(key), High(key)};
  counter_ = {0, Low(epoch), Low(index), High(index)};
}

void Rng::Refill() {
  block_ = Philox4x32(counter_, key_);
  used_ = 0;
  // A stream past its 2^34 words goes on under another key rather than repeat.
  if (++counter_[0] == 0) ++key_[1];
}

uint32_t Rng::NextU32() {
  if (used_ == 4) Refill();
  return block_[static_cast<size_t>(used_++)];
}

uint64_t Rng::NextU64() {
  const uint64_t low = NextU32();
  return low | (uint64_t{NextU32()} << 32);
}

double Rng::Uniform() { return static_cast<double>(NextU64() >> 11) * 0x1p-53; }

double Rng::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));  // (0, 1]: log stays finite.
  const double angle = 2.0 * std::numbers::pi * Uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

uint64_t Rng::Below(uint64_t n) {
  OCCVLA_DCHECK(n > 0);
  // Words below 2^64 mod n are drawn again: what is left divides evenly among the n values.
  const uint64_t refused = (0 - n) % n;
  for (;;) {
    const uint64_t word = NextU64();
    if (word >= refused) return word % n;
  }
}

}  // namespace occvla
