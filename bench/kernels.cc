// The kernels against the machine's limits, with two threads (as many cores as the reference
// machine has). One item of a Gemv benchmark is one product of a whole matrix, of an attention
// benchmark one layer's attention, of the others one pass over the data. Times are of the wall
// clock.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "occvla/kernels/kernels.h"

namespace occvla::kernels {
namespace {

constexpr int kThreads = 2;

/// Runs work(first, last) over parts of [0, count), one thread each.
template <typename Work>
void InParts(int64_t count, Work work) {
  std::vector<std::thread> threads;
  for (int i = 1; i < kThreads; ++i)
    threads.emplace_back([=] { work(count * i / kThreads, count * (i + 1) / kThreads); });
  work(0, count / kThreads);
  for (std::thread& thread : threads) thread.join();
}

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// How long this thread has had a core.
double CoreSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Pages of a temporary file (4 KiB each, as weights have them) or anonymous ones.
class Pages {
 public:
  Pages(bool file, int64_t bytes) : bytes_(bytes) {
    int descriptor = -1;
    if (file) {
      const auto folder = std::filesystem::temp_directory_path();
      std::string name = folder / "occvla_bench_XXXXXX";
      descriptor = mkstemp(name.data());
      if (descriptor < 0)
        throw std::runtime_error(folder.string() + ": no file can be made for the benchmark");
      unlink(name.c_str());
      const std::vector<char> block(1 << 20, 0x3c);
      for (int64_t at = 0; at < bytes; at += static_cast<int64_t>(block.size()))
        if (write(descriptor, block.data(), block.size()) != static_cast<ssize_t>(block.size()))
          throw std::runtime_error(folder.string() + ": no room for the benchmark's file");
    }
    data_ = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | (file ? 0 : PROT_WRITE),
                 file ? MAP_SHARED | MAP_POPULATE : MAP_PRIVATE | MAP_ANONYMOUS, descriptor, 0);
    if (descriptor >= 0) close(descriptor);
    if (data_ == MAP_FAILED) throw std::runtime_error("no memory for the benchmark");
    if (!file) std::fill_n(static_cast<char*>(data_), bytes, 0x3c);
  }
  ~Pages() { munmap(data_, static_cast<size_t>(bytes_)); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  const void* data() const { return data_; }

 private:
  void* data_;
  int64_t bytes_;
};

double Median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size()) / 2,
                   values.end());
  return values[values.size() / 2];
}

/// Products of `rows` rows with as many matrices [out][in] as make 300 MB, so that none is in a
/// cache, alternating with StreamRead over the same bytes: `of_stream` is the ratio of the medians.
void BenchGemv(benchmark::State& state, Storage storage, bool file) {
  const int64_t rows = state.range(0), out = state.range(1), in = state.range(2);
  const int64_t bytes = out * in * (storage == Storage::kF32 ? 4 : 2);
  const int64_t copies = std::max<int64_t>(1, 300'000'000 / bytes);
  const Pages pages(file, bytes * copies);
  const std::vector<float> x(rows * in, 0.5f);
  std::vector<float> y(rows * out);
  std::vector<double> gemv, stream, core_gemv, core_stream;
  int64_t copy = 0;
  for (auto _ : state) {
    const char* w = static_cast<const char*>(pages.data()) + copy * bytes;
    copy = (copy + 1) % copies;
    const double start = Seconds(), core_start = CoreSeconds();
    InParts(out, [&](int64_t first, int64_t last) {
      Gemv({.storage = storage,
            .w = w,
            .x = x.data(),
            .y = y.data(),
            .rows = rows,
            .in = in,
            .out = out},
           first, last);
    });
    const double middle = Seconds(), core_middle = CoreSeconds();
    const char* other = static_cast<const char*>(pages.data()) + copy * bytes;
    copy = (copy + 1) % copies;
    InParts(bytes, [&](int64_t first, int64_t last) {
      benchmark::DoNotOptimize(StreamRead(other, first, last));
    });
    gemv.push_back(middle - start);
    stream.push_back(Seconds() - middle);
    core_gemv.push_back(core_middle - core_start);
    core_stream.push_back(CoreSeconds() - core_middle);
    state.SetIterationTime(middle - start);
  }
  const auto rate = static_cast<double>(bytes) * 1e-9;
  state.counters["GB/s"] = rate / Median(gemv);
  state.counters["stream_GB/s"] = rate / Median(stream);
  state.counters["best_GB/s"] = rate / *std::min_element(gemv.begin(), gemv.end());
  state.counters["best_stream_GB/s"] = rate / *std::min_element(stream.begin(), stream.end());
  state.counters["core_GB/s"] = rate / kThreads / Median(core_gemv);
  state.counters["core_stream_GB/s"] = rate / kThreads / Median(core_stream);
  state.counters["core_of_stream"] = Median(core_stream) / Median(core_gemv);
  state.counters["of_stream"] = Median(stream) / Median(gemv);
}

/// One layer's attention; every query sees every key.
void BenchAttention(benchmark::State& state, Storage storage, Isa isa) {
  AttentionArgs args;
  args.storage = storage;
  args.queries = state.range(0);
  args.keys = state.range(1);
  args.heads = state.range(2);
  args.key_heads = state.range(3);
  args.head_size = state.range(4);
  args.softcap = static_cast<float>(state.range(5));
  args.scale = 0.0625f;
  const int64_t size = storage == Storage::kF32 ? 4 : 2;
  const auto make = [&](int64_t numbers) {
    std::vector<unsigned char> bytes(numbers * size);
    uint32_t random = 1;
    for (int64_t i = 0; i < numbers; ++i) {
      random = random * 1664525 + 1013904223;
      // Numbers of size 1 to 2 with either sign.
      const uint32_t bits = 0x3f800000 | (random >> 31 << 31) | (random >> 10 & 0x7fffff);
      for (int64_t byte = 0; byte < size; ++byte)
        bytes[i * size + byte] = static_cast<unsigned char>(bits >> 8 * (4 - size + byte));
    }
    return bytes;
  };
  const auto q = make(args.heads * args.queries * args.head_size);
  const auto k = make(args.key_heads * args.keys * args.head_size), v = k;
  auto out = q;
  args.q = q.data();
  args.k = k.data();
  args.v = v.data();
  args.out = out.data();
  args.q_row_stride = args.k_row_stride = args.v_row_stride = args.out_head_stride = args.head_size;
  args.q_head_stride = args.queries * args.head_size;
  args.k_head_stride = args.v_head_stride = args.keys * args.head_size;
  args.out_row_stride = args.heads * args.head_size;
  std::vector<double> times, core;
  for (auto _ : state) {
    const double start = Seconds(), core_start = CoreSeconds();
    InParts(AttentionTasks(args),
            [&](int64_t first, int64_t last) { Attention(args, first, last, isa); });
    times.push_back(Seconds() - start);
    core.push_back(CoreSeconds() - core_start);
    state.SetIterationTime(times.back());
  }
  const double best = *std::min_element(times.begin(), times.end());
  const double operations = 4e-9 * static_cast<double>(args.heads * args.queries * args.keys) *
                            static_cast<double>(args.head_size);
  state.counters["GFLOP/s"] = operations / Median(times);
  state.counters["best_GFLOP/s"] = operations / best;
  state.counters["core_GFLOP/s"] = operations / kThreads / Median(core);
  state.counters["best_KV_GB/s"] = static_cast<double>(k.size() + v.size()) * 1e-9 / best;
}

/// The gated activation of one layer over a frame's tokens, in bytes moved.
void BenchGelu(benchmark::State& state, Storage storage) {
  const int64_t count = 1536 * 9216, size = storage == Storage::kF32 ? 4 : 2;
  std::vector<unsigned char> gate(count * size, 0x3c), up(count * size, 0x3c);
  std::vector<double> times;
  for (auto _ : state) {
    const double start = Seconds();
    InParts(count, [&](int64_t first, int64_t last) {
      GeluTanh(storage, gate.data(), up.data(), gate.data(), first, last);
    });
    times.push_back(Seconds() - start);
    state.SetIterationTime(times.back());
  }
  state.counters["GB/s"] = static_cast<double>(3 * count * size) * 1e-9 / Median(times);
}

/// The norm of a frame's tokens, float32 to bfloat16, in bytes moved.
void BenchRmsNorm(benchmark::State& state) {
  const int64_t rows = 1536, size = 2304;
  const std::vector<float> x(rows * size, 1.5f), w(size, 0.1f);
  std::vector<uint16_t> y(rows * size);
  std::vector<double> times;
  for (auto _ : state) {
    const double start = Seconds();
    InParts(rows, [&](int64_t first, int64_t last) {
      RmsNormArgs args;
      args.x = x.data();
      args.w = w.data();
      args.y = y.data();
      args.y_storage = Storage::kBF16;
      args.size = size;
      RmsNorm(args, first, last);
    });
    times.push_back(Seconds() - start);
    state.SetIterationTime(times.back());
  }
  state.counters["GB/s"] = static_cast<double>(rows * size * 6) * 1e-9 / Median(times);
}

void Register() {
  const auto add = [](const std::string& name, auto function) {
    return benchmark::RegisterBenchmark(name.c_str(), function)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const Storage storage : {Storage::kBF16, Storage::kF32})
    for (const bool file : {false, true}) {
      const std::string name = std::string("Gemv/") + (storage == Storage::kF32 ? "f32" : "bf16") +
                               (file ? "/file" : "/memory");
      auto* bench = add(name, [=](benchmark::State& state) { BenchGemv(state, storage, file); });
      bench->ArgNames({"rows", "out", "in"})->Args({1, 9216, 2304})->Args({4, 9216, 2304});
      bench->Args({8, 9216, 2304});
      if (storage == Storage::kBF16) bench->Args({1, 2304, 9216})->Args({1, 257216, 2304});
    }
  for (const Storage storage : {Storage::kBF16, Storage::kF32})
    for (const Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16}) {
      if (isa > BestIsa() || (storage == Storage::kF32 && isa == Isa::kAvx512Bf16)) continue;
      add(std::string("Attention/") + (storage == Storage::kF32 ? "f32/" : "bf16/") +
              std::string(IsaName(isa)),
          [=](benchmark::State& state) { BenchAttention(state, storage, isa); })
          ->ArgNames({"queries", "keys", "heads", "key_heads", "head_size", "softcap"})
          ->Args({1536, 1536, 8, 4, 256, 50})
          ->Args({256, 256, 16, 16, 72, 0})
          ->Args({40, 1576, 8, 4, 256, 50})
          ->Args({1, 8192, 8, 4, 256, 50});
    }
  add("Gelu/bf16", [](benchmark::State& state) { BenchGelu(state, Storage::kBF16); });
  add("Gelu/f32", [](benchmark::State& state) { BenchGelu(state, Storage::kF32); });
  add("RmsNorm", BenchRmsNorm);
}

}  // namespace
}  // namespace occvla::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("instructions",
                              std::string(occvla::kernels::IsaName(occvla::kernels::BestIsa())));
  occvla::kernels::Register();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
