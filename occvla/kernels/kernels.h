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
///   keys; query t sees keys [shared_begin[t], shared) and [max(begin[t], shared), end[t])
///   (shared_begin and begin null = 0, end null = S; all cut to the keys that exist). A query that
///   sees nothing yields 0. Query head h reads key head h / (H / K). q, k, v and out share one
///   storage type.
///
/// A query's bits depend on its own q and range, k, v, and the counts of queries and heads, not on
/// what the other queries hold or see. Keys that no query of a task sees are not read (with shared
/// keys: but those between two that are); the others must be finite. A NaN or infinity in q stays
/// in its own row.
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
  const int32_t* shared_begin = nullptr;
  int32_t shared = 0;
  float scale = 1;
  float softcap = 0;
  /// [H][T], or null: gets log(sum of e^s) over the visible keys (0 where there are none), for
  /// AttentionBackward.
  float* logsumexp = nullptr;
};
/// How many independent tasks (query head group x block of queries) the work splits into.
int64_t AttentionTasks(const AttentionArgs& args);
/// Runs tasks [first, last). Any partition gives the same bits.
void Attention(const AttentionArgs& args, int64_t first, int64_t last, Isa isa = BestIsa());

/// The gradients of Attention, recomputing the scores tile by tile: with p = e^(s - logsumexp) and
/// d the gradient of a loss,
///
///   dv = p^T dout;  ds = p (dout v^T - sum(dout out)) (1 - (s / softcap)^2) scale;
///   dq = ds k;  dk = ds^T q
///
/// `of` as it was given to Attention, with out and logsumexp as that call left them. dout, dq
/// [H][T] [D] in of.storage with their own strides. dk, dv: float32 [parts][K][S][padded], where
/// parts = AttentionBackwardParts and padded = D rounded up to 16; written whole, the caller adds
/// up the parts. Float32 arithmetic whatever the storage.
struct AttentionBackwardArgs {
  AttentionArgs of;
  const void* dout = nullptr;
  void* dq = nullptr;
  float* dk = nullptr;
  float* dv = nullptr;
  int64_t dout_head_stride = 0, dout_row_stride = 0;
  int64_t dq_head_stride = 0, dq_row_stride = 0;
};
/// Depends on the sizes alone, so that sums have one order on every machine.
int64_t AttentionBackwardParts(const AttentionArgs& of);
/// Runs tasks (key head x part) [first, last) of key_heads * parts. Any partition gives the same
/// bits.
void AttentionBackward(const AttentionBackwardArgs& args, int64_t first, int64_t last,
                       Isa isa = BestIsa());

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
/// With `residual` (float32 [rows][size]): residual = before + that value instead, and y may be
/// null; with both, y gets nothing. `before` null: residual itself.
struct RmsNormArgs {
  const void* x = nullptr;
  Storage x_storage = Storage::kF32;
  const float* w = nullptr;
  void* y = nullptr;
  Storage y_storage = Storage::kF32;
  float* residual = nullptr;
  const float* before = nullptr;
  int64_t size = 0;
  float eps = 1e-6f;
};
void RmsNorm(const RmsNormArgs& args, int64_t first, int64_t last, Isa isa = BestIsa());

/// Rows of a norm whose weight gradients are summed in one go.
constexpr int64_t kNormPart = 64;

/// Gradients of RmsNorm over parts [first, last) of kNormPart rows, with f = rsqrt(mean(x^2) +
/// eps):
///   dx = f (dy (1 + w) - x f^2 mean(dy (1 + w) x));  dw[part] = sum over its rows of dy x f
/// x and dx of x_storage, dy of dy_storage, all [rows][size]; dw float32 [parts][size] or null.
struct RmsNormBackwardArgs {
  const void* x = nullptr;
  void* dx = nullptr;
  Storage x_storage = Storage::kF32;
  const float* w = nullptr;
  const void* dy = nullptr;
  Storage dy_storage = Storage::kF32;
  float* dw = nullptr;
  int64_t rows = 0, size = 0;
  float eps = 1e-6f;
};
void RmsNormBackward(const RmsNormBackwardArgs& args, int64_t first, int64_t last,
                     Isa isa = BestIsa());

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

/// Gradients of LayerNorm over parts [first, last) of kNormPart rows, with r = rsqrt(variance +
/// eps) and n = (x - mean) r:
///   dx = r (dy w - mean(dy w) - n mean(dy w n));  dw[part] = sum over its rows of dy n;  db of dy
/// x, dx float32, dy of dy_storage, all [rows][size]; dw, db float32 [parts][size], both or none.
struct LayerNormBackwardArgs {
  const float* x = nullptr;
  float* dx = nullptr;
  const float* w = nullptr;
  const void* dy = nullptr;
  Storage dy_storage = Storage::kF32;
  float* dw = nullptr;
  float* db = nullptr;
  int64_t rows = 0, size = 0;
  float eps = 1e-6f;
};
void LayerNormBackward(const LayerNormBackwardArgs& args, int64_t first, int64_t last,
                       Isa isa = BestIsa());

/// out[i] = gelu_tanh(gate[i]) * up[i] for i in [first, last); all of one storage. gelu_tanh is
/// 0.5 y (1 + tanh(0.7978845608028654 (y + 0.044715 y^3))). `up` null: plain gelu_tanh(gate).
/// `out` may be `gate`.
void GeluTanh(Storage storage, const void* gate, const void* up, void* out, int64_t first,
              int64_t last, Isa isa = BestIsa());

/// dgate[i] = dout[i] * up[i] * gelu_tanh'(gate[i]) and dup[i] = dout[i] * gelu_tanh(gate[i]) for i
/// in [first, last); all of one storage. `up` and `dup` null together.
struct GeluTanhBackwardArgs {
  Storage storage = Storage::kF32;
  const void* gate = nullptr;
  const void* up = nullptr;
  const void* dout = nullptr;
  void* dgate = nullptr;
  void* dup = nullptr;
};
void GeluTanhBackward(const GeluTanhBackwardArgs& args, int64_t first, int64_t last,
                      Isa isa = BestIsa());

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

/// Gradient of Rotary for rows [first, last): dout [heads][rows][D] of out_storage, turned back, to
/// dx [rows][heads][D] of x_storage (strides as there). cos, sin as there.
struct RotaryBackwardArgs {
  Storage x_storage = Storage::kF32, out_storage = Storage::kF32;
  const void* dout = nullptr;
  int64_t dout_head_stride = 0, dout_row_stride = 0;
  void* dx = nullptr;
  int64_t dx_row_stride = 0;
  const float* cos = nullptr;
  const float* sin = nullptr;
  int64_t heads = 0, head_size = 0;
};
void RotaryBackward(const RotaryBackwardArgs& args, int64_t first, int64_t last,
                    Isa isa = BestIsa());

/// dst[i] = float32 -> bfloat16 (nearest even) and back, for i in [first, last).
void ToBFloat16(const float* src, uint16_t* dst, int64_t first, int64_t last, Isa isa = BestIsa());
void ToFloat(const uint16_t* src, float* dst, int64_t first, int64_t last, Isa isa = BestIsa());

/// Reads bytes [first, last) as fast as the machine can and returns a checksum: the yardstick that
/// decode is measured against (`bench`).
uint64_t StreamRead(const void* data, int64_t first, int64_t last, Isa isa = BestIsa());

}  // namespace occvla::kernels
