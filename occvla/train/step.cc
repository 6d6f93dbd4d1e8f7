#include "occvla/train/step.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <sstream>

#include "occvla/base/error.h"

namespace occvla::train {

struct StepRunner::Made {
  FrameLosses losses;
  std::vector<std::vector<at::Tensor>> gradients;  // One list, or one a part.
  std::map<std::string, double> values;
  bool finite = true;
  bool sent = false;  // The gradients are on their way to the other ranks.
};

namespace {

// Tells of each leaf's gradient when a backward pass has it.
class Hooks {
 public:
  Hooks(const std::vector<at::Tensor>& leaves,
        const std::function<void(size_t, const at::Tensor&)>& on_gradient)
      : leaves_(leaves) {
    for (size_t i = 0; i < leaves.size(); ++i) {
      handles_.push_back(leaves[i].register_hook(
          [&on_gradient, i](const at::Tensor& gradient) { on_gradient(i, gradient); }));
    }
  }
  ~Hooks() {
    for (size_t i = 0; i < handles_.size(); ++i) leaves_[i].remove_hook(handles_[i]);
  }
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

 private:
  const std::vector<at::Tensor>& leaves_;
  std::vector<unsigned> handles_;
};

}  // namespace

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
  // A frame may have nothing to say: no question, no loss.
  const auto numbers = values.empty() ? at::Tensor() : at::stack(values).to(at::kCPU);
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

void StepRunner::SumOver(Ranks& ranks, bool whole_graphs) {
  ranks_ = &ranks;
  whole_graphs_ = whole_graphs;
}

StepRunner::Made StepRunner::MakeLast(std::span<const Example> frames, TreeSum& others) {
  arrived_.clear();
  const std::function<void(size_t, const at::Tensor&)> on_gradient =
      [&](size_t i, const at::Tensor& gradient) {
        arrived_.push_back(i);
        if (buckets_) buckets_->Add(place_[i], others.With(i, gradient));
      };
  const Hooks hooks(trained_, on_gradient);
  auto made = Make(frames, /*by_loss=*/false);
  if (!buckets_) return made;
  const c10::AutoGradMode off(false);
  std::vector<bool> there(trained_.size(), false);
  for (const size_t i : arrived_) there[i] = true;
  for (size_t i = trained_.size(); i-- > 0;)
    if (!there[i]) buckets_->Add(place_[i], others.With(i, at::zeros_like(trained_[i])));
  made.gradients.clear();
  made.sent = true;
  return made;
}

// The same calls on every rank, whichever of them could send ahead.
void StepRunner::SumOverRanks(bool by_loss, bool sent, StepSums& sums) {
  if (!buckets_) {
    ranks_->Sum(sums.gradients);
    if (!by_loss) PlanBuckets();
    return;
  }
  if (!sent)
    for (size_t i = 0; i < trained_.size(); ++i) buckets_->Add(place_[i], sums.gradients[i]);
  const auto placed = buckets_->Finish();
  sums.gradients.resize(trained_.size());
  for (size_t i = 0; i < trained_.size(); ++i) sums.gradients[i] = placed[place_[i]];
}

// Buckets are sent from the highest place down: what the first rank had first stands highest.
void StepRunner::PlanBuckets() {
  std::string text;
  for (const size_t i : arrived_) text += std::to_string(i) + " ";
  std::istringstream first(ranks_->Gather(text).front());
  const size_t count = trained_.size();
  std::vector<bool> placed(count, false);
  size_t next = count;
  place_.assign(count, 0);
  const auto place = [&](size_t i) {
    if (i >= count || placed[i]) return;
    placed[i] = true;
    place_[i] = --next;
  };
  for (size_t i = 0; first >> i;) place(i);
  for (size_t i = count; i-- > 0;) place(i);
  std::vector<int64_t> elements(count);
  for (size_t i = 0; i < count; ++i) elements[place_[i]] = trained_[i].numel();
  const int64_t all = std::accumulate(elements.begin(), elements.end(), int64_t{0});
  buckets_.emplace(*ranks_, elements, std::clamp(all / 16, int64_t{1} << 14, int64_t{2} << 20));
}

void StepRunner::Take(std::span<const Example> frames, Made made, TreeSum& gradients,
                      StepSums& sums) const {
  const c10::AutoGradMode off(false);
  const auto add = [](at::Tensor& sum, const at::Tensor& more) {
    if (!more.defined()) return;
    sum = sum.defined() ? sum.add_(more) : more.clone();
  };
  std::vector<at::Tensor> total(made.sent ? 0 : trained_.size());
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
  for (size_t i = 0; i < total.size(); ++i)
    if (!total[i].defined()) total[i] = at::zeros_like(trained_[i]);
  if (!made.sent) gradients.Add(std::move(total));
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
                         const std::stop_token& interrupt) {
  StepSums sums;
  TreeSum gradients;
  const size_t together = planner_ != nullptr ? 1 : together_;
  const size_t groups = (frames.size() + together - 1) / together;
  const auto order = TreeOrder(groups);
  const auto group = [&](size_t i) {
    const size_t first = order[i] * together;
    return std::span(frames).subspan(first, std::min(together, frames.size() - first));
  };
  const bool many = ranks_ != nullptr && ranks_->size() > 1;
  const bool ahead = many && whole_graphs_ && !by_loss && threads_.workers() == 1;
  bool sent = false;
  std::vector<std::optional<Made>> made(groups);
  threads_.Run(
      groups,
      [&](size_t i) {
        if (interrupt.stop_requested()) throw BusyError("train: interrupted.");
        made[i] =
            ahead && i + 1 == groups ? MakeLast(group(i), gradients) : Make(group(i), by_loss);
      },
      [&](size_t i) {
        sent = made[i]->sent;
        Take(group(i), std::move(*made[i]), gradients, sums);
        made[i].reset();
      });
  const c10::AutoGradMode off(false);
  if (frames.empty()) {
    for (const auto& tensor : trained_) sums.gradients.push_back(at::zeros_like(tensor));
  } else if (!sent) {
    sums.gradients = gradients.Take();
  }
  if (many) SumOverRanks(by_loss, sent, sums);
  return sums;
}

}  // namespace occvla::train
