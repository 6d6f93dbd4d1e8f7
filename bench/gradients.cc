// Forward and backward of the model's own differentiable functions against the same formulas as
// chains of ATen operations, taking turns in one thread: `chain_of_own` is the ratio of the
// medians of their processor times.
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "occvla/model/attention.h"
#include "occvla/model/files/config.h"
#include "occvla/model/layers.h"
#include "occvla/model/vqvae.h"

namespace occvla::model {
namespace {

double ProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double Median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size()) / 2,
                   values.end());
  return values[values.size() / 2];
}

using Inputs = std::vector<at::Tensor>;
using Step = std::function<at::Tensor(const Inputs&)>;

at::Tensor Leaf(at::IntArrayRef sizes, at::ScalarType type) {
  return at::randn(sizes).to(type).set_requires_grad(true);
}

double Run(const Step& step, Inputs& inputs) {
  for (auto& x : inputs) x.mutable_grad().reset();
  const double start = ProcessorSeconds();
  const auto out = step(inputs);
  out.backward(at::ones_like(out));
  return ProcessorSeconds() - start;
}

void Compare(benchmark::State& state, Inputs inputs, const Step& own, const Step& chain) {
  Run(own, inputs);
  Run(chain, inputs);
  std::vector<double> own_times, chain_times;
  for (auto _ : state) {
    own_times.push_back(Run(own, inputs));
    chain_times.push_back(Run(chain, inputs));
    state.SetIterationTime(own_times.back());
  }
  state.counters["own_ms"] = 1e3 * Median(own_times);
  state.counters["chain_ms"] = 1e3 * Median(chain_times);
  state.counters["chain_of_own"] = Median(chain_times) / Median(own_times);
}

// Every score in memory, float32 softmax.
at::Tensor AttentionChain(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          double scale, double cap) {
  const int64_t group = q.size(0) / k.size(0);
  const auto keys = k.repeat_interleave(group, 0), values = v.repeat_interleave(group, 0);
  auto scores = at::bmm(q, keys.transpose(1, 2)) * scale;  // [H, T, S]
  scores = at::tanh(scores / cap) * cap;
  const auto weights = at::softmax(scores.to(at::kFloat), -1).to(q.scalar_type());
  return at::bmm(weights, values).transpose(0, 1).reshape({q.size(1), -1});
}

void BenchAttention(benchmark::State& state, at::ScalarType type) {
  const int64_t T = state.range(0), S = state.range(1), H = state.range(2), K = state.range(3),
                D = state.range(4);
  const double scale = 1 / std::sqrt(static_cast<double>(D));
  Compare(
      state, {Leaf({H, T, D}, type), Leaf({K, S, D}, type), Leaf({K, S, D}, type)},
      [&](const Inputs& in) {
        return Attention(in[0].transpose(0, 1), in[1], in[2], KeyRanges::All(T, S),
                         {.scale = scale, .softcap = 50});
      },
      [&](const Inputs& in) { return AttentionChain(in[0], in[1], in[2], scale, 50); });
}

void BenchRmsNorm(benchmark::State& state, at::ScalarType type) {
  const int64_t T = state.range(0), C = state.range(1);
  Compare(
      state, {Leaf({T, C}, type), Leaf({C}, at::kFloat)},
      [&](const Inputs& in) { return RmsNorm(in[0], in[1], 1e-6, type); },
      [&](const Inputs& in) {
        const auto x = in[0].to(at::kFloat);
        return (x * (x.square().mean(-1, true) + 1e-6).rsqrt() * (1 + in[1])).to(type);
      });
}

void BenchLayerNorm(benchmark::State& state) {
  const int64_t T = state.range(0), C = state.range(1);
  Compare(
      state, {Leaf({T, C}, at::kFloat), Leaf({C}, at::kFloat), Leaf({C}, at::kFloat)},
      [&](const Inputs& in) {
        return LayerNorm(in[0], {in[1], in[2]}, 1e-6, at::kFloat);
      },
      [&](const Inputs& in) { return at::layer_norm(in[0], {C}, in[1], in[2], 1e-6); });
}

void BenchGelu(benchmark::State& state, at::ScalarType type) {
  const int64_t T = state.range(0), C = state.range(1);
  Compare(
      state, {Leaf({T, C}, type), Leaf({T, C}, type)},
      [&](const Inputs& in) { return GeluTanh(in[0], in[1]); },
      [&](const Inputs& in) { return at::gelu(in[0], "tanh") * in[1]; });
}

void BenchRotary(benchmark::State& state, at::ScalarType type) {
  const int64_t T = state.range(0), C = state.range(1), heads = state.range(2), D = C / heads;
  const auto table = MakeRotaryTable(std::vector<int64_t>(T, 7), D, 10000, at::kFloat);
  Compare(
      state, {Leaf({T, C}, type)},
      [&](const Inputs& in) { return RotateHeads(in[0], heads, &table, type); },
      [&](const Inputs& in) {
        const auto y = in[0].view({T, heads, D}).transpose(0, 1).to(at::kFloat);
        const auto low = y.narrow(2, 0, D / 2), high = y.narrow(2, D / 2, D / 2);
        return at::cat({low * table.cos - high * table.sin, high * table.cos + low * table.sin}, 2)
            .to(type);
      });
}

// Without a chain beside it: one frame through the frozen decoder and back to the latents.
void BenchDecode(benchmark::State& state, const std::string& preset) {
  const auto config = Preset(preset).vqvae;
  std::map<std::string, at::Tensor> weights;
  for (const auto& spec : VqvaeTensors(config)) weights[spec.name] = at::randn(spec.shape) * 0.05;
  const Vqvae vqvae(config, weights);
  Inputs inputs{
      Leaf({1, config.latent, (config.height + 3) / 4, (config.width + 3) / 4}, at::kFloat)};
  const Step decode = [&](const Inputs& in) { return vqvae.Decode(in[0]); };
  Run(decode, inputs);
  std::vector<double> times;
  for (auto _ : state) {
    times.push_back(Run(decode, inputs));
    state.SetIterationTime(times.back());
  }
  state.counters["own_ms"] = 1e3 * Median(times);
}

void Register() {
  const auto add = [](const std::string& name, auto function) {
    return benchmark::RegisterBenchmark(name.c_str(), function)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const std::string suffix = type == at::kFloat ? "/f32" : "/bf16";
    auto* attention = add("Attention" + suffix, [=](auto& state) { BenchAttention(state, type); });
    attention->ArgNames({"queries", "keys", "heads", "key_heads", "head_size"});
    if (type == at::kFloat)
      attention->Args({2500, 384, 4, 2, 64})->Args({384, 384, 4, 2, 64});
    else
      attention->Args({2500, 1536, 8, 4, 256});
    add("RmsNorm" + suffix, [=](auto& state) { BenchRmsNorm(state, type); })->Args({2500, 256});
    add("Gelu" + suffix, [=](auto& state) { BenchGelu(state, type); })->Args({2500, 1024});
    add("Rotary" + suffix, [=](auto& state) { BenchRotary(state, type); })->Args({2500, 256, 4});
  }
  add("LayerNorm/f32", BenchLayerNorm)->Args({1536, 192});
  for (const std::string preset : {"nano", "paligemma2-3b-224"})
    add("Decode/" + preset, [=](auto& state) { BenchDecode(state, preset); });
}

}  // namespace
}  // namespace occvla::model

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  at::set_num_threads(1);
  occvla::model::Register();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
