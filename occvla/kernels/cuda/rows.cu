#include "occvla/kernels/cuda/numbers.cuh"

namespace occvla::kernels::cuda {
namespace {

constexpr int kThreads = 256;

template <typename X, typename Y>
__global__ void RmsNormKernel(OccvlaCudaRmsNorm args) {
  const int64_t start = blockIdx.x * args.size;
  const X* x = static_cast<const X*>(args.x) + start;
  float squares = 0;
  for (int64_t i = threadIdx.x; i < args.size; i += kThreads)
    squares += ToFloat(x[i]) * ToFloat(x[i]);
  __shared__ float warps[kThreads / 32];
  squares = WarpSum(squares);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = squares;
  __syncthreads();
  float sum = 0;
  for (int i = 0; i < kThreads / 32; ++i) sum += warps[i];
  const float factor = 1.0f / sqrtf(sum / static_cast<float>(args.size) + args.eps);
  for (int64_t i = threadIdx.x; i < args.size; i += kThreads) {
    const float value = ToFloat(x[i]) * factor * (1.0f + args.w[i]);
    if (args.residual)
      args.residual[start + i] += value;
    else
      static_cast<Y*>(args.y)[start + i] = FromFloat<Y>(value);
  }
}

template <typename Number>
__global__ void GeluTanhKernel(const Number* gate, const Number* up, Number* out, int64_t count) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += step) {
    const float y = ToFloat(gate[i]);
    // y / (1 + e^-2z) = 0.5 y (1 + tanh z), without its cancellation for negative y.
    const float z = 0.7978845608028654f * (y + 0.044715f * y * y * y);
    const float gelu = y / (1.0f + expf(-2.0f * z));
    out[i] = FromFloat<Number>(up ? gelu * ToFloat(up[i]) : gelu);
  }
}

template <typename X, typename Out>
__global__ void RotaryKernel(OccvlaCudaRotary args) {
  const int64_t row = blockIdx.x, head = blockIdx.y, half = args.head_size / 2;
  const X* x = static_cast<const X*>(args.x) + row * args.x_row_stride + head * args.head_size;
  Out* out = static_cast<Out*>(args.out) + head * args.out_head_stride +
             (args.out_offset + row) * args.head_size;
  if (!args.cos) {
    for (int64_t i = threadIdx.x; i < args.head_size; i += blockDim.x)
      out[i] = FromFloat<Out>(ToFloat(x[i]));
    return;
  }
  for (int64_t i = threadIdx.x; i < half; i += blockDim.x) {
    const float a = ToFloat(x[i]), b = ToFloat(x[half + i]);
    const float cos = args.cos[row * half + i], sin = args.sin[row * half + i];
    out[i] = FromFloat<Out>(a * cos - b * sin);
    out[half + i] = FromFloat<Out>(b * cos + a * sin);
  }
}

}  // namespace
}  // namespace occvla::kernels::cuda

using occvla::kernels::cuda::WithStorage;

extern "C" int occvla_cuda_abi(void) { return OCCVLA_CUDA_ABI; }

extern "C" const char* occvla_cuda_error(int code) {
  return cudaGetErrorString(static_cast<cudaError_t>(code));
}

extern "C" int occvla_cuda_rms_norm(const OccvlaCudaRmsNorm* args, void* stream) {
  if (args->rows == 0) return 0;
  return WithStorage(args->x_storage, [&](auto x) {
    return WithStorage(args->y_storage, [&](auto y) -> int {
      occvla::kernels::cuda::RmsNormKernel<decltype(x), decltype(y)>
          <<<static_cast<unsigned>(args->rows), occvla::kernels::cuda::kThreads, 0,
             static_cast<cudaStream_t>(stream)>>>(*args);
      return cudaGetLastError();
    });
  });
}

extern "C" int occvla_cuda_gelu_tanh(int32_t storage, const void* gate, const void* up, void* out,
                                     int64_t count, void* stream) {
  if (count == 0) return 0;
  return WithStorage(storage, [&](auto number) -> int {
    using Number = decltype(number);
    constexpr int kThreads = occvla::kernels::cuda::kThreads;
    const int64_t blocks = (count + kThreads - 1) / kThreads;
    occvla::kernels::cuda::GeluTanhKernel<Number>
        <<<static_cast<unsigned>(blocks < 65536 ? blocks : 65536), kThreads, 0,
           static_cast<cudaStream_t>(stream)>>>(static_cast<const Number*>(gate),
                                                static_cast<const Number*>(up),
                                                static_cast<Number*>(out), count);
    return cudaGetLastError();
  });
}

extern "C" int occvla_cuda_rotary(const OccvlaCudaRotary* args, void* stream) {
  if (args->rows == 0 || args->heads == 0) return 0;
  return WithStorage(args->x_storage, [&](auto x) {
    return WithStorage(args->out_storage, [&](auto out) -> int {
      const dim3 grid(static_cast<unsigned>(args->rows), static_cast<unsigned>(args->heads));
      occvla::kernels::cuda::RotaryKernel<decltype(x), decltype(out)>
          <<<grid, 128, 0, static_cast<cudaStream_t>(stream)>>>(*args);
      return cudaGetLastError();
    });
  });
}
