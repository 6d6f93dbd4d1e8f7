#ifdef __x86_64__
#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "occvla/data/image/resize_passes.h"

namespace occvla::data {
namespace {

__m128i CoefficientPair(const int16_t* pair) {
  int32_t both;
  std::memcpy(&both, pair, sizeof(both));
  return _mm_set1_epi32(both);
}

// Four sums of each kind -> four values before saturation.
__m128i Finish(__m128i low, __m128i high) {
  const __m128i half = _mm_set1_epi32(1 << (kPrecisionBits - 1));
  const __m128i sum = _mm_add_epi32(_mm_add_epi32(low, half), _mm_slli_epi32(high, kLowBits));
  return _mm_srai_epi32(sum, kPrecisionBits);
}

template <int kRows>
void HorizontalRows(const std::array<const uint8_t*, kRows>& in, const Axis& axis, uint8_t* out,
                    size_t out_stride) {
  const __m128i zero = _mm_setzero_si128();
  for (size_t index = 0; index < axis.taps.size(); ++index) {
    const Taps& taps = axis.taps[index];
    __m128i low[kRows], high[kRows];
    std::fill_n(low, kRows, zero);
    std::fill_n(high, kRows, zero);
    size_t byte = static_cast<size_t>(taps.first) * 3;
    for (int tap = 0; tap < taps.count; tap += 2, byte += 6) {
      const __m128i k_low = CoefficientPair(&axis.low[taps.offset + static_cast<size_t>(tap)]);
      const __m128i k_high = CoefficientPair(&axis.high[taps.offset + static_cast<size_t>(tap)]);
      for (int row = 0; row < kRows; ++row) {
        const auto* source = reinterpret_cast<const __m128i*>(in[row] + byte);
        const __m128i two = _mm_loadl_epi64(source);  // r0 g0 b0 r1 g1 b1 . .
        const __m128i pairs = _mm_unpacklo_epi8(two, _mm_srli_si128(two, 3));  // r0 r1 g0 g1 ..
        const __m128i wide = _mm_unpacklo_epi8(pairs, zero);
        low[row] = _mm_add_epi32(low[row], _mm_madd_epi16(wide, k_low));
        high[row] = _mm_add_epi32(high[row], _mm_madd_epi16(wide, k_high));
      }
    }
    for (int row = 0; row < kRows; ++row) {
      const __m128i words = _mm_packs_epi32(Finish(low[row], high[row]), zero);
      const auto pixel = static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, zero)));
      std::memcpy(out + static_cast<size_t>(row) * out_stride + index * 3, &pixel, 3);
    }
  }
}

// Sixteen neighbouring bytes of one output row.
void VerticalSixteen(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                     uint8_t* out) {
  const __m128i zero = _mm_setzero_si128();
  __m128i low[4], high[4];
  std::fill_n(low, 4, zero);
  std::fill_n(high, 4, zero);
  for (int tap = 0; tap < taps.count; tap += 2) {
    const __m128i k_low = CoefficientPair(&axis.low[taps.offset + static_cast<size_t>(tap)]);
    const __m128i k_high = CoefficientPair(&axis.high[taps.offset + static_cast<size_t>(tap)]);
    const uint8_t* row = in + static_cast<size_t>(tap) * stride;
    const __m128i upper = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row));
    // The filled tap of an odd count has weight zero; its row may not exist.
    const __m128i lower = tap + 1 < taps.count
                              ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + stride))
                              : zero;
    const __m128i first = _mm_unpacklo_epi8(upper, lower), second = _mm_unpackhi_epi8(upper, lower);
    const __m128i wide[4] = {_mm_unpacklo_epi8(first, zero), _mm_unpackhi_epi8(first, zero),
                             _mm_unpacklo_epi8(second, zero), _mm_unpackhi_epi8(second, zero)};
    for (int part = 0; part < 4; ++part) {
      low[part] = _mm_add_epi32(low[part], _mm_madd_epi16(wide[part], k_low));
      high[part] = _mm_add_epi32(high[part], _mm_madd_epi16(wide[part], k_high));
    }
  }
  const __m128i left = _mm_packs_epi32(Finish(low[0], high[0]), Finish(low[1], high[1]));
  const __m128i right = _mm_packs_epi32(Finish(low[2], high[2]), Finish(low[3], high[3]));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(left, right));
}

}  // namespace

void HorizontalSse2(const Rows& rows, const Axis& axis) {
  size_t row = 0;
  for (; row + 4 <= rows.count; row += 4) {
    const uint8_t* in = rows.in + row * rows.in_stride;
    HorizontalRows<4>({in, in + rows.in_stride, in + 2 * rows.in_stride, in + 3 * rows.in_stride},
                      axis, rows.out + row * rows.out_stride, rows.out_stride);
  }
  for (; row < rows.count; ++row)
    HorizontalRows<1>({rows.in + row * rows.in_stride}, axis, rows.out + row * rows.out_stride,
                      rows.out_stride);
}

void VerticalSse2(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                  uint8_t* out) {
  size_t byte = 0;
  for (; byte + 16 <= stride; byte += 16)
    VerticalSixteen(in + byte, stride, taps, axis, out + byte);
  VerticalScalarFrom(byte, in, stride, taps, axis, out);
}

}  // namespace occvla::data
#endif
