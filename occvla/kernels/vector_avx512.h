#pragma once
// The intrinsics of gcc 12 read variables that they leave unset on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstdint>

/// Sixteen float32 lanes. Everything here and in the `*_body.h` files has internal linkage, so that
/// no code for this instruction set is shared with files compiled for another.
namespace occvla::kernels {
namespace {

using Vector = __m512;
using Mask = __mmask16;
constexpr int64_t kWidth = 16;
constexpr int kTileRows = 6, kTileColumns = 4;  // 24 sums, 4 loads and a broadcast in 32 registers.

inline Mask FirstLanes(int64_t count) {
  return static_cast<Mask>(count >= 16 ? 0xffff : (1u << count) - 1);
}
inline Vector Zero() { return _mm512_setzero_ps(); }
inline Vector Fill(float value) { return _mm512_set1_ps(value); }
inline Vector Load(const float* from) { return _mm512_loadu_ps(from); }
inline Vector Load(const float* from, int64_t count) {
  return _mm512_maskz_loadu_ps(FirstLanes(count), from);
}
inline Vector Expand(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline Vector Load(const uint16_t* from) {
  return Expand(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Vector Load(const uint16_t* from, int64_t count) {
  return Expand(_mm256_maskz_loadu_epi16(FirstLanes(count), from));
}
inline void Store(float* to, Vector a) { _mm512_storeu_ps(to, a); }
inline void Store(float* to, Vector a, int64_t count) {
  _mm512_mask_storeu_ps(to, FirstLanes(count), a);
}
/// Nearest even; every NaN becomes 0x7fc0. The bf16 instruction is not used: it drops denormals.
inline __m256i Round(Vector a) {
  const __m512i bits = _mm512_castps_si512(a);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_srli_epi32(
      _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd), 16);
  const Mask nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(nan, rounded, _mm512_set1_epi32(0x7fc0)));
}
inline void Store(uint16_t* to, Vector a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), Round(a));
}
inline void Store(uint16_t* to, Vector a, int64_t count) {
  _mm256_mask_storeu_epi16(to, FirstLanes(count), Round(a));
}
inline Vector Add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector Subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
inline Vector Multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
inline Vector Divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
/// a * b + c.
inline Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
/// c - a * b.
inline Vector MultiplySubtractFrom(Vector a, Vector b, Vector c) {
  return _mm512_fnmadd_ps(a, b, c);
}
/// The smaller or larger; `b` where either is NaN.
inline Vector Min(Vector a, Vector b) { return _mm512_min_ps(a, b); }
inline Vector Max(Vector a, Vector b) { return _mm512_max_ps(a, b); }
inline Vector Absolute(Vector a) { return _mm512_abs_ps(a); }
inline Vector CopySign(Vector magnitude, Vector sign) {
  const __m512i bit = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(bit, _mm512_castps_si512(sign),
                                                       _mm512_castps_si512(magnitude), 0xca));
}
inline Vector RoundToInteger(Vector a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/// a * 2^n for integral n; over- and underflow as in exact arithmetic.
inline Vector TimesPowerOfTwo(Vector a, Vector n) { return _mm512_scalef_ps(a, n); }
inline Mask NotLess(Vector a, Vector b) { return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ); }
inline bool Any(Mask mask) { return mask != 0; }
inline Vector Select(Mask mask, Vector yes, Vector no) {
  return _mm512_mask_blend_ps(mask, no, yes);
}
/// Lanes [from, to), of which some exist.
inline Mask Lanes(int64_t from, int64_t to) {
  return static_cast<Mask>(FirstLanes(to) & ~(from > 0 ? FirstLanes(from) : 0));
}
inline float Sum(Vector a) { return _mm512_reduce_add_ps(a); }
/// The largest lane that is not NaN.
inline float Largest(Vector a) { return _mm512_reduce_max_ps(a); }

/// rows[i] lane j becomes rows[j] lane i.
inline void Transpose(Vector* rows) {
  __m512d pairs[16];
  for (int i = 0; i < 16; i += 4) {
    const __m512 a = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    const __m512 b = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    const __m512 c = _mm512_unpacklo_ps(rows[i + 2], rows[i + 3]);
    const __m512 d = _mm512_unpackhi_ps(rows[i + 2], rows[i + 3]);
    pairs[i] = _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(c));
    pairs[i + 1] = _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(c));
    pairs[i + 2] = _mm512_unpacklo_pd(_mm512_castps_pd(b), _mm512_castps_pd(d));
    pairs[i + 3] = _mm512_unpackhi_pd(_mm512_castps_pd(b), _mm512_castps_pd(d));
  }
  // pairs[4 i + j] holds in its 128-bit block m the column 4 m + j of the rows 4 i to 4 i + 3.
  for (int j = 0; j < 4; ++j) {
    const __m512 a = _mm512_castpd_ps(pairs[j]), b = _mm512_castpd_ps(pairs[4 + j]);
    const __m512 c = _mm512_castpd_ps(pairs[8 + j]), d = _mm512_castpd_ps(pairs[12 + j]);
    const __m512 ab_even = _mm512_shuffle_f32x4(a, b, 0x88);  // a0 a2 b0 b2
    const __m512 ab_odd = _mm512_shuffle_f32x4(a, b, 0xdd);   // a1 a3 b1 b3
    const __m512 cd_even = _mm512_shuffle_f32x4(c, d, 0x88);
    const __m512 cd_odd = _mm512_shuffle_f32x4(c, d, 0xdd);
    rows[j] = _mm512_shuffle_f32x4(ab_even, cd_even, 0x88);      // a0 b0 c0 d0
    rows[8 + j] = _mm512_shuffle_f32x4(ab_even, cd_even, 0xdd);  // a2 b2 c2 d2
    rows[4 + j] = _mm512_shuffle_f32x4(ab_odd, cd_odd, 0x88);
    rows[12 + j] = _mm512_shuffle_f32x4(ab_odd, cd_odd, 0xdd);
  }
}

using Bytes = __m512i;
inline Bytes LoadBytes(const void* from) { return _mm512_loadu_si512(from); }
inline Bytes AddWords(Bytes a, Bytes b) { return _mm512_add_epi64(a, b); }
inline Bytes NoBytes() { return _mm512_setzero_si512(); }
inline uint64_t SumWords(Bytes a) { return static_cast<uint64_t>(_mm512_reduce_add_epi64(a)); }

}  // namespace
}  // namespace occvla::kernels
