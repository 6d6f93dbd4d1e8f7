#pragma once
#include <stdint.h>

/// The plain C interface of liboccvla_cuda.so, which the program opens at run time
/// (occvla/kernels/cuda_library.h), so that one binary runs with and without CUDA. The functions
/// are those of occvla/kernels/kernels.h over device pointers: same formulas, shapes and strides;
/// they enqueue on `stream` (a cudaStream_t) of the current device and return 0 or a code for
/// occvla_cuda_error. Compute capability 8.0 and above.

/// Raised with every change of this file; the program refuses another number.
#define OCCVLA_CUDA_ABI 1

#ifdef __cplusplus
extern "C" {
#endif

enum { OCCVLA_CUDA_F32 = 0, OCCVLA_CUDA_BF16 = 1 };

/// kernels::AttentionArgs; begin and end are device pointers too. head_size is at most 256.
/// bfloat16 uses the tensor cores where a key head has 16 rows (query x head) or more; the sums are
/// float32.
struct OccvlaCudaAttention {
  int32_t storage;
  const void* q;
  const void* k;
  const void* v;
  void* out;
  int64_t queries, keys, heads, key_heads, head_size;
  int64_t q_head_stride, q_row_stride;
  int64_t k_head_stride, k_row_stride;
  int64_t v_head_stride, v_row_stride;
  int64_t out_head_stride, out_row_stride;
  const int32_t* begin;
  const int32_t* end;
  float scale;
  float softcap;
};

/// kernels::RmsNormArgs over `rows` rows.
struct OccvlaCudaRmsNorm {
  int32_t x_storage, y_storage;
  const void* x;
  const float* w;
  void* y;
  float* residual;
  int64_t rows, size;
  float eps;
};

/// kernels::RotaryArgs over `rows` rows.
struct OccvlaCudaRotary {
  int32_t x_storage, out_storage;
  const void* x;
  int64_t x_row_stride;
  void* out;
  int64_t out_head_stride, out_offset;
  const float* cos;
  const float* sin;
  int64_t rows, heads, head_size;
};

int occvla_cuda_abi(void);
/// Static text.
const char* occvla_cuda_error(int code);
int occvla_cuda_attention(const struct OccvlaCudaAttention* args, void* stream);
int occvla_cuda_rms_norm(const struct OccvlaCudaRmsNorm* args, void* stream);
int occvla_cuda_gelu_tanh(int32_t storage, const void* gate, const void* up, void* out,
                          int64_t count, void* stream);
int occvla_cuda_rotary(const struct OccvlaCudaRotary* args, void* stream);

#ifdef __cplusplus
}
#endif
