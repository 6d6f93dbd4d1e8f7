#pragma once
// The intrinsics of gcc 12 read variables that they leave unset on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstdint>

/// Eight float32 lanes; see vector_avx512.h, whose functions these are.
namespace occvla::kernels {
namespace {

using Vector = __m256;
using Mask = __m256;  // All bits of a lane, or none.
constexpr int64_t kWidth = 8;
constexpr int kTileRows = 6, kTileColumns = 2;  // 12 sums, 2 loads and a broadcast in 16 registers.

inline __m256i LaneNumbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
inline __m256i FirstLanes(int64_t count) {
  const int lanes = static_cast<int>(count < 8 ? count : 8);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), LaneNumbers());
}
inline Vector Zero() { return _mm256_setzero_ps(); }
inline Vector Fill(float value) { return _mm256_set1_ps(value); }
inline Vector Load(const float* from) { return _mm256_loadu_ps(from); }
inline Vector Load(const float* from, int64_t count) {
  return _mm256_maskload_ps(from, FirstLanes(count));
}
inline Vector Expand(__m128i bits) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline Vector Load(const uint16_t* from) {
  return Expand(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Vector Load(const uint16_t* from, int64_t count) {
  if (count >= 8) return Load(from);
  alignas(16) uint16_t lanes[8] = {};
  __builtin_memcpy(lanes, from, static_cast<size_t>(count) * sizeof(uint16_t));
  return Load(lanes);
}
inline void Store(float* to, Vector a) { _mm256_storeu_ps(to, a); }
inline void Store(float* to, Vector a, int64_t count) {
  _mm256_maskstore_ps(to, FirstLanes(count), a);
}
/// Nearest even; every NaN becomes 0x7fc0.
inline __m128i Round(Vector a) {
  const __m256i bits = _mm256_castps_si256(a);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_srli_epi32(
      _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  const __m256i lanes = _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7fc0), nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
}
inline void Store(uint16_t* to, Vector a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), Round(a));
}
inline void Store(uint16_t* to, Vector a, int64_t count) {
  if (count >= 8) return Store(to, a);
  alignas(16) uint16_t lanes[8];
  Store(lanes, a);
  __builtin_memcpy(to, lanes, static_cast<size_t>(count) * sizeof(uint16_t));
}
inline Vector Add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector Subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
inline Vector Multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
inline Vector Divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
inline Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline Vector MultiplySubtractFrom(Vector a, Vector b, Vector c) {
  return _mm256_fnmadd_ps(a, b, c);
}
inline Vector Min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
inline Vector Max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
inline Vector SignBit() { return _mm256_set1_ps(-0.0f); }
inline Vector Absolute(Vector a) { return _mm256_andnot_ps(SignBit(), a); }
inline Vector CopySign(Vector magnitude, Vector sign) {
  return _mm256_or_ps(_mm256_andnot_ps(SignBit(), magnitude), _mm256_and_ps(SignBit(), sign));
}
inline Vector RoundToInteger(Vector a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline Vector PowerOfTwo(__m256i n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
/// a * 2^n for integral n in [-252, 254], in two steps because 2^n alone may be out of range.
inline Vector TimesPowerOfTwo(Vector a, Vector n) {
  const __m256i all = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(all, 1);
  return _mm256_mul_ps(_mm256_mul_ps(a, PowerOfTwo(half)), PowerOfTwo(_mm256_sub_epi32(all, half)));
}
inline Mask NotLess(Vector a, Vector b) { return _mm256_cmp_ps(a, b, _CMP_NLT_UQ); }
inline bool Any(Mask mask) { return _mm256_movemask_ps(mask) != 0; }
inline Vector Select(Mask mask, Vector yes, Vector no) { return _mm256_blendv_ps(no, yes, mask); }
/// Lanes [from, to).
inline Mask Lanes(int64_t from, int64_t to) {
  return _mm256_castsi256_ps(_mm256_andnot_si256(FirstLanes(from > 0 ? from : 0), FirstLanes(to)));
}
inline float Sum(Vector a) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}
inline float Largest(Vector a) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
}

/// rows[i] lane j becomes rows[j] lane i.
inline void Transpose(Vector* rows) {
  __m256 pairs[8];
  for (int i = 0; i < 8; i += 4) {
    const __m256 a = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    const __m256 b = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    const __m256 c = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]);
    const __m256 d = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
    pairs[i] = _mm256_shuffle_ps(a, c, 0x44);
    pairs[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
    pairs[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
    pairs[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
  }
  for (int j = 0; j < 4; ++j) {
    rows[j] = _mm256_permute2f128_ps(pairs[j], pairs[4 + j], 0x20);
    rows[4 + j] = _mm256_permute2f128_ps(pairs[j], pairs[4 + j], 0x31);
  }
}

using Bytes = __m256i;
inline Bytes LoadBytes(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
inline Bytes AddWords(Bytes a, Bytes b) { return _mm256_add_epi64(a, b); }
inline Bytes NoBytes() { return _mm256_setzero_si256(); }
inline uint64_t SumWords(Bytes a) {
  alignas(32) uint64_t words[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), a);
  return words[0] + words[1] + words[2] + words[3];
}

}  // namespace
}  // namespace occvla::kernels
