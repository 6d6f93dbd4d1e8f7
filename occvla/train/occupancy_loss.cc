#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "occvla/base/error.h"
#include "occvla/train/losses.h"
#include "occvla/train/lovasz.h"

namespace occvla::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr int64_t kTile = 1024;  // Voxels: 74 KB of logits, which stay in the cache of a core.

// A loss whose gradient was computed along with it.
struct KnownGradient : Function<KnownGradient> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor&, const at::Tensor& loss,
                            const at::Tensor& gradient) {
    ctx->save_for_backward({gradient});
    return loss.clone();
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto gradient = ctx->get_saved_variables()[0];
    if (gradients[0].item<double>() == 1) return {gradient, {}, {}};
    return {gradient * gradients[0], {}, {}};
  }
};

// Everything about one call that does not depend on the numbers' type.
struct Voxels {
  int64_t total = 0, classes = 0;
  std::vector<int64_t> rows;    // Of the logits, that count; empty with `all`.
  std::vector<uint8_t> labels;  // Of those that count.
  bool all = true;
  std::vector<int64_t> counts;   // By class.
  std::vector<uint8_t> present;  // Classes.
  std::vector<double> weights;   // By class.
  double weight = 0;             // Sum over the voxels that count.

  int64_t counted() const { return static_cast<int64_t>(labels.size()); }
  int64_t Row(int64_t i) const { return all ? i : rows[static_cast<size_t>(i)]; }
};

[[noreturn]] void ThrowBadLabel(int64_t voxel, int64_t label, int64_t classes) {
  throw DataError("occupancy label of voxel " + std::to_string(voxel) + " is " +
                  std::to_string(label) + ", but classes run from 0 to " +
                  std::to_string(classes - 1) + ". Map other label sets to these classes first.");
}

void CheckShapes(const at::Tensor& logits, const at::Tensor& labels,
                 const OccupancyLossOptions& options) {
  TORCH_CHECK(logits.dim() >= 1 && labels.scalar_type() == at::kByte &&
                  labels.sizes() == logits.sizes().slice(0, logits.dim() - 1),
              "logits are ", logits.sizes(), ", labels ", labels.sizes(), " ",
              labels.scalar_type());
  TORCH_CHECK(!options.mask.defined() || (options.mask.sizes() == labels.sizes() &&
                                          options.mask.scalar_type() == at::kBool),
              "the mask is not a bool for each of ", labels.sizes());
  TORCH_CHECK(!options.class_weights.defined() ||
                  options.class_weights.sizes() == at::IntArrayRef({logits.size(-1)}),
              "class weights are not one for each of ", logits.size(-1), " classes");
}

Voxels Count(const at::Tensor& logits, const at::Tensor& labels,
             const OccupancyLossOptions& options) {
  Voxels v;
  v.total = labels.numel();
  v.classes = logits.size(-1);
  v.all = !options.mask.defined();
  const auto dense = labels.contiguous();
  const auto* label = dense.const_data_ptr<uint8_t>();
  if (v.all) {
    v.labels.assign(label, label + v.total);
  } else {
    const auto mask = options.mask.contiguous();
    const auto* counts = mask.const_data_ptr<bool>();
    for (int64_t i = 0; i < v.total; ++i) {
      if (!counts[i]) continue;
      v.rows.push_back(i);
      v.labels.push_back(label[i]);
    }
  }
  std::vector<int64_t> histogram(256);
  for (const uint8_t l : v.labels) ++histogram[l];
  for (int64_t l = v.classes; l < 256; ++l) {
    if (histogram[static_cast<size_t>(l)] == 0) continue;
    const auto found = std::find(v.labels.begin(), v.labels.end(), static_cast<uint8_t>(l));
    ThrowBadLabel(v.Row(found - v.labels.begin()), l, v.classes);
  }
  v.counts.assign(histogram.begin(), histogram.begin() + v.classes);
  v.weights.assign(static_cast<size_t>(v.classes), 1.0);
  if (options.class_weights.defined()) {
    const auto given = options.class_weights.to(at::kCPU, at::kDouble).contiguous();
    std::copy_n(given.const_data_ptr<double>(), v.classes, v.weights.begin());
  }
  for (size_t c = 0; c < v.counts.size(); ++c) {
    if (v.counts[c] > 0) v.present.push_back(static_cast<uint8_t>(c));
    v.weight += v.weights[c] * static_cast<double>(v.counts[c]);
  }
  return v;
}

// What the tiles of the first walk find; one each, so that no order of threads shows.
struct TileSums {
  double cross_entropy = 0;
  std::vector<int64_t> confusion;
};

template <typename T>
class Fused {
 public:
  Fused(const at::Tensor& logits, const Voxels& voxels, const OccupancyLossOptions& options,
        bool wants_gradient)
      : logits_(logits.detach().contiguous()),
        voxels_(voxels),
        options_(options),
        wants_gradient_(wants_gradient) {}

  OccupancyLossResult Run() {
    const int64_t K = voxels_.classes, M = voxels_.counted();
    // Probabilities first, the gradient in the end.
    if (wants_gradient_) {
      gradient_ = voxels_.all ? at::empty(logits_.sizes(), logits_.options())
                              : at::zeros(logits_.sizes(), logits_.options());
    }
    const bool lovasz = options_.lovasz != 0 && M > 0;
    if (lovasz)  // [present, M]
      by_class_ = at::empty({static_cast<int64_t>(voxels_.present.size()), M}, logits_.options());
    const int64_t tiles = (M + kTile - 1) / kTile;
    std::vector<TileSums> sums(static_cast<size_t>(tiles));
    at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
      const c10::NoGradGuard no_gradient;
      for (int64_t t = first; t < last; ++t) sums[static_cast<size_t>(t)] = FirstWalk(t);
    });
    const double lovasz_value = lovasz ? LovaszOfClasses() : 0;
    if (lovasz && wants_gradient_) {
      at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) SecondWalk(t);
      });
    }
    double cross_entropy = 0;
    auto confusion = at::zeros({K, K}, at::kLong);
    auto* all = confusion.mutable_data_ptr<int64_t>();
    for (const auto& tile : sums) {
      cross_entropy += tile.cross_entropy;
      for (int64_t i = 0; i < K * K; ++i) all[i] += tile.confusion[static_cast<size_t>(i)];
    }
    cross_entropy = M > 0 ? cross_entropy / voxels_.weight : 0;
    const double loss =
        (M > 0 ? options_.cross_entropy * cross_entropy : 0) + options_.lovasz * lovasz_value;
    const auto scalar = [&](double x) { return at::full({}, x, logits_.options()); };
    return {scalar(loss), scalar(cross_entropy), scalar(lovasz_value), confusion};
  }

  const at::Tensor& gradient() const { return gradient_; }

 private:
  int64_t TileSize(int64_t tile) const { return std::min(kTile, voxels_.counted() - tile * kTile); }

  at::Tensor Gather(int64_t tile) const {
    const int64_t K = voxels_.classes, n = TileSize(tile);
    const auto* from = logits_.const_data_ptr<T>();
    if (voxels_.all)
      return at::from_blob(const_cast<T*>(from + tile * kTile * K), {n, K}, logits_.options());
    auto rows = at::empty({n, K}, logits_.options());
    auto* to = rows.mutable_data_ptr<T>();
    for (int64_t b = 0; b < n; ++b)
      std::memcpy(to + b * K, from + voxels_.Row(tile * kTile + b) * K, sizeof(T) * K);
    return rows;
  }

  // Cross-entropy, predictions and probabilities; without Lovasz also the gradient.
  TileSums FirstWalk(int64_t tile) {
    const int64_t K = voxels_.classes, n = TileSize(tile), first = tile * kTile;
    const auto log_p = at::log_softmax(Gather(tile), 1);  // [n, K]
    const auto* row = log_p.template const_data_ptr<T>();
    TileSums sums;
    sums.confusion.resize(static_cast<size_t>(K * K));
    for (int64_t b = 0; b < n; ++b, row += K) {
      const int64_t label = voxels_.labels[static_cast<size_t>(first + b)];
      sums.cross_entropy -= voxels_.weights[static_cast<size_t>(label)] * row[label];
      ++sums.confusion[static_cast<size_t>(label * K + (std::max_element(row, row + K) - row))];
    }
    if (!wants_gradient_ && !by_class_.defined()) return sums;
    const auto p = log_p.exp_();
    if (by_class_.defined()) SpreadByClass(p.template const_data_ptr<T>(), first, n);
    if (!wants_gradient_) return sums;
    const double factor = voxels_.weight > 0 ? options_.cross_entropy / voxels_.weight : 0;
    auto* out = gradient_.template mutable_data_ptr<T>();
    const auto* from = p.template const_data_ptr<T>();
    for (int64_t b = 0; b < n; ++b, from += K) {
      auto* to = out + voxels_.Row(first + b) * K;
      if (by_class_.defined()) {
        std::memcpy(to, from, sizeof(T) * K);
        continue;
      }
      const int64_t label = voxels_.labels[static_cast<size_t>(first + b)];
      const auto scale = static_cast<T>(factor * voxels_.weights[static_cast<size_t>(label)]);
      for (int64_t k = 0; k < K; ++k) to[k] = scale * from[k];
      to[label] -= scale;
    }
    return sums;
  }

  void SpreadByClass(const T* p, int64_t first, int64_t n) {
    const int64_t K = voxels_.classes, M = voxels_.counted();
    auto* to = by_class_.template mutable_data_ptr<T>() + first;
    for (const uint8_t c : voxels_.present) {
      for (int64_t b = 0; b < n; ++b) to[b] = p[b * K + c];
      to += M;
    }
  }

  double LovaszOfClasses() {
    const int64_t M = voxels_.counted(), present = by_class_.size(0);
    auto* p = by_class_.template mutable_data_ptr<T>();
    std::vector<double> losses(static_cast<size_t>(present));
    at::parallel_for(0, present, 1, [&](int64_t first, int64_t last) {
      LovaszScratch scratch;
      for (int64_t c = first; c < last; ++c) {
        losses[static_cast<size_t>(c)] =
            LovaszClass(std::span<T>(p + c * M, static_cast<size_t>(M)), voxels_.labels,
                        voxels_.present[static_cast<size_t>(c)], scratch);
      }
    });
    double sum = 0;
    for (const double loss : losses) sum += loss;
    return sum / static_cast<double>(present);
  }

  // From probabilities and Lovasz's derivatives by them to the gradient by the logits.
  void SecondWalk(int64_t tile) {
    const int64_t K = voxels_.classes, M = voxels_.counted(), n = TileSize(tile);
    const int64_t first = tile * kTile;
    const auto classes = static_cast<int64_t>(voxels_.present.size());
    const double factor = options_.cross_entropy / voxels_.weight;
    const auto lovasz = static_cast<T>(options_.lovasz / static_cast<double>(classes));
    const auto* g = by_class_.template const_data_ptr<T>() + first;
    std::vector<T> slopes(static_cast<size_t>(n * K));  // [n, K]
    for (int64_t c = 0; c < classes; ++c)
      for (int64_t b = 0; b < n; ++b)
        slopes[static_cast<size_t>(b * K + voxels_.present[static_cast<size_t>(c)])] =
            lovasz * g[c * M + b];
    auto* out = gradient_.template mutable_data_ptr<T>();
    for (int64_t b = 0; b < n; ++b) {
      auto* p = out + voxels_.Row(first + b) * K;
      const auto* slope = slopes.data() + b * K;
      const int64_t label = voxels_.labels[static_cast<size_t>(first + b)];
      const auto scale = static_cast<T>(factor * voxels_.weights[static_cast<size_t>(label)]);
      T mean = 0;
      for (int64_t k = 0; k < K; ++k) mean += slope[k] * p[k];
      for (int64_t k = 0; k < K; ++k) p[k] *= slope[k] - mean + scale;
      p[label] -= scale;
    }
  }

  at::Tensor logits_;  // [..., K] without gradient
  const Voxels& voxels_;
  const OccupancyLossOptions& options_;
  bool wants_gradient_;
  at::Tensor gradient_;  // As the logits.
  at::Tensor by_class_;  // [present, M]: probabilities, then Lovasz's derivatives by them.
};

template <typename T>
OccupancyLossResult RunFused(const at::Tensor& logits, const Voxels& voxels,
                             const OccupancyLossOptions& options) {
  const bool wants_gradient = c10::GradMode::is_enabled() && logits.requires_grad();
  Fused<T> fused(logits, voxels, options, wants_gradient);
  auto result = fused.Run();
  if (wants_gradient) result.loss = KnownGradient::apply(logits, result.loss, fused.gradient());
  return result;
}

// p [M, K], labels [M] int64; the C classes that occur side by side.
at::Tensor LovaszByOperations(const at::Tensor& p, const at::Tensor& labels) {
  const auto present = at::bincount(labels, {}, p.size(1)).nonzero().squeeze(1);  // [C]
  if (present.numel() == 0) return at::zeros({}, p.options());
  const auto own = labels.unsqueeze(0).eq(present.unsqueeze(1)).to(p.scalar_type());  // [C, M]
  const auto [errors, order] = at::sort((own - p.index_select(1, present).t()).abs(),
                                        /*stable=*/true, /*dim=*/1, /*descending=*/true);
  const auto sorted = own.gather(1, order);
  const auto total = own.sum(1, /*keepdim=*/true);
  const auto jaccard = 1 - (total - sorted.cumsum(1)) / (total + (1 - sorted).cumsum(1));
  const auto growth = at::diff(jaccard, 1, 1, at::zeros({present.size(0), 1}, p.options()));
  return (errors * growth.detach()).sum() / static_cast<double>(present.size(0));
}

}  // namespace

OccupancyLossResult OccupancyLoss(const at::Tensor& logits, const at::Tensor& labels,
                                  const OccupancyLossOptions& options) {
  if (!logits.device().is_cpu()) return OccupancyLossByOperations(logits, labels, options);
  CheckShapes(logits, labels, options);
  const auto voxels = Count(logits, labels, options);
  if (logits.scalar_type() == at::kDouble) return RunFused<double>(logits, voxels, options);
  TORCH_CHECK(logits.scalar_type() == at::kFloat, "logits are ", logits.scalar_type(),
              ", expected float32 or float64");
  return RunFused<float>(logits, voxels, options);
}

OccupancyLossResult OccupancyLossByOperations(const at::Tensor& logits, const at::Tensor& labels,
                                              const OccupancyLossOptions& options) {
  CheckShapes(logits, labels, options);
  const int64_t K = logits.size(-1);
  auto rows = logits.reshape({-1, K});               // [M, K]
  auto wanted = labels.reshape({-1}).to(at::kLong);  // [M]
  const auto bad = wanted.ge(K);
  if (options.mask.defined()) {
    const auto counted = options.mask.reshape({-1}).nonzero().squeeze(1);
    rows = rows.index_select(0, counted);
    wanted = wanted.index_select(0, counted);
  }
  if (wanted.numel() > 0 && wanted.max().item<int64_t>() >= K) {
    auto at = options.mask.defined() ? bad.logical_and(options.mask.reshape({-1})) : bad;
    const auto voxel = at.nonzero()[0][0].item<int64_t>();
    ThrowBadLabel(voxel, labels.reshape({-1})[voxel].item<int64_t>(), K);
  }
  const auto log_p = at::log_softmax(rows, 1);  // [M, K]
  auto weights = at::ones({K}, rows.options());
  if (options.class_weights.defined()) weights = options.class_weights.to(rows.options());
  const auto weight = weights.index_select(0, wanted);                // [M]
  const auto own = -log_p.gather(1, wanted.unsqueeze(1)).squeeze(1);  // [M]
  const bool any = wanted.numel() > 0;
  const auto cross_entropy =
      (own * weight).sum() / (any ? weight.sum() : at::ones_like(weight.sum()));
  const auto lovasz =
      options.lovasz != 0 ? LovaszByOperations(log_p.exp(), wanted) : at::zeros({}, rows.options());
  const auto pairs = wanted * K + rows.argmax(1);
  return {options.cross_entropy * cross_entropy + options.lovasz * lovasz, cross_entropy.detach(),
          lovasz.detach(), at::bincount(pairs, {}, K * K).reshape({K, K})};
}

}  // namespace occvla::train
