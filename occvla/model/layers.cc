#include "occvla/model/layers.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace occvla::model {

namespace {

// Elements that one thread should at least take: elementwise work is cheap beside a hand-over.
constexpr int64_t kElementGrain = int64_t{1} << 15;

int64_t RowGrain(const at::Tensor& x) {
  return std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, x.size(1)));
}

// The same for parts of a norm's rows.
int64_t PartGrain(const at::Tensor& x) {
  return std::max<int64_t>(1, RowGrain(x) / kernels::kNormPart);
}

at::ScalarType MathType(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

bool KernelsServe(const at::Tensor& x, const at::Tensor& w, at::ScalarType out) {
  return KernelsTake(x) && KernelsTake(w) && w.scalar_type() == at::kFloat && x.is_contiguous() &&
         (out == at::kFloat || out == at::kBFloat16);
}

bool WantsGradient(std::initializer_list<at::Tensor> inputs) {
  return c10::GradMode::is_enabled() &&
         std::any_of(inputs.begin(), inputs.end(),
                     [](const auto& x) { return x.defined() && x.requires_grad(); });
}

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

int64_t NormParts(const at::Tensor& x) {
  return (x.size(0) + kernels::kNormPart - 1) / kernels::kNormPart;
}

// [parts, C] -> [C], from the first part to the last.
at::Tensor SumParts(const at::Tensor& parts) {
  auto sum = at::zeros({parts.size(1)}, parts.options());
  for (int64_t part = 0; part < parts.size(0); ++part) sum.add_(parts[part]);
  return sum;
}

// y = RmsNorm(x), or before + RmsNorm(x) with `before` float32; y may be `before`.
void RunRmsNorm(const at::Tensor& x, const at::Tensor& w, double eps, const at::Tensor& before,
                const at::Tensor& y) {
  kernels::RmsNormArgs args{.x = x.const_data_ptr(),
                            .x_storage = StorageOf(x),
                            .w = w.const_data_ptr<float>(),
                            .size = x.size(1),
                            .eps = static_cast<float>(eps)};
  if (before.defined()) {
    args.residual = y.mutable_data_ptr<float>();
    args.before = before.const_data_ptr<float>();
  } else {
    args.y = y.mutable_data_ptr();
    args.y_storage = StorageOf(y);
  }
  ParallelFor(x.size(0), RowGrain(x),
              [&](int64_t first, int64_t last) { kernels::RmsNorm(args, first, last); });
}

// (Adds to) the norm; `before` is x where nothing is added to.
class RmsNormFunction : public Function<RmsNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& before, bool adds,
                            const at::Tensor& x, const at::Tensor& w, double eps,
                            at::ScalarType out) {
    context->save_for_backward({x, w});
    context->saved_data["adds"] = adds;
    context->saved_data["eps"] = eps;
    const auto y = at::empty(x.sizes(), x.options().dtype(out));
    RunRmsNorm(x, w, eps, adds ? before : at::Tensor(), y);
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &w = saved[1];
    const auto dy = gradients[0].contiguous();
    const auto dx = at::empty_like(x);
    const int64_t parts = NormParts(x);
    at::Tensor dw;  // [parts, C]
    if (w.requires_grad()) dw = at::empty({parts, x.size(1)}, w.options());
    const kernels::RmsNormBackwardArgs args{
        .x = x.const_data_ptr(),
        .dx = dx.mutable_data_ptr(),
        .x_storage = StorageOf(x),
        .w = w.const_data_ptr<float>(),
        .dy = dy.const_data_ptr(),
        .dy_storage = StorageOf(dy),
        .dw = dw.defined() ? dw.mutable_data_ptr<float>() : nullptr,
        .rows = x.size(0),
        .size = x.size(1),
        .eps = static_cast<float>(context->saved_data["eps"].toDouble())};
    ParallelFor(parts, PartGrain(x),
                [&](int64_t first, int64_t last) { kernels::RmsNormBackward(args, first, last); });
    const bool adds = context->saved_data["adds"].toBool();
    return {adds ? gradients[0] : at::Tensor(), {}, dx, dw.defined() ? SumParts(dw) : dw, {}, {}};
  }
};

void RunLayerNorm(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b, double eps,
                  const at::Tensor& y) {
  const kernels::LayerNormArgs args{.x = x.const_data_ptr<float>(),
                                    .w = w.const_data_ptr<float>(),
                                    .b = b.const_data_ptr<float>(),
                                    .y = y.mutable_data_ptr(),
                                    .y_storage = StorageOf(y),
                                    .size = x.size(1),
                                    .eps = static_cast<float>(eps)};
  ParallelFor(x.size(0), RowGrain(x),
              [&](int64_t first, int64_t last) { kernels::LayerNorm(args, first, last); });
}

class LayerNormFunction : public Function<LayerNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w,
                            const at::Tensor& b, double eps, at::ScalarType out) {
    context->save_for_backward({x, w});
    context->saved_data["weights"] = w.requires_grad() || b.requires_grad();
    context->saved_data["eps"] = eps;
    const auto y = at::empty(x.sizes(), x.options().dtype(out));
    RunLayerNorm(x, w, b, eps, y);
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &w = saved[1];
    const auto dy = gradients[0].contiguous();
    const auto dx = at::empty_like(x);
    const int64_t parts = NormParts(x);
    at::Tensor dw, db;  // [parts, C]
    if (context->saved_data["weights"].toBool()) {
      dw = at::empty({parts, x.size(1)}, w.options());
      db = at::empty_like(dw);
    }
    const kernels::LayerNormBackwardArgs args{
        .x = x.const_data_ptr<float>(),
        .dx = dx.mutable_data_ptr<float>(),
        .w = w.const_data_ptr<float>(),
        .dy = dy.const_data_ptr(),
        .dy_storage = StorageOf(dy),
        .dw = dw.defined() ? dw.mutable_data_ptr<float>() : nullptr,
        .db = db.defined() ? db.mutable_data_ptr<float>() : nullptr,
        .rows = x.size(0),
        .size = x.size(1),
        .eps = static_cast<float>(context->saved_data["eps"].toDouble())};
    ParallelFor(parts, PartGrain(x), [&](int64_t first, int64_t last) {
      kernels::LayerNormBackward(args, first, last);
    });
    if (!dw.defined()) return {dx, {}, {}, {}, {}};
    return {dx, SumParts(dw), SumParts(db), {}, {}};
  }
};

void RunGeluTanh(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& out) {
  const void* data = gate.const_data_ptr();
  const void* factor = up.defined() ? up.const_data_ptr() : nullptr;
  void* to = out.mutable_data_ptr();
  const auto storage = StorageOf(gate);
  ParallelFor(gate.numel(), kElementGrain, [&](int64_t first, int64_t last) {
    kernels::GeluTanh(storage, data, factor, to, first, last);
  });
}

// `up` is `gate` where the activation stands alone.
class GeluTanhFunction : public Function<GeluTanhFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate, const at::Tensor& up,
                            bool gated) {
    context->save_for_backward({gate, gated ? up : at::Tensor()});
    const auto out = at::empty_like(gate);
    RunGeluTanh(gate, gated ? up : at::Tensor(), out);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &gate = saved[0], &up = saved[1];
    const auto dout = gradients[0].contiguous();
    const auto dgate = at::empty_like(gate);
    const auto dup = up.defined() ? at::empty_like(up) : at::Tensor();
    const kernels::GeluTanhBackwardArgs args{
        .storage = StorageOf(gate),
        .gate = gate.const_data_ptr(),
        .up = up.defined() ? up.const_data_ptr() : nullptr,
        .dout = dout.const_data_ptr(),
        .dgate = dgate.mutable_data_ptr(),
        .dup = up.defined() ? dup.mutable_data_ptr() : nullptr};
    ParallelFor(gate.numel(), kElementGrain,
                [&](int64_t first, int64_t last) { kernels::GeluTanhBackward(args, first, last); });
    return {dgate, dup, {}};
  }
};

void RunRotary(const at::Tensor& x, int64_t heads, const RotaryTable& table, const at::Tensor& out,
               int64_t offset) {
  const bool turns = table.cos.defined();
  const kernels::RotaryArgs args{.x_storage = StorageOf(x),
                                 .out_storage = StorageOf(out),
                                 .x = x.const_data_ptr(),
                                 .x_row_stride = x.size(1),
                                 .out = out.mutable_data_ptr(),
                                 .out_head_stride = out.stride(0),
                                 .out_offset = offset,
                                 .cos = turns ? table.cos.const_data_ptr<float>() : nullptr,
                                 .sin = turns ? table.sin.const_data_ptr<float>() : nullptr,
                                 .heads = heads,
                                 .head_size = x.size(1) / heads};
  ParallelFor(x.size(0), RowGrain(x),
              [&](int64_t first, int64_t last) { kernels::Rotary(args, first, last); });
}

class RotaryFunction : public Function<RotaryFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, int64_t heads,
                            const RotaryTable& table, at::ScalarType type) {
    context->save_for_backward({table.cos, table.sin});
    context->saved_data["type"] = x.scalar_type();
    const auto out = at::empty({heads, x.size(0), x.size(1) / heads}, x.options().dtype(type));
    RunRotary(x, heads, table, out, 0);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &cos = saved[0], &sin = saved[1];
    const auto dout = gradients[0].stride(2) == 1 ? gradients[0] : gradients[0].contiguous();
    const int64_t H = dout.size(0), T = dout.size(1), D = dout.size(2);
    const auto dx =
        at::empty({T, H * D}, dout.options().dtype(context->saved_data["type"].toScalarType()));
    const kernels::RotaryBackwardArgs args{
        .x_storage = StorageOf(dx),
        .out_storage = StorageOf(dout),
        .dout = dout.const_data_ptr(),
        .dout_head_stride = dout.stride(0),
        .dout_row_stride = dout.stride(1),
        .dx = dx.mutable_data_ptr(),
        .dx_row_stride = H * D,
        .cos = cos.defined() ? cos.const_data_ptr<float>() : nullptr,
        .sin = cos.defined() ? sin.const_data_ptr<float>() : nullptr,
        .heads = H,
        .head_size = D};
    ParallelFor(T, RowGrain(dx),
                [&](int64_t first, int64_t last) { kernels::RotaryBackward(args, first, last); });
    return {dx, {}, {}, {}};
  }
};

}  // namespace

bool KernelsTake(const at::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& w, double eps, at::ScalarType out) {
  if (!KernelsServe(x, w, out)) {
    const auto m = x.to(MathType(x));
    // On a GPU one kernel of torch's does what would be eight.
    if (x.is_cuda()) return at::rms_norm(m, {m.size(-1)}, 1 + w.to(m.scalar_type()), eps).to(out);
    const auto scale = (m.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();  // [T, 1]
    return (m * scale * (1 + w.to(m.scalar_type()))).to(out);
  }
  if (WantsGradient({x, w})) return RmsNormFunction::apply(x, /*adds=*/false, x, w, eps, out);
  const auto y = at::empty(x.sizes(), x.options().dtype(out));
  RunRmsNorm(x, w, eps, {}, y);
  return y;
}

at::Tensor AddRmsNorm(at::Tensor residual, const at::Tensor& x, const at::Tensor& w, double eps) {
  const bool kernel = KernelsServe(x, w, at::kFloat) && residual.device().is_cpu() &&
                      residual.scalar_type() == at::kFloat && residual.is_contiguous();
  if (!kernel) return residual + RmsNorm(x, w, eps, residual.scalar_type());
  if (WantsGradient({residual, x, w}))
    return RmsNormFunction::apply(residual, /*adds=*/true, x, w, eps, at::kFloat);
  RunRmsNorm(x, w, eps, residual, residual);
  return residual;
}

at::Tensor LayerNorm(const at::Tensor& x, const LayerNormWeights& w, double eps,
                     at::ScalarType out) {
  if (!KernelsServe(x, w.weight, out) || x.scalar_type() != at::kFloat) {
    const auto m = x.to(MathType(x));
    return at::layer_norm(m, {m.size(1)}, w.weight.to(m.scalar_type()), w.bias.to(m.scalar_type()),
                          eps)
        .to(out);
  }
  if (WantsGradient({x, w.weight, w.bias}))
    return LayerNormFunction::apply(x, w.weight, w.bias, eps, out);
  const auto y = at::empty(x.sizes(), x.options().dtype(out));
  RunLayerNorm(x, w.weight, w.bias, eps, y);
  return y;
}

at::Tensor GeluTanh(at::Tensor gate, const at::Tensor& up) {
  const bool kernel = KernelsTake(gate) && gate.is_contiguous() &&
                      (!up.defined() || (KernelsTake(up) && up.is_contiguous() &&
                                         up.scalar_type() == gate.scalar_type()));
  if (!kernel) {
    const auto activated = at::gelu(gate, "tanh");
    return up.defined() ? activated * up : activated;
  }
  if (WantsGradient({gate, up}))
    return GeluTanhFunction::apply(gate, up.defined() ? up : gate, up.defined());
  RunGeluTanh(gate, up, gate);
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
  const bool kernel = KernelsTake(x) && x.is_contiguous() &&
                      (type == at::kFloat || type == at::kBFloat16) &&
                      (!into.defined() || into.scalar_type() == type);
  const RotaryTable turned = table != nullptr ? *table : RotaryTable();
  if (kernel && !WantsGradient({x})) {
    const auto out = into.defined() ? into : at::empty({heads, T, D}, x.options().dtype(type));
    RunRotary(x, heads, turned, out, offset);
    return into.defined() ? out.narrow(1, offset, T) : out;
  }
  // Without rotation the layout alone changes, for which a view does.
  if (kernel && !into.defined() && (table != nullptr || type != x.scalar_type()))
    return RotaryFunction::apply(x, heads, turned, type);
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
