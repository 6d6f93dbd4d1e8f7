#include "occvla/kernels/vector_avx2.h"
// The body works on the Vector above.
#include "occvla/kernels/attention_backward_body.h"

namespace occvla::kernels::avx2 {

void Attention(const AttentionArgs& args, int64_t first, int64_t last) {
  FloatAttention(args, first, last);
}

void AttentionBackward(const AttentionBackwardArgs& args, int64_t first, int64_t last) {
  BackwardBody(args, first, last);
}

}  // namespace occvla::kernels::avx2
