#include "occvla/train/optimizer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <map>

namespace occvla::train {

AdamW::AdamW(const std::vector<Parameter>& parameters, const OptimizerConfig& config,
             const std::vector<bool>& mine)
    : parameters_(parameters), config_(config) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& value = parameters[i].value;
    const bool has_state = mine.empty() || mine[i];
    moments_.push_back(has_state ? Moments{at::zeros_like(value), at::zeros_like(value)}
                                 : Moments{});
    counts_.push_back(has_state
                          ? at::zeros({}, value.options().dtype(at::kFloat).requires_grad(false))
                          : at::Tensor());
  }
}

at::Tensor AdamW::Step(std::vector<at::Tensor> gradients, double learning_rate) {
  const c10::AutoGradMode off(false);
  TORCH_CHECK(gradients.size() == parameters_.size(), gradients.size(), " gradients for ",
              parameters_.size(), " parameters");
  ++steps_;
  std::vector<at::Tensor> norms;
  for (const auto& norm : at::_foreach_norm(gradients)) norms.push_back(norm.to(at::kDouble));
  const auto norm = at::stack(norms).norm();
  if (config_.clip > 0) {
    const auto factor = (config_.clip / (norm + 1e-6)).clamp_max(1.0);
    at::_foreach_mul_(gradients, factor.to(gradients[0].scalar_type()));
  }
  const auto broken = norm.isfinite().logical_not().to(at::kFloat);
  // One call a pair of rate and decay.
  std::map<std::pair<double, bool>, std::vector<size_t>> groups;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (moments_[i].first.defined())
      groups[{parameters_[i].rate, parameters_[i].decays}].push_back(i);
  }
  for (const auto& [group, members] : groups) {
    std::vector<at::Tensor> values, grads, first, second, counts;
    for (const size_t i : members) {
      values.push_back(parameters_[i].value);
      grads.push_back(gradients[i]);
      first.push_back(moments_[i].first);
      second.push_back(moments_[i].second);
      counts.push_back(counts_[i].add_(1));
    }
    at::_fused_adamw_(values, grads, first, second, /*max_exp_avg_sqs=*/{}, counts,
                      learning_rate * group.first, config_.beta1, config_.beta2,
                      group.second ? config_.weight_decay : 0.0, config_.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/{}, broken);
  }
  return norm;
}

void AdamW::ForgetRows(size_t index, const std::vector<int64_t>& rows) {
  const auto& moments = moments_.at(index);
  if (rows.empty() || !moments.first.defined()) return;
  const c10::AutoGradMode off(false);
  const auto which = at::tensor(rows, at::kLong).to(moments.first.device());
  for (auto moment : {moments.first, moments.second}) moment.index_fill_(0, which, 0);
}

void AdamW::Restore(int64_t steps, const std::vector<Moments>& moments) {
  const c10::AutoGradMode off(false);
  TORCH_CHECK(moments.size() == moments_.size(), "moments of another model");
  steps_ = steps;
  for (size_t i = 0; i < moments.size(); ++i) {
    if (!moments_[i].first.defined()) continue;
    moments_[i].first.copy_(moments[i].first);
    moments_[i].second.copy_(moments[i].second);
    counts_[i].fill_(steps);
  }
}

uint64_t AdamW::bytes() const {
  uint64_t total = 0;
  for (const auto& each : moments_)
    if (each.first.defined()) total += each.first.nbytes() + each.second.nbytes();
  return total;
}

}  // namespace occvla::train
