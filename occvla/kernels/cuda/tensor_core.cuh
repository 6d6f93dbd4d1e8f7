#pragma once
#include <cuda_bf16.h>

#include <cstdint>

/// The tensor cores' product of 16 x 16 by 16 x 8 bfloat16 numbers with float32 sums. Of lane l,
/// with g = l / 4 and p = 2 (l % 4):
///
///   a[0] row g, columns p, p + 1;  a[1] row g + 8;  a[2] and a[3] the same at columns p + 8, p + 9
///   b0 rows p, p + 1 of column g;  b1 rows p + 8, p + 9
///   c[0], c[1] row g, columns p, p + 1;  c[2], c[3] row g + 8
namespace occvla::kernels::cuda {

__device__ inline void Multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// b0 and b1 of a 16 x 8 matrix that lies by rows: lane i (and i + 16) gives row i, 16-byte
/// aligned.
__device__ inline void LoadTransposed(uint32_t (&b)[2], const __nv_bfloat16* row) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];\n"
               : "=r"(b[0]), "=r"(b[1])
               : "r"(address)
               : "memory");
}

/// Two neighbours, the first in the low half.
__device__ inline uint32_t Pair(const __nv_bfloat16* from) {
  return *reinterpret_cast<const uint32_t*>(from);
}
__device__ inline uint32_t Pair(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&pair);
}

}  // namespace occvla::kernels::cuda
