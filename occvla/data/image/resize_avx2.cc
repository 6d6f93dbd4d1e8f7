#ifdef __x86_64__
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "occvla/data/image/resize_passes.h"

#define OCCVLA_AVX2 __attribute__((target("avx2")))

namespace occvla::data {
namespace {

OCCVLA_AVX2 inline __m256i Zero() { return _mm256_setzero_si256(); }

// Eight sums of each kind -> eight values before saturation.
OCCVLA_AVX2 inline __m256i Finish(__m256i low, __m256i high) {
  const __m256i half = _mm256_set1_epi32(1 << (kPrecisionBits - 1));
  const __m256i sum =
      _mm256_add_epi32(_mm256_add_epi32(low, half), _mm256_slli_epi32(high, kLowBits));
  return _mm256_srai_epi32(sum, kPrecisionBits);
}

// The coefficients of four taps: the first two in each place of the lower half, the others above.
OCCVLA_AVX2 inline __m256i CoefficientsOfFour(const int16_t* four) {
  int64_t all;
  std::memcpy(&all, four, sizeof(all));
  const __m256i halves = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  return _mm256_permutevar8x32_epi32(_mm256_set1_epi64x(all), halves);
}

template <int kRows>
OCCVLA_AVX2 void HorizontalRows(const std::array<const uint8_t*, kRows>& in, const Axis& axis,
                                uint8_t* out, size_t out_stride) {
  // Sixteen bytes hold r0 g0 b0 r1 g1 b1 r2 g2 b2 r3 g3 b3 and more; out come words:
  // r0 r1 g0 g1 b0 b1 - - | r2 r3 g2 g3 b2 b3 - -.
  const __m256i order =
      _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                       6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  for (size_t index = 0; index < axis.taps.size(); ++index) {
    const Taps& taps = axis.taps[index];
    __m256i low[kRows], high[kRows];
    for (int row = 0; row < kRows; ++row) low[row] = high[row] = Zero();
    size_t byte = static_cast<size_t>(taps.first) * 3;
    const int16_t* k_low = &axis.low[taps.offset];
    const int16_t* k_high = &axis.high[taps.offset];
    for (int tap = 0; tap < taps.count; tap += 4, byte += 12, k_low += 4, k_high += 4) {
      const __m256i four_low = CoefficientsOfFour(k_low), four_high = CoefficientsOfFour(k_high);
      for (int row = 0; row < kRows; ++row) {
        const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in[row] + byte));
        const __m256i words = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(sixteen), order);
        low[row] = _mm256_add_epi32(low[row], _mm256_madd_epi16(words, four_low));
        high[row] = _mm256_add_epi32(high[row], _mm256_madd_epi16(words, four_high));
      }
    }
    for (int row = 0; row < kRows; ++row) {
      const auto both = [](__m256i sums) OCCVLA_AVX2 {
        return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
      };
      const __m256i value =
          Finish(_mm256_castsi128_si256(both(low[row])), _mm256_castsi128_si256(both(high[row])));
      const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(value), _mm_setzero_si128());
      const auto pixel =
          static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, _mm_setzero_si128())));
      std::memcpy(out + static_cast<size_t>(row) * out_stride + index * 3, &pixel, 3);
    }
  }
}

OCCVLA_AVX2 inline __m256i CoefficientPair(const int16_t* pair) {
  int32_t both;
  std::memcpy(&both, pair, sizeof(both));
  return _mm256_set1_epi32(both);
}

// Thirty-two neighbouring bytes of one output row. Unpacking and packing keep within the halves of
// a register, so that each byte comes back to its place.
OCCVLA_AVX2 void VerticalThirtyTwo(const uint8_t* in, size_t stride, const Taps& taps,
                                   const Axis& axis, uint8_t* out) {
  __m256i low[4], high[4];
  for (int part = 0; part < 4; ++part) low[part] = high[part] = Zero();
  for (int tap = 0; tap < taps.count; tap += 2) {
    const __m256i k_low = CoefficientPair(&axis.low[taps.offset + static_cast<size_t>(tap)]);
    const __m256i k_high = CoefficientPair(&axis.high[taps.offset + static_cast<size_t>(tap)]);
    const uint8_t* row = in + static_cast<size_t>(tap) * stride;
    const __m256i upper = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row));
    // The filled tap of an odd count has weight zero; its row may not exist.
    const __m256i lower = tap + 1 < taps.count
                              ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + stride))
                              : Zero();
    const __m256i first = _mm256_unpacklo_epi8(upper, lower);
    const __m256i second = _mm256_unpackhi_epi8(upper, lower);
    const __m256i words[4] = {
        _mm256_unpacklo_epi8(first, Zero()), _mm256_unpackhi_epi8(first, Zero()),
        _mm256_unpacklo_epi8(second, Zero()), _mm256_unpackhi_epi8(second, Zero())};
    for (int part = 0; part < 4; ++part) {
      low[part] = _mm256_add_epi32(low[part], _mm256_madd_epi16(words[part], k_low));
      high[part] = _mm256_add_epi32(high[part], _mm256_madd_epi16(words[part], k_high));
    }
  }
  const __m256i left = _mm256_packs_epi32(Finish(low[0], high[0]), Finish(low[1], high[1]));
  const __m256i right = _mm256_packs_epi32(Finish(low[2], high[2]), Finish(low[3], high[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_packus_epi16(left, right));
}

}  // namespace

OCCVLA_AVX2 void HorizontalAvx2(const Rows& rows, const Axis& axis) {
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

OCCVLA_AVX2 void VerticalAvx2(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                              uint8_t* out) {
  size_t byte = 0;
  for (; byte + 32 <= stride; byte += 32)
    VerticalThirtyTwo(in + byte, stride, taps, axis, out + byte);
  VerticalScalarFrom(byte, in, stride, taps, axis, out);
}

}  // namespace occvla::data
#endif
