#include "occvla/kernels/cuda/numbers.cuh"
#include "occvla/kernels/cuda/tensor_core.cuh"

// A block works on rows of one key head: row g * queries + t is head g of the group, query t.
// Blocks of keys start at multiples of their size whatever the ranges, and what a row does not see
// adds exact zeros, so a row's bits depend on no other row.
namespace occvla::kernels::cuda {
namespace {

constexpr int kMaxHeadSize = 256;

struct Row {
  int64_t head, query, begin, end;
};

__device__ Row RowOf(const OccvlaCudaAttention& args, int64_t key_head, int64_t row) {
  const int64_t group = args.heads / args.key_heads;
  if (row >= group * args.queries) return {0, 0, 0, 0};
  const int64_t query = row % args.queries;
  int64_t begin = args.begin ? args.begin[query] : 0;
  int64_t end = args.end ? args.end[query] : args.keys;
  begin = begin > 0 ? begin : 0;
  end = end < args.keys ? end : args.keys;
  return {key_head * group + row / args.queries, query, begin, end};
}

__device__ float Capped(const OccvlaCudaAttention& args, float dot) {
  const float score = args.scale * dot;
  return args.softcap > 0 ? args.softcap * tanhf(score / args.softcap) : score;
}

/// The keys that any of the block's rows sees. Called by every thread of the block.
__device__ void Union(const Row* rows, int count, int64_t keys, int64_t* first, int64_t* last) {
  *first = keys;
  *last = 0;
  for (int i = 0; i < count; ++i) {
    if (rows[i].begin >= rows[i].end) continue;
    *first = min(*first, rows[i].begin);
    *last = max(*last, rows[i].end);
  }
}

/// While every score is -infinity, so is the largest; its difference to itself would be NaN.
__device__ float Base(float largest) { return largest == -INFINITY ? 0.0f : largest; }

// Either storage, no tensor cores: a warp a row, a lane a key.
constexpr int kWarps = 8, kLaneKeys = 32;

template <typename Number>
__global__ void __launch_bounds__(kWarps * 32) LaneKernel(OccvlaCudaAttention args) {
  extern __shared__ float4 shared[];
  const int size = static_cast<int>(args.head_size), stride = size + 1;
  float* q = reinterpret_cast<float*>(shared);  // [kWarps][size]
  float* k = q + kWarps * size;                 // [kLaneKeys][stride]: no two lanes in one bank
  float* v = k + kLaneKeys * stride;            // [kLaneKeys][stride]
  __shared__ Row rows[kWarps];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int64_t key_head = blockIdx.y;
  const int64_t row_number = static_cast<int64_t>(blockIdx.x) * kWarps + warp;
  const bool exists = row_number < args.heads / args.key_heads * args.queries;
  if (lane == 0) rows[warp] = RowOf(args, key_head, row_number);
  __syncthreads();
  const Row row = rows[warp];
  const Number* from = static_cast<const Number*>(args.q) + row.head * args.q_head_stride +
                       row.query * args.q_row_stride;
  for (int d = lane; d < size; d += 32) q[warp * size + d] = exists ? ToFloat(from[d]) : 0.0f;
  int64_t first, last;
  Union(rows, kWarps, args.keys, &first, &last);
  float sums[kMaxHeadSize / 32] = {};
  float largest = -INFINITY, total = 0;
  for (int64_t start = first / kLaneKeys * kLaneKeys; start < last; start += kLaneKeys) {
    __syncthreads();  // The last block of keys has been read.
    for (int i = threadIdx.x; i < kLaneKeys * size; i += kWarps * 32) {
      const int64_t key = start + i / size;
      const int d = i % size;
      const bool seen = key >= first && key < last;
      k[i / size * stride + d] =
          seen ? ToFloat(static_cast<const Number*>(
                     args.k)[key_head * args.k_head_stride + key * args.k_row_stride + d])
               : 0.0f;
      v[i / size * stride + d] =
          seen ? ToFloat(static_cast<const Number*>(
                     args.v)[key_head * args.v_head_stride + key * args.v_row_stride + d])
               : 0.0f;
    }
    __syncthreads();
    const int64_t key = start + lane;
    float dot = 0;
    for (int d = 0; d < size; ++d) dot += q[warp * size + d] * k[lane * stride + d];
    const float score = key >= row.begin && key < row.end ? Capped(args, dot) : -INFINITY;
    const float most = fmaxf(largest, WarpMax(score));
    const float factor = most == largest ? 1.0f : expf(largest - most);
    const float weight = expf(score - Base(most));
    largest = most;
    total = total * factor + WarpSum(weight);
#pragma unroll
    for (int i = 0; i < kMaxHeadSize / 32; ++i) sums[i] *= factor;
    for (int j = 0; j < kLaneKeys; ++j) {
      const float w = __shfl_sync(~0u, weight, j);
#pragma unroll
      for (int i = 0; i < kMaxHeadSize / 32; ++i)
        if (lane + 32 * i < size) sums[i] += w * v[j * stride + lane + 32 * i];
    }
  }
  if (!exists) return;
  Number* out = static_cast<Number*>(args.out) + row.head * args.out_head_stride +
                row.query * args.out_row_stride;
#pragma unroll
  for (int i = 0; i < kMaxHeadSize / 32; ++i)
    if (lane + 32 * i < size)
      out[lane + 32 * i] = FromFloat<Number>(row.begin < row.end ? sums[i] / total : 0.0f);
}

// bfloat16 on the tensor cores: 4 warps of 16 rows over blocks of 64 keys; the sums stay in
// registers, and the weights go from one product to the next without leaving them.
constexpr int kTileWarps = 4, kTileRows = 64, kTileKeys = 64;

/// Copies rows of head_size numbers into shared rows of `stride`; zeros elsewhere.
template <typename Address>
__device__ void CopyTile(__nv_bfloat16* to, int stride, int size, Address address) {
  for (int i = threadIdx.x; i < 64 * stride; i += kTileWarps * 32) {
    const int row = i / stride, d = i % stride;
    const __nv_bfloat16* from = d < size ? address(row) : nullptr;
    to[i] = from ? from[d] : __float2bfloat16_rn(0.0f);
  }
}

template <int kSize>  // The head size, rounded up to a multiple of 16.
__global__ void __launch_bounds__(kTileWarps * 32) TileKernel(OccvlaCudaAttention args) {
  // 16 bytes more a row: the eight rows of a fragment lie in different banks.
  constexpr int kStride = kSize + 8;
  extern __shared__ float4 shared[];
  __nv_bfloat16* q = reinterpret_cast<__nv_bfloat16*>(shared);  // [kTileRows][kStride]
  __nv_bfloat16* k = q + kTileRows * kStride;                   // [kTileKeys][kStride]
  __nv_bfloat16* v = k + kTileKeys * kStride;                   // [kTileKeys][kStride]
  __shared__ Row rows[kTileRows];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int group_lane = lane / 4, pair = lane % 4 * 2;
  const int size = static_cast<int>(args.head_size);
  const int64_t key_head = blockIdx.y;
  const int64_t count = args.heads / args.key_heads * args.queries;
  const int64_t first_row = static_cast<int64_t>(blockIdx.x) * kTileRows;
  if (threadIdx.x < kTileRows) rows[threadIdx.x] = RowOf(args, key_head, first_row + threadIdx.x);
  __syncthreads();
  using Number = __nv_bfloat16;
  CopyTile(q, kStride, size, [&](int i) -> const Number* {
    return first_row + i < count
               ? static_cast<const Number*>(args.q) + rows[i].head * args.q_head_stride +
                     rows[i].query * args.q_row_stride
               : nullptr;
  });
  int64_t first, last;
  Union(rows, kTileRows, args.keys, &first, &last);
  // This thread's part of a 16-row product: rows group_lane and group_lane + 8, columns pair and
  // pair + 1 of every eight.
  const Row mine[2] = {rows[warp * 16 + group_lane], rows[warp * 16 + group_lane + 8]};
  float sums[kSize / 8][4] = {};
  float largest[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
  for (int64_t start = first / kTileKeys * kTileKeys; start < last; start += kTileKeys) {
    __syncthreads();  // The last block of keys has been read.
    const auto tile = [&](const void* data, int64_t head_stride, int64_t row_stride) {
      return [=](int i) -> const Number* {
        const int64_t key = start + i;
        return key >= first && key < last
                   ? static_cast<const Number*>(data) + key_head * head_stride + key * row_stride
                   : nullptr;
      };
    };
    CopyTile(k, kStride, size, tile(args.k, args.k_head_stride, args.k_row_stride));
    CopyTile(v, kStride, size, tile(args.v, args.v_head_stride, args.v_row_stride));
    __syncthreads();
    float scores[kTileKeys / 8][4] = {};
#pragma unroll
    for (int d = 0; d < kSize; d += 16) {
      uint32_t a[4];
      const Number* at = q + (warp * 16 + group_lane) * kStride + d + pair;
      a[0] = Pair(at);
      a[1] = Pair(at + 8 * kStride);
      a[2] = Pair(at + 8);
      a[3] = Pair(at + 8 * kStride + 8);
#pragma unroll
      for (int j = 0; j < kTileKeys / 8; ++j) {
        const Number* key = k + (8 * j + group_lane) * kStride + d + pair;
        Multiply(scores[j], a, Pair(key), Pair(key + 8));
      }
    }
    float most[2] = {largest[0], largest[1]};
#pragma unroll
    for (int j = 0; j < kTileKeys / 8; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int64_t key = start + 8 * j + pair + i % 2;
        const Row& row = mine[i / 2];
        scores[j][i] = key >= row.begin && key < row.end ? Capped(args, scores[j][i]) : -INFINITY;
        most[i / 2] = fmaxf(most[i / 2], scores[j][i]);
      }
    float factor[2], added[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      // The four lanes of a row.
      most[i] = fmaxf(most[i], __shfl_xor_sync(~0u, most[i], 1));
      most[i] = fmaxf(most[i], __shfl_xor_sync(~0u, most[i], 2));
      factor[i] = most[i] == largest[i] ? 1.0f : expf(largest[i] - most[i]);
      largest[i] = most[i];
    }
#pragma unroll
    for (int j = 0; j < kTileKeys / 8; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        scores[j][i] = expf(scores[j][i] - Base(largest[i / 2]));
        added[i / 2] += scores[j][i];
      }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      added[i] += __shfl_xor_sync(~0u, added[i], 1);
      added[i] += __shfl_xor_sync(~0u, added[i], 2);
      total[i] = total[i] * factor[i] + added[i];
    }
#pragma unroll
    for (int n = 0; n < kSize / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[n][i] *= factor[i / 2];
#pragma unroll
    for (int j = 0; j < kTileKeys / 16; ++j) {
      // What a thread holds of two products side by side is what it must bring to the next one.
      const uint32_t a[4] = {Pair(scores[2 * j][0], scores[2 * j][1]),
                             Pair(scores[2 * j][2], scores[2 * j][3]),
                             Pair(scores[2 * j + 1][0], scores[2 * j + 1][1]),
                             Pair(scores[2 * j + 1][2], scores[2 * j + 1][3])};
#pragma unroll
      for (int n = 0; n < kSize / 8; ++n) {
        uint32_t b[2];
        LoadTransposed(b, v + (16 * j + lane % 16) * kStride + 8 * n);
        Multiply(sums[n], a, b[0], b[1]);
      }
    }
  }
#pragma unroll
  for (int n = 0; n < kSize / 8; ++n)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const Row& row = mine[i / 2];
      const int d = 8 * n + pair + i % 2;
      if (d >= size || first_row + warp * 16 + group_lane + i / 2 * 8 >= count) continue;
      static_cast<Number*>(
          args.out)[row.head * args.out_head_stride + row.query * args.out_row_stride + d] =
          __float2bfloat16_rn(row.begin < row.end ? sums[n][i] / total[i / 2] : 0.0f);
    }
}

template <typename Kernel>
int Launch(Kernel kernel, const OccvlaCudaAttention& args, int64_t rows_a_block, int threads,
           int64_t bytes, void* stream) {
  const int code = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(bytes));
  if (code != cudaSuccess) return code;
  const int64_t rows = args.heads / args.key_heads * args.queries;
  const dim3 grid(static_cast<unsigned>((rows + rows_a_block - 1) / rows_a_block),
                  static_cast<unsigned>(args.key_heads));
  kernel<<<grid, threads, static_cast<size_t>(bytes), static_cast<cudaStream_t>(stream)>>>(args);
  return cudaGetLastError();
}

template <int kSize>
int LaunchTiles(const OccvlaCudaAttention& args, void* stream) {
  return Launch(TileKernel<kSize>, args, kTileRows, kTileWarps * 32,
                (kTileRows + 2 * kTileKeys) * (kSize + 8) * 2, stream);
}

/// Whether a block may have the memory that TileKernel<256> needs: 8.6 and 8.9 have too little.
bool TilesFit(int64_t head_size) {
  if (head_size <= 128) return true;
  int device = 0, most = 0;
  return cudaGetDevice(&device) == cudaSuccess &&
         cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) ==
             cudaSuccess &&
         most >= (kTileRows + 2 * kTileKeys) * (256 + 8) * 2 +
                     kTileRows * static_cast<int>(sizeof(Row));
}

}  // namespace
}  // namespace occvla::kernels::cuda

extern "C" int occvla_cuda_attention(const OccvlaCudaAttention* args, void* stream) {
  using namespace occvla::kernels::cuda;
  if (args->key_heads <= 0 || args->heads % args->key_heads != 0 || args->head_size <= 0 ||
      args->head_size > kMaxHeadSize)
    return cudaErrorInvalidValue;
  if (args->queries == 0 || args->heads == 0) return 0;
  if (args->storage == OCCVLA_CUDA_BF16 && args->heads / args->key_heads * args->queries >= 16 &&
      TilesFit(args->head_size)) {
    if (args->head_size <= 64) return LaunchTiles<64>(*args, stream);
    if (args->head_size <= 80) return LaunchTiles<80>(*args, stream);
    if (args->head_size <= 128) return LaunchTiles<128>(*args, stream);
    return LaunchTiles<256>(*args, stream);
  }
  return WithStorage(args->storage, [&](auto number) -> int {
    const int64_t bytes =
        (kWarps * args->head_size + 2 * kLaneKeys * (args->head_size + 1)) * sizeof(float);
    return Launch(LaneKernel<decltype(number)>, *args, kWarps, kWarps * 32, bytes, stream);
  });
}
