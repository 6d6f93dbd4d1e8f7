#pragma once
#include <cstdint>
#include <string_view>

/// Fused CPU kernels on raw pointers: no torch, no threads of their own. Each works on a range of
/// independent items, so the caller decides how they are spread over threads. Numbers are float32
/// inside whatever the storage; bfloat16 travels as uint16_t. Pointers need no alignment.
namespace occvla::kernels {

enum class Isa { kScalar, kAvx2, kAvx512, kAvx512Bf16 };
/// The best that this CPU and OS support; found once.
Isa BestIsa();
std::string_view IsaName(Isa isa);

enum class Storage { kF32, kBF16 };

/// Grouped-query attention with an exact soft cap, never holding all scores.
///
///   T queries, S keys, H query heads, K key heads (H % K == 0), D head size
///   q [H][T][D], k, v [K][S][D], out [T][H][D], each with its own strides (elements); D contiguous
///
///   s = scale * q.k;  if softcap > 0: s = softcap * tanh(s / softcap);  softmax over the visible
///   keys; query t sees keys [begin[t], end[t]) (begin null = 0, end null = S; both cut to the keys
///   that exist). A query that sees nothing yields 0. Query head h reads key head h / (H / K). q,
///   k, v and out share one storage type.
///
/// A query's bits depend on its own q and range, k, v, and the counts of queries and heads, not on
/// what the other queries hold or see. Keys that no query of a task sees are not read; the others
/// must be finite. A NaN or infinity in q stays in its own row.
struct AttentionArgs {
  Storage storage = Storage::kF32;
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  void* out = nullptr;
  int64_t queries = 0, keys = 0, heads = 0, key_heads = 0, head_size = 0;
  int64_t q_head_stride = 0, q_row_stride = 0;
  int64_t k_head_stride = 0, k_row_stride = 0;
  int64_t v_head_stride = 0, v_row_stride = 0;
  int64_t out_head_stride = 0, out_row_stride = 0;
  const int32_t* begin = nullptr;
  const int32_t* end = nullptr;
  float scale = 1;
  float softcap = 0;
};
/// How many independent tasks (query head group x block of queries) the work splits into.
int64_t AttentionTasks(const AttentionArgs& args);
/// Runs tasks [first, last). Any partition gives the same bits.
void Attention(const AttentionArgs& args, int64_t first, int64_t last, Isa isa = BestIsa());

/// y[b][o] = bias[o] + sum_i x[b][i] * w[o][i] for output rows [first, last); few rows b (decode):
/// bounded by the speed at which w is read. x float32 [rows][in], y float32 [rows][out], bias may
/// be null. w [out][in], contiguous, float32 or bfloat16; products and sums in float32.
struct GemvArgs {
  Storage storage = Storage::kBF16;
  const void* w = nullptr;
  const float* x = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  int64_t rows = 1, in = 0, out = 0;
};
void Gemv(const GemvArgs& args, int64_t first, int64_t last, Isa isa = BestIsa());

/// Gemma's RMSNorm over rows [first, last): y = x * rsqrt(mean(x^2) + eps) * (1 + w). x float32 or
/// bfloat16 [rows][size], w float32 [size], y float32 or bfloat16.
/// With `residual` (float32 [rows][size]): residual += that value instead, and y may be null; with
/// both, y gets nothing.
struct RmsNormArgs {
  const void* x = nullptr;
  Storage x_storage = Storage::kF32;
  const float* w = nullptr;
  void* y = nullptr;
  Storage y_storage = Storage::kF32;
  float* residual = nullptr;
  int64_t size = 0;
  float eps = 1e-6f;
};
void RmsNorm(const RmsNormArgs& args, int64_t first, int64_t last, Isa isa = BestIsa());

/// LayerNorm with scale and bias over rows [first, last); x float32, w, b float32, y float32 or
/// bf16.
struct LayerNormArgs {
  const float* x = nullptr;
  const float* w = nullptr;
  const float* b = nullptr;
  void* y = nullptr;
  Storage y_storage = Storage::kF32;
  int64_t size = 0;
  float eps = 1e-6f;
};
void LayerNorm(const LayerNormArgs& args, int64_t first, int64_t last, Isa isa = BestIsa());

/// out[i] = gelu_tanh(gate[i]) * up[i] for i in [first, last); all of one storage. gelu_tanh is
/// 0.5 y (1 + tanh(0.7978845608028654 (y + 0.044715 y^3))). `up` null: plain gelu_tanh(gate).
/// `out` may be `gate`.
void GeluTanh(Storage storage, const void* gate, const void* up, void* out, int64_t first,
              int64_t last, Isa isa = BestIsa());

/// Half-split rotary embedding (facts A.4) of rows [first, last): x [rows][heads][D] of `x_storage`
/// with row stride `x_row_stride`, written to out [heads][out_rows][D] at row `out_offset + row`
/// (head stride `out_head_stride`, row stride D). cos, sin float32 [rows][D / 2]; both null: copied
/// without rotation. x and out may differ in storage (float32 GEMV results into a bf16 cache).
struct RotaryArgs {
  Storage x_storage = Storage::kF32, out_storage = Storage::kF32;
  const void* x = nullptr;
  int64_t x_row_stride = 0;
  void* out = nullptr;
  int64_t out_head_stride = 0, out_offset = 0;
  const float* cos = nullptr;
  const float* sin = nullptr;
  int64_t heads = 0, head_size = 0;
};
void Rotary(const RotaryArgs& args, int64_t first, int64_t last, Isa isa = BestIsa());

/// dst[i] = float32 -> bfloat16 (nearest even) and back, for i in [first, last).
void ToBFloat16(const float* src, uint16_t* dst, int64_t first, int64_t last, Isa isa = BestIsa());
void ToFloat(const uint16_t* src, float* dst, int64_t first, int64_t last, Isa isa = BestIsa());

/// Reads bytes [first, last) as fast as the machine can and returns a checksum: the yardstick that
/// decode is measured against (`bench`).
uint64_t StreamRead(const void* data, int64_t first, int64_t last, Isa isa = BestIsa());

}  // namespace occvla::kernels
