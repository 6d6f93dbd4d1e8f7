#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace occvla {

/// Element types that tensors in files may have. Little-endian throughout.
enum class DType : uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
  kF8E4M3,
  kF8E5M2
};

size_t SizeOf(DType dtype);
/// The name that safetensors uses: "BOOL", "U8", "BF16", "F32", "F8_E4M3", ...
std::string_view SafetensorsName(DType dtype);
std::optional<DType> DTypeFromSafetensorsName(std::string_view name);

/// Bytes of a tensor; nothing if a size is negative or the product passes 63 bits, counted as if
/// sizes of 0 were 1, so that no partial product can overflow later either.
std::optional<uint64_t> ByteCount(DType dtype, std::span<const int64_t> shape);

/// bfloat16 and IEEE half <-> float, round to nearest even; NaN stays NaN.
uint16_t BFloat16FromFloat(float value);
float FloatFromBFloat16(uint16_t bits);
uint16_t HalfFromFloat(float value);
float FloatFromHalf(uint16_t bits);

}  // namespace occvla
