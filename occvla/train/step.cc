#include "occvla/train/step.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "occvla/base/error.h"

namespace occvla::train {

struct StepRunner::Made {
  FrameLosses losses;
  std::vector<std::vector<at::Tensor>> gradients;  // One list, or one a part.
  std::map<std::string, double> values;
  bool finite = true;
};

StepRunner::StepRunner(const FrameObjective& objective, const Parameters& parameters,
                       FrameThreads& threads, const PlannerInputs* planner, size_t together)
    : objective_(objective),
      parameters_(parameters),
      threads_(threads),
      planner_(planner),
      together_(together),
      trained_(parameters.TrainedTensors()) {}

StepRunner::Made StepRunner::Make(std::span<const Example> frames, bool by_loss) const {
  const c10::AutoGradMode on(true);
  Made made;
  made.losses = planner_ != nullptr ? objective_(frames[0], &planner_->Of(frames[0].token))
                                    : objective_(frames);
  auto& parts = made.losses.parts;
  std::vector<at::Tensor> objectives;
  for (const auto& part : parts) {
    if (!part.loss.requires_grad()) continue;
    if (by_loss || objectives.empty()) {
      objectives.push_back(part.loss);
    } else {
      objectives[0] = objectives[0] + part.loss;
    }
  }
  for (size_t i = 0; i < objectives.size(); ++i) {
    made.gradients.push_back(torch::autograd::grad({objectives[i]}, trained_, {},
                                                   /*retain_graph=*/i + 1 < objectives.size(),
                                                   /*create_graph=*/false, /*allow_unused=*/true));
  }
  // All numbers in one copy: each would wait for the GPU.
  const auto count = static_cast<double>(frames.size());
  std::vector<std::string> names;
  std::vector<at::Tensor> values;
  for (auto& part : parts) {
    part.loss = part.loss.detach();
    names.push_back("loss_" + part.name);
    values.push_back(part.loss.to(at::kDouble) / count);
  }
  for (const auto& [name, value] : made.losses.values) {
    names.push_back(name);
    values.push_back(value.to(at::kDouble));
  }
  const auto numbers = at::stack(values).to(at::kCPU);
  double total = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const double value = numbers[static_cast<int64_t>(i)].item<double>();
    made.values[names[i]] = value;
    if (i < parts.size()) total += value;
  }
  made.values["loss"] = total;
  made.finite = std::isfinite(total);
  return made;
}

void StepRunner::Take(std::span<const Example> frames, Made made, TreeSum& gradients,
                      StepSums& sums) const {
  const c10::AutoGradMode off(false);
  const auto add = [](at::Tensor& sum, const at::Tensor& more) {
    if (!more.defined()) return;
    sum = sum.defined() ? sum.add_(more) : more.clone();
  };
  std::vector<at::Tensor> total(trained_.size());
  for (size_t part = 0; part < made.gradients.size(); ++part) {
    if (made.gradients.size() > 1) {
      auto& alone = sums.gradients_by_loss[made.losses.parts[part].name];
      alone.resize(trained_.size());
      for (size_t i = 0; i < trained_.size(); ++i) add(alone[i], made.gradients[part][i]);
    }
    for (size_t i = 0; i < trained_.size(); ++i) {
      const auto& more = made.gradients[part][i];
      // The first is this sum's own: nobody else holds it.
      if (more.defined()) total[i] = total[i].defined() ? total[i] + more : more;
    }
  }
  for (size_t i = 0; i < trained_.size(); ++i)
    if (!total[i].defined()) total[i] = at::zeros_like(trained_[i]);
  gradients.Add(std::move(total));
  for (const auto& [name, value] : made.values) {
    auto& [sum, count] = sums.values[name];
    sum += value * static_cast<double>(frames.size());
    count += static_cast<int64_t>(frames.size());
  }
  add(sums.confusion, made.losses.confusion);
  add(sums.used_codes, made.losses.used_codes);
  if (made.losses.latents.defined())
    sums.latents =
        sums.latents.defined() ? at::cat({sums.latents, made.losses.latents}) : made.losses.latents;
  sums.frames += static_cast<int64_t>(frames.size());
  sums.tokens += made.losses.tokens;
  if (made.finite) return;
  for (const auto& frame : frames) sums.not_finite.push_back(frame.token);
}

StepSums StepRunner::Run(const std::vector<Example>& frames, bool by_loss,
                         const std::stop_token& interrupt) const {
  StepSums sums;
  TreeSum gradients;
  const size_t together = planner_ != nullptr ? 1 : together_;
  const size_t groups = (frames.size() + together - 1) / together;
  const auto order = TreeOrder(groups);
  const auto group = [&](size_t i) {
    const size_t first = order[i] * together;
    return std::span(frames).subspan(first, std::min(together, frames.size() - first));
  };
  std::vector<std::optional<Made>> made(groups);
  threads_.Run(
      groups,
      [&](size_t i) {
        if (interrupt.stop_requested()) throw BusyError("train: interrupted.");
        made[i] = Make(group(i), by_loss);
      },
      [&](size_t i) {
        Take(group(i), std::move(*made[i]), gradients, sums);
        made[i].reset();
      });
  if (!frames.empty()) {
    sums.gradients = gradients.Take();
    return sums;
  }
  const c10::AutoGradMode off(false);
  for (const auto& tensor : trained_) sums.gradients.push_back(at::zeros_like(tensor));
  return sums;
}

}  // namespace occvla::train
