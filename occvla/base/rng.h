#pragma once
#include <cstdint>
#include <string_view>

namespace occvla {

/// A keyed random stream (Philox 4x32-10): what it yields depends on the key alone, not on the order
/// of calls elsewhere, so a sample drawn for a key is the same for any number of threads, ranks and
/// resumes. Copyable; not shared between threads.
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
  uint32_t key_[2];
  uint32_t counter_[4];
  uint32_t block_[4];
  int used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace occvla
