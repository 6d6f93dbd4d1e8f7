#include "occvla/model/linear.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace occvla::model {

bool UsesKernels(const at::Tensor& x) {
  const bool gradient = c10::GradMode::is_enabled() && x.requires_grad();
  const auto type = x.scalar_type();
  return x.device().is_cpu() && !gradient && (type == at::kFloat || type == at::kBFloat16);
}

kernels::Storage StorageOf(const at::Tensor& x) {
  TORCH_CHECK(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
              "kernels take float32 or bfloat16, not ", x.scalar_type());
  return x.scalar_type() == at::kFloat ? kernels::Storage::kF32 : kernels::Storage::kBF16;
}

void ParallelFor(int64_t items, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  at::parallel_for(0, items, grain, [&](int64_t first, int64_t last) { body(first, last); });
}

namespace {

// Any weight that wants a gradient must go through ATen, whatever x wants.
bool RunsRowByRow(const Linear& layer, const at::Tensor& x) {
  const bool gradient = c10::GradMode::is_enabled() && layer.weight.requires_grad();
  return !gradient && x.size(0) <= Linear::kFewRows && layer.compute != at::kDouble &&
         layer.weight.is_contiguous() && UsesKernels(x) && UsesKernels(layer.weight);
}

kernels::GemvArgs RowByRowArgs(const Linear& layer, const at::Tensor& x, const at::Tensor& y) {
  return {.storage = StorageOf(layer.weight),
          .w = layer.weight.const_data_ptr(),
          .x = x.const_data_ptr<float>(),
          .bias = layer.bias.defined() ? layer.bias.const_data_ptr<float>() : nullptr,
          .y = y.mutable_data_ptr<float>(),
          .rows = x.size(0),
          .in = x.size(1),
          .out = y.size(1)};
}

// What a thread reads at a time: enough that taking it (and laying out x for it) does not show.
constexpr int64_t kPieceBytes = int64_t{1} << 20;

}  // namespace

at::ScalarType Linear::InputType(int64_t rows) const {
  return rows <= kFewRows && compute != at::kDouble ? at::kFloat : compute;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  TORCH_CHECK(x.dim() == 2 && x.size(1) == weight.size(1), "x is ", x.sizes(),
              " but the weight is ", weight.sizes());
  if (RunsRowByRow(*this, x)) return ApplyTogether({this}, x)[0];
  const auto b = bias.defined() ? bias.to(compute) : bias;
  return at::linear(x.to(compute), weight.to(compute), b);  // [T, out]
}

std::vector<at::Tensor> ApplyTogether(std::initializer_list<const Linear*> layers,
                                      const at::Tensor& x) {
  std::vector<at::Tensor> results;
  for (const auto* layer : layers) {
    if (!RunsRowByRow(*layer, x)) {
      for (const auto* each : layers) results.push_back((*each)(x));
      return results;
    }
  }
  const auto rows = x.to(at::kFloat).contiguous();  // [T, in]
  std::vector<kernels::GemvArgs> work;
  std::vector<int64_t> starts{0};
  const int64_t row_bytes =
      std::max<int64_t>(1, rows.size(1) * (*layers.begin())->weight.element_size());
  for (const auto* layer : layers) {
    results.push_back(at::empty({rows.size(0), layer->weight.size(0)}, rows.options()));
    work.push_back(RowByRowArgs(*layer, rows, results.back()));
    starts.push_back(starts.back() + layer->weight.size(0));
  }
  // Threads take pieces as they get done with the last: two cores rarely read memory equally fast.
  const int64_t total = starts.back();
  const int64_t piece = std::max<int64_t>(1, kPieceBytes / row_bytes);
  const int64_t pieces = (total + piece - 1) / piece;
  std::atomic<int64_t> next{0};
  ParallelFor(std::min<int64_t>(pieces, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    for (int64_t taken = next++; taken < pieces; taken = next++) {
      const int64_t first = taken * piece, last = std::min(total, first + piece);
      for (size_t i = 0; i < work.size(); ++i) {
        const int64_t from = std::max(first, starts[i]), to = std::min(last, starts[i + 1]);
        if (from < to) kernels::Gemv(work[i], from - starts[i], to - starts[i]);
      }
    }
  });
  return results;
}

}  // namespace occvla::model
