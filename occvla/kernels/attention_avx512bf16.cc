#include "occvla/kernels/vector_avx512.h"
// The body works on the Vector above.
#include "occvla/kernels/attention_body.h"

namespace occvla::kernels {
namespace {

/// Two neighbouring bfloat16 numbers a unit: pairs of d in q and k, pairs of keys in v and weights.
struct PairFormat {
  static constexpr int64_t kPerUnit = 2;
  static constexpr int64_t kKeys = 256;

  static inline __attribute__((always_inline)) Vector Dot(Vector a, Vector b, Vector sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }

  static __m512i Pairs(const uint16_t* from, int64_t count) {
    const __mmask32 mask = count >= 32 ? ~0u : (1u << count) - 1;
    return _mm512_maskz_loadu_epi16(mask, from);
  }

  static void PackRow(const uint16_t* row, int64_t size, float* to) {
    for (int64_t d = 0; d < size; d += 32)
      Store(to + d / 2, _mm512_castsi512_ps(Pairs(row + d, size - d)), (size - d + 1) / 2);
  }

  /// 16 keys side by side: to[unit * stride + lane]. Keys outside [from, to_key) become 0.
  static void PackKeys(const uint16_t* k, int64_t row_stride, int64_t key, int64_t from,
                       int64_t to_key, int64_t size, float* to, int64_t stride) {
    for (int64_t d = 0; d < size; d += 32) {
      Vector rows[kWidth];
      for (int64_t i = 0; i < kWidth; ++i)
        rows[i] = key + i >= from && key + i < to_key
                      ? _mm512_castsi512_ps(Pairs(k + (key + i) * row_stride + d, size - d))
                      : Zero();
      Transpose(rows);
      const int64_t units = Smaller((size - d + 1) / 2, kWidth);
      for (int64_t i = 0; i < units; ++i) Store(to + (d / 2 + i) * stride, rows[i]);
    }
  }

  /// Columns [column, column + columns) of `count` keys: to[key / 2][column], keys in pairs.
  static void PackValues(const uint16_t* v, int64_t row_stride, int64_t from, int64_t to_key,
                         int64_t count, int64_t column, int64_t columns, int64_t size, float* to) {
    const auto value = [&](int64_t key, int64_t d) {
      const int64_t lanes = key >= from && key < to_key ? Smaller(size - d, kWidth) : 0;
      return _mm512_cvtepu16_epi32(
          _mm256_maskz_loadu_epi16(FirstLanes(lanes), v + key * row_stride + d));
    };
    for (int64_t key = 0; key < count; key += 2)
      for (int64_t d = 0; d < columns; d += kWidth) {
        const __m512i first = value(key, column + d), second = value(key + 1, column + d);
        Store(to + key / 2 * columns + d,
              _mm512_castsi512_ps(_mm512_or_si512(first, _mm512_slli_epi32(second, 16))));
      }
  }

  /// float32 weights to bfloat16, in place: the writing never overtakes the reading.
  static void PackWeights(float* weights, int64_t count) {
    for (int64_t i = 0; i < count; i += 32) {
      const __m512bh pairs = _mm512_cvtne2ps_pbh(Load(weights + i + 16), Load(weights + i));
      Store(weights + i / 2, reinterpret_cast<Vector>(pairs));
    }
  }
};

}  // namespace
}  // namespace occvla::kernels

namespace occvla::kernels::avx512bf16 {

void Attention(const AttentionArgs& args, int64_t first, int64_t last) {
  AttentionOf<PairFormat, uint16_t>(args, first, last);
}

}  // namespace occvla::kernels::avx512bf16
