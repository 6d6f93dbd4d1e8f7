#pragma once
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "occvla/kernels/cuda/api.h"

namespace occvla::kernels::cuda {

__device__ inline float ToFloat(float x) { return x; }
__device__ inline float ToFloat(__nv_bfloat16 x) { return __bfloat162float(x); }
template <typename Number>
__device__ Number FromFloat(float x);
template <>
__device__ inline float FromFloat<float>(float x) {
  return x;
}
template <>
__device__ inline __nv_bfloat16 FromFloat<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

/// Calls run(Number{}) with the type of `storage`.
template <typename Run>
int WithStorage(int32_t storage, Run run) {
  if (storage == OCCVLA_CUDA_F32) return run(float{});
  if (storage == OCCVLA_CUDA_BF16) return run(__nv_bfloat16{});
  return cudaErrorInvalidValue;
}

__device__ inline float WarpSum(float x) {
  for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(~0u, x, lane);
  return x;
}
__device__ inline float WarpMax(float x) {
  for (int lane = 16; lane > 0; lane /= 2) x = fmaxf(x, __shfl_xor_sync(~0u, x, lane));
  return x;
}

}  // namespace occvla::kernels::cuda
