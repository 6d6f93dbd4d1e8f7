#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "occvla/kernels/kernels.h"

namespace occvla::model {

/// Told after each layer of a tower, for progress bars. May throw to stop the pass.
using LayerObserver = std::function<void()>;

/// True where a fused kernel may replace ATen operations on `x`: on a CPU, float32 or bfloat16, and
/// no gradient wanted.
bool UsesKernels(const at::Tensor& x);
kernels::Storage StorageOf(const at::Tensor& x);

/// Spreads [0, items) over the threads in blocks of at least `grain`.
void ParallelFor(int64_t items, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

/// A dense layer as a value that knows how its weight is stored and picks its kernel.
///
///   x [T, in]  ->  [T, out]
///
/// Few rows without gradient (decode) read the weight once in its storage type and compute in
/// float32; otherwise a matrix product runs in `compute`, to which x and, if it is stored
/// otherwise, the weight are converted. The result is float32 from the former, `compute` from the
/// latter: every reader takes both.
struct Linear {
  at::Tensor weight;  ///< [out, in] float32 | bfloat16 | float64
  at::Tensor bias;    ///< [out] float32 (float64 where compute is), or undefined
  at::ScalarType compute = at::kFloat;

  at::Tensor operator()(const at::Tensor& x) const;
  /// The type in which this layer likes to receive `rows` rows.
  at::ScalarType InputType(int64_t rows) const;
  bool defined() const { return weight.defined(); }

  /// At most so many rows take the row-by-row kernel.
  static constexpr int64_t kFewRows = 8;
};

/// Several layers on the same few rows in one parallel region: x [T, in] -> one [T, out_i] each.
std::vector<at::Tensor> ApplyTogether(std::initializer_list<const Linear*> layers,
                                      const at::Tensor& x);

}  // namespace occvla::model
