#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "occvla/model/files/config.h"
#include "occvla/model/linear.h"

/// The pieces of the towers as functions. T tokens, C channels, H heads, D head size. Fused kernels
/// serve float32 and bfloat16 on a CPU, gradients included; they keep a call's inputs alone for the
/// backward pass and add up weight gradients in an order that does not depend on the threads.
namespace occvla::model {

/// True where fused kernels have the functions and their gradients: on a CPU, float32 or bfloat16.
bool KernelsTake(const at::Tensor& x);

/// Gemma's x * rsqrt(mean(x^2) + eps) * (1 + w): x [T, C], w [C] -> [T, C] in `out`.
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& w, double eps, at::ScalarType out);

/// residual + RmsNorm(x): residual [T, C] is changed in place where no gradient is wanted. Use the
/// result, not the argument.
at::Tensor AddRmsNorm(at::Tensor residual, const at::Tensor& x, const at::Tensor& w, double eps);

struct LayerNormWeights {
  at::Tensor weight, bias;  ///< [C]
};
/// LayerNorm with bias: x [T, C] -> [T, C] in `out`.
at::Tensor LayerNorm(const at::Tensor& x, const LayerNormWeights& w, double eps,
                     at::ScalarType out);

/// gelu_tanh(gate) * up, elementwise (up undefined: gelu_tanh(gate)). May overwrite `gate` where no
/// gradient is wanted.
at::Tensor GeluTanh(at::Tensor gate, const at::Tensor& up);

/// Angles of the half-split rotary embedding (facts A.4): cos, sin [T, D / 2], float32 (float64 for
/// float64 models), angle[t][i] = positions[t] * theta^(-2i / D).
struct RotaryTable {
  at::Tensor cos, sin;
};
RotaryTable MakeRotaryTable(const std::vector<int64_t>& positions, int64_t head_size, double theta,
                            const at::TensorOptions& like);

/// x [T, H * D] turned by the table (left as it is where `table` is null) and laid out by heads:
/// [H, T, D] in `type`. With `into` [H, rows, D], it is written there from row `offset` on, and
/// that part is returned; only without gradient.
at::Tensor RotateHeads(const at::Tensor& x, int64_t heads, const RotaryTable* table,
                       at::ScalarType type, const at::Tensor& into = {}, int64_t offset = 0);

/// A bottleneck adapter: scale * Up(act(Down(x))) (facts C9, D.1). Undefined layers: absent.
struct Adapter {
  Linear down, up;
  double scale = 1;
  bool relu = false;

  at::Tensor operator()(const at::Tensor& x) const;
  bool defined() const { return down.defined(); }
};

}  // namespace occvla::model
