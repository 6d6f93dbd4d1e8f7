#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "occvla/kernels/kernels.h"
#include "occvla/kernels/scalar.h"

/// Numbers for the tests of the kernels.
namespace occvla::kernels {

/// Every instruction set that runs here, the scalar oracle excepted.
inline std::vector<Isa> FastIsas() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16})
    if (isa <= BestIsa()) isas.push_back(isa);
  return isas;
}

/// The same numbers for the same seed, roughly normal.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint64_t Bits() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  float Next() {
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(Bits() >> 40) * 0x1p-24f - 0.5f;
    return sum * 1.7f;
  }

 private:
  uint64_t state_;
};

/// `count` numbers in one of the storages, at an address that is aligned to nothing.
class Array {
 public:
  Array(Storage storage, int64_t count) : storage_(storage), bytes_(count * Size() + 65) {}
  Array(Storage storage, int64_t count, uint64_t seed, float size = 1) : Array(storage, count) {
    Numbers numbers(seed);
    for (int64_t i = 0; i < count; ++i) Set(i, size * numbers.Next());
  }
  void* data() { return bytes_.data() + Size(); }
  const void* data() const { return bytes_.data() + Size(); }
  float* floats() { return static_cast<float*>(data()); }
  double operator[](int64_t i) const { return scalar::Load(storage_, data(), i); }
  void Set(int64_t i, double value) { scalar::Store(storage_, data(), i, value); }
  bool operator==(const Array& other) const { return bytes_ == other.bytes_; }

 private:
  int64_t Size() const { return storage_ == Storage::kF32 ? 4 : 2; }
  Storage storage_;
  std::vector<unsigned char> bytes_;
};

/// Half a step between neighbouring numbers, relative.
inline double Rounding(Storage storage) { return storage == Storage::kF32 ? 0x1p-24 : 0x1p-9; }

}  // namespace occvla::kernels
