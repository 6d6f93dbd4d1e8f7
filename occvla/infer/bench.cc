#include "occvla/infer/bench.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "occvla/base/rng.h"
#include "occvla/infer/session.h"

namespace occvla::infer {

namespace {

double Milliseconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

double MedianOf(int repeats, const std::function<void()>& body) {
  std::vector<double> times;
  for (int i = 0; i < std::max(repeats, 1); ++i) times.push_back(Milliseconds(body));
  return Median(times);
}

std::vector<int64_t> RandomIds(int64_t count, int64_t vocabulary, uint64_t index) {
  Rng rng(17, "bench", 0, index);
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<int64_t>(rng.Below(static_cast<uint64_t>(vocabulary))));
  }
  return ids;
}

// Every weight that one new token reads, as pieces of memory.
std::vector<std::span<const std::byte>> TokenWeights(const model::Checkpoint& checkpoint) {
  std::vector<std::span<const std::byte>> pieces;
  for (const auto& [name, view] : checkpoint.tensors()) {
    const bool read = name.rfind("language_model.", 0) == 0 || name.rfind("adapters.", 0) == 0;
    if (read) pieces.push_back(view.bytes);
  }
  return pieces;
}

uint64_t ReadAll(const std::vector<std::span<const std::byte>>& pieces) {
  std::atomic<uint64_t> sum = 0;
  for (const auto& piece : pieces) {
    model::ParallelFor(static_cast<int64_t>(piece.size()), int64_t{1} << 16,
                       [&](int64_t first, int64_t last) {
                         sum += kernels::StreamRead(piece.data(), first, last);
                       });
  }
  return sum;
}

// The product that dominates: image tokens through an MLP matrix.
double GemmRate(const model::ModelConfig& config, at::ScalarType compute) {
  const int64_t T = config.image_tokens(), C = config.text.hidden, F = config.text.intermediate;
  const auto x = at::rand({T, C}).to(compute), w = at::rand({F, C}).to(compute);
  at::linear(x, w);
  const double ms = MedianOf(5, [&] { at::linear(x, w); });
  return 2.0 * static_cast<double>(T * C * F) / ms / 1e6;
}

// facts C.4, in GFLOP.
void CountWork(const model::ModelConfig& config, BenchResult& result) {
  const auto& v = config.vision;
  const auto& t = config.text;
  const double P = static_cast<double>(v.tokens()), Dv = static_cast<double>(v.hidden);
  const double Fv = static_cast<double>(v.intermediate), D = static_cast<double>(t.hidden);
  const double dq = static_cast<double>(t.heads * t.head_size);
  const double dkv = static_cast<double>(t.key_heads * t.head_size);
  const double F = static_cast<double>(t.intermediate), L = static_cast<double>(t.layers);
  const double N = static_cast<double>(config.image_tokens());
  const double Q = static_cast<double>(config.occupancy.grid * config.occupancy.grid);
  const double patch = 3.0 * static_cast<double>(v.patch_size * v.patch_size);
  result.vision_gflop =
      static_cast<double>(config.cameras) *
      (2 * P * patch * Dv +
       static_cast<double>(v.layers) * (2 * P * (4 * Dv * Dv + 2 * Dv * Fv) + 4 * P * P * Dv) +
       2 * P * Dv * D) /
      1e9;
  result.prefill_gflop =
      (2 * L * (D * dq + 2 * D * dkv + dq * D + 3 * D * F) * N + 4 * dq * L * N * N) / 1e9;
  result.occupancy_gflop = (2 * L * Q * (2 * D * dq + 3 * D * F) + 4 * dq * L * Q * N) / 1e9;
}

}  // namespace

BenchResult BenchModel(const BenchOptions& options,
                       const std::function<void(const std::string&)>& say) {
  const c10::InferenceMode no_gradients;
  BenchResult result;
  if (options.threads > 0) at::set_num_threads(options.threads);
  result.threads = at::get_num_threads();
  result.isa = kernels::IsaName(kernels::BestIsa());

  say("open");
  std::unique_ptr<model::OccVla> model;
  result.open_ms = Milliseconds([&] {
    auto checkpoint = model::Checkpoint::Open(options.checkpoint);
    const auto compute = ChooseComputeType(options.dtype, checkpoint, at::kCPU);
    model = std::make_unique<model::OccVla>(
        std::move(checkpoint),
        model::LoadOptions{.compute = compute, .mask = {}, .final_softcap = {}});
    model->MapPages();
  });
  const auto& config = model->config();
  result.compute = model->compute() == at::kBFloat16 ? "bf16" : "f32";
  result.weight_bytes = model->checkpoint().weight_bytes();
  CountWork(config, result);
  auto cache = model->MakeCache(config.image_tokens() + options.prompt_tokens + options.new_tokens);
  result.kv_bytes = cache.bytes();
  const int64_t S = config.vision.image_size;
  const auto pixels = at::rand({config.cameras, 3, S, S}) * 2 - 1;

  say("vision");
  model::OccVla::Features features;
  result.vision_ms = MedianOf(options.repeats, [&] { features = model->ImageFeatures(pixels); });
  say("image prefill");
  result.image_prefill_ms = MedianOf(options.repeats, [&] {
    cache.Truncate(0);
    model->PrefillImages(model->EmbedImages(features.image), cache);
  });

  const auto first_logits = [&](uint64_t question) {
    cache.Truncate(config.image_tokens());
    const auto ids = RandomIds(options.prompt_tokens, config.text.vocabulary, question);
    const auto hidden = model->PrefillPrefix(ids, cache);
    return model->language().Logits(hidden.narrow(0, hidden.size(0) - 1, 1));
  };
  say("prompt");
  at::Tensor logits;
  result.prompt_ms = Milliseconds([&] { logits = first_logits(0); });
  say("decode, and reading the same bytes");
  const auto pieces = TokenWeights(model->checkpoint());
  for (const auto& piece : pieces) result.token_bytes += piece.size();
  // Token and yardstick take turns, since a shared machine's memory speed drifts within seconds.
  std::vector<double> token_ms, read_ms;
  for (int64_t i = 0; i < options.new_tokens; ++i) {
    const int64_t next = logits.argmax(-1).item<int64_t>();
    token_ms.push_back(
        Milliseconds([&] { logits = model->language().Logits(model->Continue({next}, cache)); }));
    read_ms.push_back(Milliseconds([&] { ReadAll(pieces); }));
  }
  result.token_ms = Median(token_ms);
  result.read_ms = Median(read_ms);
  result.read_gb_per_s = static_cast<double>(result.token_bytes) / result.read_ms / 1e6;
  say("second question");
  at::Tensor second;
  result.second_prompt_ms = Milliseconds([&] { second = first_logits(1); });
  result.peak_before_occupancy_bytes = PeakMemoryBytes();

  if (options.occupancy && model->has_occupancy()) {
    say("occupancy");
    cache.Truncate(config.image_tokens());
    at::Tensor hidden;
    result.occupancy_hidden_ms =
        Milliseconds([&] { hidden = model->OccupancyHidden(cache, config.image_tokens()); });
    result.occupancy_decoder_ms = Milliseconds([&] { model->OccupancyLogits(hidden); });
    result.logits_equal_with_occupancy = at::equal(second, first_logits(1));
  }
  say("matrix product");
  result.gemm_gflop_per_s = GemmRate(config, model->compute());
  result.peak_bytes = PeakMemoryBytes();
  return result;
}

}  // namespace occvla::infer
