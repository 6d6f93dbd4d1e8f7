#pragma once
#include "occvla/kernels/attention_body.h"

/// The float32 format of attention: bfloat16 is expanded while packing. Internal linkage
/// throughout.
namespace occvla::kernels {
namespace {

struct FloatFormat {
  static constexpr int64_t kPerUnit = 1;
  static constexpr int64_t kKeys = 128;

  static inline __attribute__((always_inline)) Vector Dot(Vector a, Vector b, Vector sum) {
    return MultiplyAdd(a, b, sum);
  }

  template <typename Number>
  static void PackRow(const Number* row, int64_t size, float* to) {
    for (int64_t d = 0; d < size; d += kWidth) {
      const int64_t count = Smaller(size - d, kWidth);
      Store(to + d, Load(row + d, count), count);
    }
  }

  /// kWidth keys side by side: to[d * stride + lane]. Keys outside [from, to_key) become 0.
  template <typename Number>
  static void PackKeys(const Number* k, int64_t row_stride, int64_t key, int64_t from,
                       int64_t to_key, int64_t size, float* to, int64_t stride) {
    for (int64_t d = 0; d < size; d += kWidth) {
      const int64_t count = Smaller(size - d, kWidth);
      Vector rows[kWidth];
      for (int64_t i = 0; i < kWidth; ++i)
        rows[i] = key + i >= from && key + i < to_key ? Load(k + (key + i) * row_stride + d, count)
                                                      : Zero();
      Transpose(rows);
      for (int64_t i = 0; i < count; ++i) Store(to + (d + i) * stride, rows[i]);
    }
  }

  template <typename Number>
  static void PackValues(const Number* v, int64_t row_stride, int64_t from, int64_t to_key,
                         int64_t count, int64_t column, int64_t columns, int64_t size, float* to) {
    for (int64_t key = 0; key < count; ++key)
      for (int64_t d = 0; d < columns; d += kWidth)
        Store(to + key * columns + d,
              key >= from && key < to_key
                  ? Load(v + key * row_stride + column + d, Smaller(size - column - d, kWidth))
                  : Zero());
  }

  static void PackWeights(float*, int64_t) {}
};

inline void FloatAttention(const AttentionArgs& args, int64_t first, int64_t last) {
  if (args.storage == Storage::kF32)
    AttentionOf<FloatFormat, float>(args, first, last);
  else
    AttentionOf<FloatFormat, uint16_t>(args, first, last);
}

}  // namespace
}  // namespace occvla::kernels
