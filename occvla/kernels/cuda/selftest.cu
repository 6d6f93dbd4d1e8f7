// Compares liboccvla_cuda.so on this machine's GPU with the scalar oracle, through the C interface.
// Prints one line a case; exits with 0 when all agree, 1 when one does not, 5 without a usable GPU.
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "occvla/kernels/cuda/api.h"
#include "occvla/kernels/test_numbers.h"

namespace occvla::kernels {
namespace {

int failures = 0;

void Check(cudaError_t code) {
  if (code == cudaSuccess) return;
  std::fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(code));
  std::exit(5);
}

/// A copy of host memory on the device.
class Device {
 public:
  Device(const void* host, size_t bytes) : bytes_(bytes) {
    Check(cudaMalloc(&data_, bytes ? bytes : 1));
    Check(cudaMemcpy(data_, host, bytes, cudaMemcpyHostToDevice));
  }
  ~Device() { cudaFree(data_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  void* data() { return data_; }
  void Fetch(void* host) {
    Check(cudaDeviceSynchronize());
    Check(cudaMemcpy(host, data_, bytes_, cudaMemcpyDeviceToHost));
  }

 private:
  void* data_ = nullptr;
  size_t bytes_;
};

size_t Bytes(Storage storage, int64_t count) { return count * (storage == Storage::kF32 ? 4 : 2); }
int32_t Code(Storage storage) {
  return storage == Storage::kF32 ? OCCVLA_CUDA_F32 : OCCVLA_CUDA_BF16;
}

void Report(const char* name, int code, const Array& found, const Array& expected, int64_t count,
            double tolerance) {
  double worst = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double difference = std::abs(found[i] - expected[i]);
    if (!(difference <= worst)) worst = difference;
  }
  const bool good = code == 0 && worst <= tolerance;
  failures += !good;
  std::printf("%s %s: difference %.3g of %.3g%s%s\n", good ? "ok  " : "FAIL", name, worst,
              tolerance, code ? ", " : "", code ? occvla_cuda_error(code) : "");
}

struct Shape {
  int64_t queries, keys, heads, key_heads, head_size;
  float softcap;
  bool causal;
};

void TestAttention(Storage storage, const Shape& shape) {
  const auto [queries, keys, heads, key_heads, size, softcap, causal] = shape;
  const int64_t out_count = queries * heads * size;
  const Array q(storage, out_count, 1, 2), k(storage, key_heads * keys * size, 2),
      v(storage, key_heads * keys * size, 3);
  Array expected(storage, out_count), found(storage, out_count);
  std::vector<int32_t> begin, end;
  for (int64_t t = 0; t < queries; ++t) {
    begin.push_back(static_cast<int32_t>(t % 5));
    end.push_back(static_cast<int32_t>(keys - queries + t + 1));
  }
  AttentionArgs host;
  host.storage = storage;
  host.q = q.data();
  host.k = k.data();
  host.v = v.data();
  host.out = expected.data();
  host.queries = queries;
  host.keys = keys;
  host.heads = heads;
  host.key_heads = key_heads;
  host.head_size = size;
  host.q_head_stride = queries * size;
  host.k_head_stride = host.v_head_stride = keys * size;
  host.q_row_stride = host.k_row_stride = host.v_row_stride = host.out_head_stride = size;
  host.out_row_stride = heads * size;
  host.begin = causal ? begin.data() : nullptr;
  host.end = causal ? end.data() : nullptr;
  host.scale = 1 / std::sqrt(static_cast<float>(size));
  host.softcap = softcap;
  Attention(host, 0, AttentionTasks(host), Isa::kScalar);

  Device device_q(q.data(), Bytes(storage, out_count));
  Device device_k(k.data(), Bytes(storage, key_heads * keys * size));
  Device device_v(v.data(), Bytes(storage, key_heads * keys * size));
  Device device_out(found.data(), Bytes(storage, out_count));
  Device device_begin(begin.data(), begin.size() * 4), device_end(end.data(), end.size() * 4);
  OccvlaCudaAttention args{};
  args.storage = Code(storage);
  args.q = device_q.data();
  args.k = device_k.data();
  args.v = device_v.data();
  args.out = device_out.data();
  args.queries = queries;
  args.keys = keys;
  args.heads = heads;
  args.key_heads = key_heads;
  args.head_size = size;
  args.q_head_stride = host.q_head_stride;
  args.k_head_stride = args.v_head_stride = host.k_head_stride;
  args.q_row_stride = args.k_row_stride = args.v_row_stride = args.out_head_stride = size;
  args.out_row_stride = host.out_row_stride;
  args.begin = causal ? static_cast<const int32_t*>(device_begin.data()) : nullptr;
  args.end = causal ? static_cast<const int32_t*>(device_end.data()) : nullptr;
  args.scale = host.scale;
  args.softcap = softcap;
  const int code = occvla_cuda_attention(&args, nullptr);
  device_out.Fetch(found.data());
  char name[128];
  std::snprintf(name, sizeof(name), "attention %s %ld x %ld, heads %ld/%ld of %ld, cap %g%s",
                storage == Storage::kF32 ? "f32" : "bf16", static_cast<long>(queries),
                static_cast<long>(keys), static_cast<long>(heads), static_cast<long>(key_heads),
                static_cast<long>(size), softcap, causal ? ", causal" : "");
  // bfloat16: the weights and the result are rounded to 2^-9 each; entries of v reach 3.
  Report(name, code, found, expected, out_count,
         storage == Storage::kF32 ? 1e-5 : 3 * 2.5 * 0x1p-9);
}

void TestRmsNorm(Storage storage, bool residual) {
  const int64_t rows = 5, size = 2304;
  const Array x(storage, rows * size, 1, 5), w(Storage::kF32, size, 2);
  const Storage y_storage = residual ? Storage::kF32 : storage;
  Array expected(y_storage, rows * size, 3), found(y_storage, rows * size, 3);
  RmsNormArgs host;
  host.x = x.data();
  host.x_storage = storage;
  host.w = static_cast<const float*>(w.data());
  host.y = expected.data();
  host.y_storage = y_storage;
  host.residual = residual ? expected.floats() : nullptr;
  host.size = size;
  RmsNorm(host, 0, rows, Isa::kScalar);
  Device device_x(x.data(), Bytes(storage, rows * size)), device_w(w.data(), size * 4);
  Device device_y(found.data(), Bytes(y_storage, rows * size));
  OccvlaCudaRmsNorm args{};
  args.x_storage = Code(storage);
  args.y_storage = Code(y_storage);
  args.x = device_x.data();
  args.w = static_cast<const float*>(device_w.data());
  args.y = device_y.data();
  args.residual = residual ? static_cast<float*>(device_y.data()) : nullptr;
  args.rows = rows;
  args.size = size;
  args.eps = host.eps;
  const int code = occvla_cuda_rms_norm(&args, nullptr);
  device_y.Fetch(found.data());
  Report(residual ? "rms_norm into the residual" : "rms_norm", code, found, expected, rows * size,
         1e-5 + 20 * Rounding(y_storage));
}

void TestGelu(Storage storage) {
  const int64_t count = 10001;
  const Array gate(storage, count, 1, 3), up(storage, count, 2);
  Array expected(storage, count), found(storage, count);
  GeluTanh(storage, gate.data(), up.data(), expected.data(), 0, count, Isa::kScalar);
  Device device_gate(gate.data(), Bytes(storage, count)),
      device_up(up.data(), Bytes(storage, count));
  const int code = occvla_cuda_gelu_tanh(Code(storage), device_gate.data(), device_up.data(),
                                         device_gate.data(), count, nullptr);
  device_gate.Fetch(found.data());
  Report("gelu_tanh in place", code, found, expected, count, 1e-5 + 40 * Rounding(storage));
}

void TestRotary(Storage storage, bool turned) {
  const int64_t rows = 7, heads = 3, size = 72, out_rows = 12, count = heads * out_rows * size;
  const Array x(storage, rows * heads * size, 1), cos(Storage::kF32, rows * size / 2, 2),
      sin(Storage::kF32, rows * size / 2, 3);
  Array expected(Storage::kBF16, count, 4), found(Storage::kBF16, count, 4);
  RotaryArgs host;
  host.x_storage = storage;
  host.out_storage = Storage::kBF16;
  host.x = x.data();
  host.x_row_stride = heads * size;
  host.out = expected.data();
  host.out_head_stride = out_rows * size;
  host.out_offset = 5;
  host.cos = turned ? static_cast<const float*>(cos.data()) : nullptr;
  host.sin = turned ? static_cast<const float*>(sin.data()) : nullptr;
  host.heads = heads;
  host.head_size = size;
  Rotary(host, 0, rows, Isa::kScalar);
  Device device_x(x.data(), Bytes(storage, rows * heads * size));
  Device device_out(found.data(), Bytes(Storage::kBF16, count));
  Device device_cos(cos.data(), rows * size * 2), device_sin(sin.data(), rows * size * 2);
  OccvlaCudaRotary args{};
  args.x_storage = Code(storage);
  args.out_storage = OCCVLA_CUDA_BF16;
  args.x = device_x.data();
  args.x_row_stride = heads * size;
  args.out = device_out.data();
  args.out_head_stride = out_rows * size;
  args.out_offset = 5;
  args.cos = turned ? static_cast<const float*>(device_cos.data()) : nullptr;
  args.sin = turned ? static_cast<const float*>(device_sin.data()) : nullptr;
  args.rows = rows;
  args.heads = heads;
  args.head_size = size;
  const int code = occvla_cuda_rotary(&args, nullptr);
  device_out.Fetch(found.data());
  Report(turned ? "rotary" : "rotary, copied", code, found, expected, count, 8 * 0x1p-9);
}

int Main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::fprintf(stderr, "no GPU that CUDA can use was found; run this where there is one\n");
    return 5;
  }
  if (occvla_cuda_abi() != OCCVLA_CUDA_ABI) return 1;
  for (const Storage storage : {Storage::kF32, Storage::kBF16}) {
    for (const int64_t size : {2, 24, 64, 72, 101, 128, 200, 256}) {
      TestAttention(storage, {40, 130, 2, 1, size, 50, false});
      TestAttention(storage, {3, 70, 4, 2, size, 0, false});
    }
    TestAttention(storage, {1, 1600, 8, 4, 256, 50, false});
    TestAttention(storage, {130, 300, 8, 1, 64, 5, true});
    TestAttention(storage, {5, 9, 8, 4, 64, 50, true});
    TestRmsNorm(storage, false);
    TestRmsNorm(storage, true);
    TestGelu(storage);
    TestRotary(storage, true);
    TestRotary(storage, false);
  }
  std::printf("%d failed\n", failures);
  return failures ? 1 : 0;
}

}  // namespace
}  // namespace occvla::kernels

int main() { return occvla::kernels::Main(); }
