#pragma once
#include <cstring>

#include "occvla/kernels/kernels.h"

/// Single numbers in either storage, for the scalar variant and for tests. Never included by a file
/// that is compiled for a wider instruction set: the linker would keep one copy of these inline
/// functions, perhaps the one that old machines cannot run.
namespace occvla::kernels::scalar {

inline float FromBFloat16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

/// Nearest, ties to even; every NaN becomes 0x7fc0, as torch does.
inline uint16_t FromFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (value != value) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline double Load(Storage storage, const void* data, int64_t index) {
  if (storage == Storage::kF32) {
    float value;  // The pointer may be unaligned.
    std::memcpy(&value, static_cast<const char*>(data) + index * 4, sizeof(value));
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(data) + index * 2, sizeof(bits));
  return FromBFloat16(bits);
}

inline void Store(Storage storage, void* data, int64_t index, double number) {
  const float value = static_cast<float>(number);
  if (storage == Storage::kF32) {
    std::memcpy(static_cast<char*>(data) + index * 4, &value, sizeof(value));
  } else {
    const uint16_t bits = FromFloat(value);
    std::memcpy(static_cast<char*>(data) + index * 2, &bits, sizeof(bits));
  }
}

}  // namespace occvla::kernels::scalar
