#pragma once
#include "occvla/kernels/kernels.h"

/// The same functions once for every instruction set; kernels.cc picks one. `avx512bf16` has only
/// what gains from the bf16 dot product.
namespace occvla::kernels {

/// Queries in one attention task, so that about 128 rows (query x head of the group) share the
/// packed keys. The same for every instruction set: the partition belongs to the caller.
inline int64_t QueriesPerTask(const AttentionArgs& args) {
  const int64_t group = args.heads / args.key_heads;
  return group >= 16 ? 8 : 128 / group;
}

/// How far a row of dk and dv reaches in AttentionBackward.
inline int64_t PaddedHead(const AttentionArgs& args) { return (args.head_size + 15) / 16 * 16; }

/// The query blocks (of QueriesPerTask) of one task of AttentionBackward: [first, last).
struct BlockRange {
  int64_t first, last;
};
inline BlockRange BlocksOfPart(const AttentionArgs& args, int64_t part, int64_t parts) {
  const int64_t block = QueriesPerTask(args);
  const int64_t blocks = (args.queries + block - 1) / block;
  return {blocks * part / parts, blocks * (part + 1) / parts};
}

#define OCCVLA_KERNELS_VARIANT                                                               \
  void Attention(const AttentionArgs& args, int64_t first, int64_t last);                    \
  void AttentionBackward(const AttentionBackwardArgs& args, int64_t first, int64_t last);    \
  void Gemv(const GemvArgs& args, int64_t first, int64_t last);                              \
  void RmsNorm(const RmsNormArgs& args, int64_t first, int64_t last);                        \
  void RmsNormBackward(const RmsNormBackwardArgs& args, int64_t first, int64_t last);        \
  void LayerNorm(const LayerNormArgs& args, int64_t first, int64_t last);                    \
  void LayerNormBackward(const LayerNormBackwardArgs& args, int64_t first, int64_t last);    \
  void GeluTanh(Storage storage, const void* gate, const void* up, void* out, int64_t first, \
                int64_t last);                                                               \
  void GeluTanhBackward(const GeluTanhBackwardArgs& args, int64_t first, int64_t last);      \
  void Rotary(const RotaryArgs& args, int64_t first, int64_t last);                          \
  void RotaryBackward(const RotaryBackwardArgs& args, int64_t first, int64_t last);          \
  void ToBFloat16(const float* src, uint16_t* dst, int64_t first, int64_t last);             \
  void ToFloat(const uint16_t* src, float* dst, int64_t first, int64_t last);                \
  uint64_t StreamRead(const void* data, int64_t first, int64_t last);

namespace scalar {
OCCVLA_KERNELS_VARIANT
}  // namespace scalar
namespace avx2 {
OCCVLA_KERNELS_VARIANT
}  // namespace avx2
namespace avx512 {
OCCVLA_KERNELS_VARIANT
}  // namespace avx512
#undef OCCVLA_KERNELS_VARIANT

namespace avx512bf16 {
/// Storage::kBF16 only.
void Attention(const AttentionArgs& args, int64_t first, int64_t last);
}  // namespace avx512bf16

}  // namespace occvla::kernels
