#include "occvla/kernels/kernels.h"

#include "occvla/kernels/variants.h"

namespace occvla::kernels {
namespace {

Isa FindIsa() { return Isa::kScalar; }

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

void Attention(const AttentionArgs& args, int64_t first, int64_t last, Isa) {
  scalar::Attention(args, first, last);
}
void Gemv(const GemvArgs& args, int64_t first, int64_t last, Isa) {
  scalar::Gemv(args, first, last);
}
void RmsNorm(const RmsNormArgs& args, int64_t first, int64_t last, Isa) {
  scalar::RmsNorm(args, first, last);
}
void LayerNorm(const LayerNormArgs& args, int64_t first, int64_t last, Isa) {
  scalar::LayerNorm(args, first, last);
}
void GeluTanh(Storage storage, const void* gate, const void* up, void* out, int64_t first,
              int64_t last, Isa) {
  scalar::GeluTanh(storage, gate, up, out, first, last);
}
void Rotary(const RotaryArgs& args, int64_t first, int64_t last, Isa) {
  scalar::Rotary(args, first, last);
}
void ToBFloat16(const float* src, uint16_t* dst, int64_t first, int64_t last, Isa) {
  scalar::ToBFloat16(src, dst, first, last);
}
void ToFloat(const uint16_t* src, float* dst, int64_t first, int64_t last, Isa) {
  scalar::ToFloat(src, dst, first, last);
}
uint64_t StreamRead(const void* data, int64_t first, int64_t last, Isa) {
  return scalar::StreamRead(data, first, last);
}

}  // namespace occvla::kernels
