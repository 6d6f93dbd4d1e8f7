#include "occvla/kernels/kernels.h"

#include <algorithm>

#include "occvla/kernels/variants.h"

namespace occvla::kernels {
namespace {

Isa FindIsa() {
#if defined(__x86_64__)
  // These ask the operating system too (whether it saves the wide registers).
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::kScalar;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
    return Isa::kAvx2;
  if (!__builtin_cpu_supports("avx512bf16")) return Isa::kAvx512;
  return Isa::kAvx512Bf16;
#else
  return Isa::kScalar;
#endif
}

Isa Supported(Isa isa) { return isa > BestIsa() ? BestIsa() : isa; }

template <typename Function>
Function Pick(Isa isa, Function scalar, Function avx2, Function avx512) {
  if (isa == Isa::kScalar) return scalar;
  return isa == Isa::kAvx2 ? avx2 : avx512;
}

}  // namespace

Isa BestIsa() {
  static const Isa isa = FindIsa();
  return isa;
}

std::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Bf16:
      return "avx512bf16";
  }
  return "unknown";
}

int64_t AttentionTasks(const AttentionArgs& args) {
  const int64_t block = QueriesPerTask(args);
  return args.key_heads * ((args.queries + block - 1) / block);
}

void Attention(const AttentionArgs& args, int64_t first, int64_t last, Isa isa) {
  isa = Supported(isa);
  if (isa == Isa::kAvx512Bf16 && args.storage == Storage::kBF16)
    avx512bf16::Attention(args, first, last);
  else
    Pick(isa, scalar::Attention, avx2::Attention, avx512::Attention)(args, first, last);
}
int64_t AttentionBackwardParts(const AttentionArgs& of) {
  const int64_t block = QueriesPerTask(of);
  const int64_t blocks = (of.queries + block - 1) / block;
  // Enough tasks for sixteen threads, of two blocks at least: every part has its own dk and dv.
  return std::clamp<int64_t>(blocks / 2, 1, (15 + of.key_heads) / of.key_heads);
}
void AttentionBackward(const AttentionBackwardArgs& args, int64_t first, int64_t last, Isa isa) {
  Pick(Supported(isa), scalar::AttentionBackward, avx2::AttentionBackward,
       avx512::AttentionBackward)(args, first, last);
}
void Gemv(const GemvArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::Gemv, avx2::Gemv, avx512::Gemv)(args, first, last);
}
void RmsNorm(const RmsNormArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::RmsNorm, avx2::RmsNorm, avx512::RmsNorm)(args, first, last);
}
void LayerNorm(const LayerNormArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::LayerNorm, avx2::LayerNorm, avx512::LayerNorm)(args, first,
                                                                                     last);
}
void RmsNormBackward(const RmsNormBackwardArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::RmsNormBackward, avx2::RmsNormBackward,
              avx512::RmsNormBackward)(args, first, last);
}
void LayerNormBackward(const LayerNormBackwardArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::LayerNormBackward, avx2::LayerNormBackward,
              avx512::LayerNormBackward)(args, first, last);
}
void GeluTanhBackward(const GeluTanhBackwardArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::GeluTanhBackward, avx2::GeluTanhBackward,
              avx512::GeluTanhBackward)(args, first, last);
}
void RotaryBackward(const RotaryBackwardArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::RotaryBackward, avx2::RotaryBackward, avx512::RotaryBackward)(
      args, first, last);
}
void GeluTanh(Storage storage, const void* gate, const void* up, void* out, int64_t first,
              int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::GeluTanh, avx2::GeluTanh, avx512::GeluTanh)(storage, gate, up,
                                                                                  out, first, last);
}
void Rotary(const RotaryArgs& args, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::Rotary, avx2::Rotary, avx512::Rotary)(args, first, last);
}
void ToBFloat16(const float* src, uint16_t* dst, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::ToBFloat16, avx2::ToBFloat16, avx512::ToBFloat16)(
      src, dst, first, last);
}
void ToFloat(const uint16_t* src, float* dst, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::ToFloat, avx2::ToFloat, avx512::ToFloat)(src, dst, first,
                                                                               last);
}
uint64_t StreamRead(const void* data, int64_t first, int64_t last, Isa isa) {
  return Pick(Supported(isa), scalar::StreamRead, avx2::StreamRead, avx512::StreamRead)(data, first,
                                                                                        last);
}

}  // namespace occvla::kernels
