#include "occvla/base/dtype.h"

#include <array>
#include <bit>
#include <utility>

namespace occvla {
namespace {

struct Row {
  DType dtype;
  size_t size;
  std::string_view name;
};

// In the order of DType, so that a value indexes its row.
constexpr std::array<Row, 15> kRows{{{DType::kBool, 1, "BOOL"},
                                     {DType::kU8, 1, "U8"},
                                     {DType::kI8, 1, "I8"},
                                     {DType::kU16, 2, "U16"},
                                     {DType::kI16, 2, "I16"},
                                     {DType::kF16, 2, "F16"},
                                     {DType::kBF16, 2, "BF16"},
                                     {DType::kU32, 4, "U32"},
                                     {DType::kI32, 4, "I32"},
                                     {DType::kF32, 4, "F32"},
                                     {DType::kU64, 8, "U64"},
                                     {DType::kI64, 8, "I64"},
                                     {DType::kF64, 8, "F64"},
                                     {DType::kF8E4M3, 1, "F8_E4M3"},
                                     {DType::kF8E5M2, 1, "F8_E5M2"}}};

constexpr bool RowsFollowTheEnum() {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<size_t>(kRows[i].dtype) != i) return false;
  return true;
}
static_assert(RowsFollowTheEnum());

}  // namespace

size_t SizeOf(DType dtype) { return kRows[static_cast<size_t>(dtype)].size; }

std::string_view SafetensorsName(DType dtype) { return kRows[static_cast<size_t>(dtype)].name; }

std::optional<DType> DTypeFromSafetensorsName(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name) return row.dtype;
  return std::nullopt;
}

std::optional<uint64_t> ByteCount(DType dtype, std::span<const int64_t> shape) {
  auto bytes = static_cast<int64_t>(SizeOf(dtype));
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    empty = empty || size == 0;
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

uint16_t BFloat16FromFloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  // A NaN whose payload sits in the lower half would round to infinity: set the quiet bit instead.
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x0040u);
  const uint32_t rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
  return static_cast<uint16_t>(rounded >> 16);
}

float FloatFromBFloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t HalfFromFloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u)  // NaN keeps the top of its payload and becomes quiet.
    return static_cast<uint16_t>(sign | 0x7E00u | ((magnitude >> 13) & 0x3FFu));
  if (magnitude >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);  // From 65520 on.
  if (magnitude < 0x38800000u) {  // Below 2^-14: a multiple of 2^-24.
    // Adding 0.5 lets the float unit round the value to a multiple of 2^-24, nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000u));
  }
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

float FloatFromHalf(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7FFFu;
  if (magnitude >= 0x7C00u)  // Infinity or NaN.
    return std::bit_cast<float>(sign | 0x7F800000u | ((magnitude & 0x3FFu) << 13));
  if (magnitude < 0x0400u) {  // Subnormal: exact as an integer times 2^-24.
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
}

}  // namespace occvla
