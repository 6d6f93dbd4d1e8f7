#include "occvla/model/layers.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

namespace occvla::model {

namespace {

// Elements that one thread should at least take: elementwise work is cheap beside a hand-over.
constexpr int64_t kElementGrain = int64_t{1} << 15;

int64_t RowGrain(const at::Tensor& x) {
  return std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, x.size(1)));
}

at::ScalarType MathType(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

bool KernelsServe(const at::Tensor& x, const at::Tensor& w, at::ScalarType out) {
  return UsesKernels(x) && UsesKernels(w) && w.scalar_type() == at::kFloat && x.is_contiguous() &&
         (out == at::kFloat || out == at::kBFloat16);
}

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& w, double eps, at::ScalarType out) {
  if (KernelsServe(x, w, out)) {
    auto y = at::empty(x.sizes(), x.options().dtype(out));
    const kernels::RmsNormArgs args{.x = x.const_data_ptr(),
                                    .x_storage = StorageOf(x),
                                    .w = w.const_data_ptr<float>(),
                                    .y = y.mutable_data_ptr(),
                                    .y_storage = StorageOf(y),
                                    .size = x.size(1),
                                    .eps = static_cast<float>(eps)};
    ParallelFor(x.size(0), RowGrain(x),
                [&](int64_t first, int64_t last) { kernels::RmsNorm(args, first, last); });
    return y;
  }
  const auto m = x.to(MathType(x));
  const auto scale = (m.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();  // [T, 1]
  return (m * scale * (1 + w.to(m.scalar_type()))).to(out);
}

at::Tensor AddRmsNorm(at::Tensor residual, const at::Tensor& x, const at::Tensor& w, double eps) {
  const bool in_place = KernelsServe(x, w, at::kFloat) && UsesKernels(residual) &&
                        residual.scalar_type() == at::kFloat && residual.is_contiguous();
  if (!in_place) return residual + RmsNorm(x, w, eps, residual.scalar_type());
  const kernels::RmsNormArgs args{.x = x.const_data_ptr(),
                                  .x_storage = StorageOf(x),
                                  .w = w.const_data_ptr<float>(),
                                  .residual = residual.mutable_data_ptr<float>(),
                                  .size = x.size(1),
                                  .eps = static_cast<float>(eps)};
  ParallelFor(x.size(0), RowGrain(x),
              [&](int64_t first, int64_t last) { kernels::RmsNorm(args, first, last); });
  return residual;
}

at::Tensor LayerNorm(const at::Tensor& x, const LayerNormWeights& w, double eps,
                     at::ScalarType out) {
  if (KernelsServe(x, w.weight, out) && x.scalar_type() == at::kFloat) {
    auto y = at::empty(x.sizes(), x.options().dtype(out));
    const kernels::LayerNormArgs args{.x = x.const_data_ptr<float>(),
                                      .w = w.weight.const_data_ptr<float>(),
                                      .b = w.bias.const_data_ptr<float>(),
                                      .y = y.mutable_data_ptr(),
                                      .y_storage = StorageOf(y),
                                      .size = x.size(1),
                                      .eps = static_cast<float>(eps)};
    ParallelFor(x.size(0), RowGrain(x),
                [&](int64_t first, int64_t last) { kernels::LayerNorm(args, first, last); });
    return y;
  }
  const auto m = x.to(MathType(x));
  return at::layer_norm(m, {m.size(1)}, w.weight.to(m.scalar_type()), w.bias.to(m.scalar_type()),
                        eps)
      .to(out);
}

at::Tensor GeluTanh(at::Tensor gate, const at::Tensor& up) {
  const bool kernel = UsesKernels(gate) && gate.is_contiguous() &&
                      (!up.defined() || (UsesKernels(up) && up.is_contiguous() &&
                                         up.scalar_type() == gate.scalar_type()));
  if (!kernel) {
    const auto activated = at::gelu(gate, "tanh");
    return up.defined() ? activated * up : activated;
  }
  void* data = gate.mutable_data_ptr();
  const void* factor = up.defined() ? up.const_data_ptr() : nullptr;
  const auto storage = StorageOf(gate);
  ParallelFor(gate.numel(), kElementGrain, [&](int64_t first, int64_t last) {
    kernels::GeluTanh(storage, data, factor, data, first, last);
  });
  return gate;
}

RotaryTable MakeRotaryTable(const std::vector<int64_t>& positions, int64_t head_size, double theta,
                            const at::TensorOptions& like) {
  const auto type =
      c10::typeMetaToScalarType(like.dtype()) == at::kDouble ? at::kDouble : at::kFloat;
  const auto options = at::TensorOptions().dtype(type);
  const auto exponent = at::arange(0, head_size, 2, options) / static_cast<double>(head_size);
  const auto frequency = at::pow(theta, exponent).reciprocal();  // [D / 2]
  const auto position =
      at::tensor(positions, at::TensorOptions().dtype(at::kLong)).to(type).unsqueeze(1);
  const auto angle = position * frequency.unsqueeze(0);  // [T, D / 2]
  return {angle.cos().to(like.device()), angle.sin().to(like.device())};
}

at::Tensor RotateHeads(const at::Tensor& x, int64_t heads, const RotaryTable* table,
                       at::ScalarType type, const at::Tensor& into, int64_t offset) {
  const int64_t T = x.size(0), D = x.size(1) / heads;
  const bool kernel = UsesKernels(x) && x.is_contiguous() &&
                      (type == at::kFloat || type == at::kBFloat16) &&
                      (!into.defined() || into.scalar_type() == type);
  if (kernel) {
    const auto out = into.defined() ? into : at::empty({heads, T, D}, x.options().dtype(type));
    const kernels::RotaryArgs args{.x_storage = StorageOf(x),
                                   .out_storage = StorageOf(out),
                                   .x = x.const_data_ptr(),
                                   .x_row_stride = x.size(1),
                                   .out = out.mutable_data_ptr(),
                                   .out_head_stride = out.stride(0),
                                   .out_offset = offset,
                                   .cos = table ? table->cos.const_data_ptr<float>() : nullptr,
                                   .sin = table ? table->sin.const_data_ptr<float>() : nullptr,
                                   .heads = heads,
                                   .head_size = D};
    ParallelFor(T, RowGrain(x),
                [&](int64_t first, int64_t last) { kernels::Rotary(args, first, last); });
    return into.defined() ? out.narrow(1, offset, T) : out;
  }
  auto y = x.view({T, heads, D}).transpose(0, 1);  // [H, T, D]
  if (table != nullptr) {
    y = y.to(table->cos.scalar_type());
    const auto low = y.narrow(2, 0, D / 2), high = y.narrow(2, D / 2, D / 2);
    y = at::cat({low * table->cos - high * table->sin, high * table->cos + low * table->sin}, 2);
  }
  y = y.to(type);
  if (!into.defined()) return y;
  auto place = into.narrow(1, offset, T);
  place.copy_(y);
  return place;
}

at::Tensor Adapter::operator()(const at::Tensor& x) const {
  auto h = down(x.to(down.InputType(x.size(0))));
  h = relu ? at::relu(h) : GeluTanh(h, {});
  auto y = up(h.to(up.InputType(h.size(0))));
  return scale == 1 ? y : y * scale;
}

}  // namespace occvla::model
