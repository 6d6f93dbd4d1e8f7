#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace occvla {

/// One block of Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// 2011).
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A keyed random stream (Philox 4x32-10): what it yields depends on the key alone, not on the
/// order of calls elsewhere, so a sample drawn for a key is the same for any number of threads,
/// ranks and resumes. Copyable; not shared between threads.
///
/// The key is a 64-bit hash of seed, purpose and the upper half of `epoch`; the counter holds the
/// block number (32 bits), the lower half of `epoch` (32) and `index` (64), so that streams of one
/// seed and purpose never overlap within 2^34 words. Words and uniforms are the same on every
/// machine; `Normal` is as exact as the machine's log, sin and cos.
class Rng {
 public:
  /// `purpose` separates streams of one seed ("init", "shuffle", "sampling").
  Rng(uint64_t seed, std::string_view purpose, uint64_t epoch = 0, uint64_t index = 0);

  uint32_t NextU32();
  uint64_t NextU64();
  /// Uniform in [0, 1), 53 bits.
  double Uniform();
  /// Standard normal (Box-Muller; two uniforms a pair).
  double Normal();
  /// Uniform in [0, n), without modulo bias; n > 0.
  uint64_t Below(uint64_t n);

 private:
  void Refill();
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace occvla
