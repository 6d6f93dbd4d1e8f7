#include "occvla/kernels/vector_avx512.h"
// The bodies work on the Vector above.
#include "occvla/kernels/gemv_body.h"
#include "occvla/kernels/rows_backward_body.h"

namespace occvla::kernels::avx512 {

void Gemv(const GemvArgs& args, int64_t first, int64_t last) { GemvBody(args, first, last); }

void RmsNorm(const RmsNormArgs& args, int64_t first, int64_t last) {
  RmsNormBody(args, first, last);
}

void LayerNorm(const LayerNormArgs& args, int64_t first, int64_t last) {
  LayerNormBody(args, first, last);
}

void GeluTanh(Storage storage, const void* gate, const void* up, void* out, int64_t first,
              int64_t last) {
  GeluTanhBody(storage, gate, up, out, first, last);
}

void Rotary(const RotaryArgs& args, int64_t first, int64_t last) { RotaryBody(args, first, last); }

void RmsNormBackward(const RmsNormBackwardArgs& args, int64_t first, int64_t last) {
  RmsNormBackwardBody(args, first, last);
}

void LayerNormBackward(const LayerNormBackwardArgs& args, int64_t first, int64_t last) {
  LayerNormBackwardBody(args, first, last);
}

void GeluTanhBackward(const GeluTanhBackwardArgs& args, int64_t first, int64_t last) {
  GeluTanhBackwardBody(args, first, last);
}

void RotaryBackward(const RotaryBackwardArgs& args, int64_t first, int64_t last) {
  RotaryBackwardBody(args, first, last);
}

void ToBFloat16(const float* src, uint16_t* dst, int64_t first, int64_t last) {
  Convert(src, dst, first, last);
}

void ToFloat(const uint16_t* src, float* dst, int64_t first, int64_t last) {
  Convert(src, dst, first, last);
}

uint64_t StreamRead(const void* data, int64_t first, int64_t last) {
  return StreamReadBody(data, first, last);
}

}  // namespace occvla::kernels::avx512
