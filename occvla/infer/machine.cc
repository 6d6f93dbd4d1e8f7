#include "occvla/infer/machine.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/Version.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <sched.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "occvla/kernels/kernels.h"
#include "occvla/model/device.h"

namespace occvla::infer {
namespace {

namespace fs = std::filesystem;

// Of those that own kernels or torch choose code by.
constexpr const char* kFeatures[] = {"avx2",        "fma",         "f16c",     "avx512f",
                                     "avx512bw",    "avx512_bf16", "avx_vnni", "avx512_vnni",
                                     "avx512_fp16", "amx_bf16",    "amx_int8"};

// PaliGemma 2 3B on six images at 224 (facts/model.md C.4).
constexpr double kFrameFlops = 8.04e12;  // Vision, projector and the image block's prefill.
constexpr double kTokenBytes = 5.23e9;   // Weights read for one generated token, bf16.
constexpr double kWeightBytes = 6.06e9;

/// The rest of the first line of /proc/cpuinfo or /proc/meminfo that opens with `key`.
std::string ProcField(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':');
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    return colon == std::string::npos || start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

uint64_t MemInfoBytes(const std::string& key) {
  return std::strtoull(ProcField("/proc/meminfo", key + ":").c_str(), nullptr, 10) * 1024;
}

/// Of the control group that a container runs in; nothing where there is no limit.
std::optional<uint64_t> ControlGroupBytes(const char* file) {
  std::ifstream in(file);
  uint64_t bytes = 0;
  if (!(in >> bytes)) return std::nullopt;  // Absent, or "max".
  return bytes;
}

std::vector<std::string> CpuFeatures() {
  std::istringstream flags(ProcField("/proc/cpuinfo", "flags"));
  const std::vector<std::string> all{std::istream_iterator<std::string>(flags), {}};
  std::vector<std::string> found;
  for (const char* feature : kFeatures)
    if (std::find(all.begin(), all.end(), feature) != all.end()) found.push_back(feature);
  return found;
}

int Processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::string CudaState() {
  const auto& library = model::CudaKernels();
  return library.usable() ? "loaded" : library.problem();
}

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Best rate of `work`, which does `amount` a call, over `seconds` and at least twice: the first
/// call also warms caches, threads and page tables.
template <typename Work>
double BestRate(double amount, double seconds, Work&& work) {
  double best = 0;
  const double start = Now();
  for (int call = 0; call < 2 || Now() - start < seconds; ++call) {
    const double before = Now();
    work();
    best = std::max(best, amount / (Now() - before));
  }
  return best;
}

double ReadRate() {
  constexpr int64_t kBytes = int64_t{256} << 20, kPiece = int64_t{1} << 20;
  const std::vector<char> data(kBytes, 1);
  std::atomic<uint64_t> sum{0};  // Keeps the reads from being left out.
  return BestRate(static_cast<double>(kBytes), 0.4, [&] {
    at::parallel_for(0, kBytes / kPiece, 1, [&](int64_t first, int64_t last) {
      sum += kernels::StreamRead(data.data(), first * kPiece, last * kPiece);
    });
  });
}

double MatmulRate(at::ScalarType type) {
  constexpr int64_t kRows = 768, kWidth = 1536;
  const auto a = at::ones({kRows, kWidth}, type), b = at::ones({kWidth, kWidth}, type);
  return BestRate(2.0 * kRows * kWidth * kWidth, 0.4, [&] { at::matmul(a, b.t()); });
}

std::string Text(const char* format, double value) {
  char text[160];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

Machine ExamineMachine() {
  Machine m;
  m.cpu = ProcField("/proc/cpuinfo", "model name");
  m.features = CpuFeatures();
  m.kernels = kernels::IsaName(kernels::BestIsa());
  m.processors = Processors();
  m.threads = at::get_num_threads();
  m.torch = TORCH_VERSION;
  m.torch_capability = at::get_cpu_capability();
  m.memory_bytes = MemInfoBytes("MemTotal");
  m.memory_free_bytes = MemInfoBytes("MemAvailable");
  if (const auto limit = ControlGroupBytes("/sys/fs/cgroup/memory.max");
      limit && *limit < m.memory_bytes) {
    const auto used = ControlGroupBytes("/sys/fs/cgroup/memory.current").value_or(0);
    m.memory_bytes = *limit;
    m.memory_free_bytes = std::min(m.memory_free_bytes, *limit - std::min(used, *limit));
  }
  std::error_code error;
  const auto space = fs::space(".", error);
  m.disk_free_bytes = error ? 0 : space.available;
  m.has_gpu = fs::exists("/proc/driver/nvidia/version", error);
  m.cuda = CudaState();
  return m;
}

Speed MeasureSpeed() {
  const at::NoGradGuard no_grad;
  return {ReadRate(), MatmulRate(at::kFloat), MatmulRate(at::kBFloat16)};
}

std::vector<std::string> Warnings(const Machine& machine, const Speed& speed) {
  std::vector<std::string> warnings;
  const auto has = [&](const char* feature) {
    return std::find(machine.features.begin(), machine.features.end(), feature) !=
           machine.features.end();
  };
  if (!has("avx2"))
    warnings.push_back("The CPU has no AVX2: own kernels run one number at a time.");
  else if (!has("avx512f"))
    warnings.push_back("The CPU has no AVX-512: own kernels run at about half the width.");
  if (!has("avx512_bf16") && !has("amx_bf16"))
    warnings.push_back("The CPU has no bfloat16 arithmetic: models compute in float32.");
  const double flops = std::max(speed.f32_flops, speed.bf16_flops);
  if (const double seconds = kFrameFlops / flops; seconds > 5) {
    warnings.push_back(
        Text("paligemma2-3b-224 needs at least %.0f s for the six images of a frame: "
             "matrix products are the limit.",
             seconds));
  }
  if (const double ms = 1000 * kTokenBytes / speed.read_bytes_per_second; ms > 100) {
    warnings.push_back(
        Text("paligemma2-3b-224 needs at least %.0f ms a generated token: memory "
             "bandwidth is the limit.",
             ms));
  }
  const auto memory = static_cast<double>(machine.memory_bytes);
  if (memory < kWeightBytes + 2e9) {
    warnings.push_back(
        Text("%.1f GB of memory are too few for paligemma2-3b-224, which needs 8 GB: "
             "its weights would be read from disk again and again.",
             memory / 1e9));
  } else if (static_cast<double>(machine.memory_free_bytes) < kWeightBytes + 2e9) {
    warnings.push_back(Text("Only %.1f GB of memory are free; paligemma2-3b-224 needs 8 GB.",
                            static_cast<double>(machine.memory_free_bytes) / 1e9));
  }
  if (static_cast<double>(machine.disk_free_bytes) < kWeightBytes) {
    warnings.push_back(
        Text("Only %.1f GB of disk are free in the current folder; a 3B checkpoint "
             "takes 6.1 GB.",
             static_cast<double>(machine.disk_free_bytes) / 1e9));
  }
  if (machine.threads < machine.processors) {
    warnings.push_back("Tensor operations use " + std::to_string(machine.threads) + " of " +
                       std::to_string(machine.processors) + " processors: is OMP_NUM_THREADS set?");
  }
  if (machine.has_gpu && machine.cuda != "loaded")
    warnings.push_back("A GPU is there but is not used: the CUDA library is " + machine.cuda + ".");
  return warnings;
}

}  // namespace occvla::infer
