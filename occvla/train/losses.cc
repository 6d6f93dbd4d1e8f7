#include "occvla/train/losses.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace occvla::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Logits of the tokens [first, first + count) of the vocabulary.
struct Piece {
  int64_t first = 0, count = 0;
  at::Tensor logits;     // [S, count]
  at::Tensor here;       // [S] bool: the row's target is one of these tokens,
  at::Tensor local;      // [S, 1] its place among them (any place where not here).
  at::Tensor embedding;  // [count, C] in the compute type
};

at::ScalarType MathType(const at::Tensor& hidden) {
  return hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

template <typename Body>
void ForEachPiece(const at::Tensor& hidden, const at::Tensor& embedding, const at::Tensor& ids,
                  const TextLossOptions& options, const Body& body) {
  const int64_t S = hidden.size(0), V = embedding.size(0);
  const int64_t step = std::clamp<int64_t>(options.max_logits / std::max<int64_t>(S, 1), 1, V);
  const auto x = hidden.to(options.compute);  // [S, C]
  for (int64_t first = 0; first < V; first += step) {
    Piece piece;
    piece.first = first;
    piece.count = std::min(step, V - first);
    piece.embedding = embedding.narrow(0, first, piece.count).to(options.compute);
    piece.logits = at::linear(x, piece.embedding).to(MathType(hidden));  // [S, count]
    if (options.final_softcap > 0)
      piece.logits.div_(options.final_softcap).tanh_().mul_(options.final_softcap);
    const auto local = ids - first;
    piece.here = local.ge(0).logical_and_(local.lt(piece.count));
    piece.local = local.clamp(0, piece.count - 1).unsqueeze(1);
    body(piece, x);
  }
}

struct TextFunction : Function<TextFunction> {
  // weights [S] in the math type, ids [S] -> loss [], correct []
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden,
                               const at::Tensor& embedding, const at::Tensor& ids,
                               const at::Tensor& weights, const TextLossOptions& options) {
    const int64_t S = hidden.size(0);
    const auto lowest = -std::numeric_limits<double>::infinity();
    auto log_sum = at::full({S}, lowest, weights.options());
    auto target = at::full({S}, lowest, weights.options());
    auto best = at::full({S}, lowest, weights.options());
    auto best_id = at::zeros({S}, ids.options());
    ForEachPiece(hidden, embedding, ids, options, [&](const Piece& piece, const at::Tensor&) {
      const auto [value, index] = piece.logits.max(1);
      const auto better = value > best;
      best = at::where(better, value, best);
      best_id = at::where(better, index + piece.first, best_id);
      const auto own = piece.logits.gather(1, piece.local).squeeze(1);
      target = at::where(piece.here, own, target);
      log_sum = at::logaddexp(log_sum, at::logsumexp(piece.logits, 1));
    });
    ctx->save_for_backward({hidden, embedding, ids, weights, log_sum});
    ctx->saved_data["softcap"] = options.final_softcap;
    ctx->saved_data["compute"] = static_cast<int64_t>(options.compute);
    ctx->saved_data["max_logits"] = options.max_logits;
    const auto correct = best_id.eq(ids).sum();
    ctx->mark_non_differentiable({correct});
    return {((log_sum - target) * weights).sum(), correct};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto &hidden = saved[0], &embedding = saved[1], &ids = saved[2], &log_sum = saved[4];
    const TextLossOptions options{
        .final_softcap = ctx->saved_data["softcap"].toDouble(),
        .compute = static_cast<at::ScalarType>(ctx->saved_data["compute"].toInt()),
        .max_logits = ctx->saved_data["max_logits"].toInt()};
    const auto weights = (saved[3] * gradients[0]).unsqueeze(1);  // [S, 1]
    const bool wants_hidden = ctx->needs_input_grad(0), wants_embedding = ctx->needs_input_grad(1);
    at::Tensor to_hidden, to_embedding;
    if (wants_hidden)
      to_hidden = at::zeros(hidden.sizes(), hidden.options().dtype(MathType(hidden)));
    if (wants_embedding) to_embedding = at::empty_like(embedding);
    ForEachPiece(hidden, embedding, ids, options, [&](const Piece& piece, const at::Tensor& x) {
      at::Tensor slope;  // Of the cap.
      if (options.final_softcap > 0)
        slope = (piece.logits / options.final_softcap).square_().neg_().add_(1);
      auto g = (piece.logits - log_sum.unsqueeze(1)).exp_().mul_(weights);  // [S, count]
      g.scatter_add_(1, piece.local, at::where(piece.here.unsqueeze(1), -weights, 0));
      if (slope.defined()) g.mul_(slope);
      g = g.to(options.compute);
      if (wants_hidden) to_hidden.add_(at::matmul(g, piece.embedding));
      if (wants_embedding)
        to_embedding.narrow(0, piece.first, piece.count).copy_(at::matmul(g.t(), x));
    });
    if (wants_hidden) to_hidden = to_hidden.to(hidden.scalar_type());
    return {to_hidden, to_embedding, {}, {}, {}};
  }
};

void CheckText(const at::Tensor& hidden, const at::Tensor& embedding, const TextTargets& targets,
               const TextLossOptions& options) {
  TORCH_CHECK(hidden.dim() == 2 && embedding.dim() == 2 && hidden.size(1) == embedding.size(1),
              "hidden is ", hidden.sizes(), ", the embedding ", embedding.sizes());
  TORCH_CHECK(static_cast<int64_t>(targets.ids.size()) == hidden.size(0), targets.ids.size(),
              " targets for ", hidden.size(0), " rows");
  TORCH_CHECK(targets.weights.empty() || targets.weights.size() == targets.ids.size(),
              targets.weights.size(), " weights for ", targets.ids.size(), " targets");
  for (const int64_t id : targets.ids)
    TORCH_CHECK(0 <= id && id < embedding.size(0), "target ", id, " is outside the vocabulary of ",
                embedding.size(0));
  TORCH_CHECK((options.compute == at::kDouble) == (hidden.scalar_type() == at::kDouble),
              "hidden is ", hidden.scalar_type(), ", products are to be ", options.compute);
}

}  // namespace

TextLossResult TextLoss(const at::Tensor& hidden, const at::Tensor& embedding,
                        const TextTargets& targets, const TextLossOptions& options) {
  CheckText(hidden, embedding, targets, options);
  const auto count = targets.ids.size();
  const auto each = 1 / static_cast<double>(std::max<size_t>(count, 1));
  const auto weights = at::tensor(
      targets.weights.empty() ? std::vector<double>(count, each) : targets.weights, at::kDouble);
  const auto ids = at::tensor(targets.ids, at::kLong);
  const auto results =
      TextFunction::apply(hidden, embedding, ids.to(hidden.device()),
                          weights.to(hidden.options().dtype(MathType(hidden))), options);
  return {results[0], results[1]};
}

at::Tensor ClassWeights(const std::vector<int64_t>& counts) {
  TORCH_CHECK(counts.size() > 1, "weights of ", counts.size(), " classes");
  const int64_t most = *std::max_element(counts.begin(), counts.end() - 1);
  std::vector<double> weights;
  for (const int64_t count : counts) {
    const auto voxels =
        static_cast<double>(std::clamp<int64_t>(count, 3, std::max<int64_t>(most, 3)));
    weights.push_back(1 / std::log(voxels));
  }
  return at::tensor(weights, at::kFloat);
}

at::Tensor TrajectoryLoss(const at::Tensor& prediction, const at::Tensor& target,
                          const at::Tensor& valid) {
  TORCH_CHECK(prediction.dim() >= 2 && prediction.sizes() == target.sizes() &&
                  valid.sizes() == prediction.sizes().slice(0, prediction.dim() - 1),
              "prediction ", prediction.sizes(), ", target ", target.sizes(), ", valid ",
              valid.sizes());
  const auto error = at::where(valid.unsqueeze(-1), prediction - target, 0);
  return error.square().sum() / (valid.sum() * prediction.size(-1)).clamp_min(1);
}

}  // namespace occvla::train
