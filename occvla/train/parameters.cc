#include "occvla/train/parameters.h"

#include <ATen/Functions.h>

#include "occvla/train/runs/partition.h"

namespace occvla::train {

Parameters::Parameters(const model::Weights& start, const std::vector<ModulePlan>& modules,
                       bool decay_vectors, at::ScalarType master, at::Device device) {
  for (const auto& [name, tensor] : start) {
    const auto& plan = modules[static_cast<size_t>(ModuleOf(name))];
    if (!plan.trained) {
      weights_[name] = tensor.to(device);
      continue;
    }
    auto value = tensor
                     .to(at::TensorOptions().dtype(master).device(device),
                         /*non_blocking=*/false, /*copy=*/true)
                     .contiguous();
    value.set_requires_grad(true);
    weights_[name] = value;
    trained_.push_back({name, value, plan.rate, decay_vectors || value.dim() > 1});
  }
}

std::vector<at::Tensor> Parameters::TrainedTensors() const {
  std::vector<at::Tensor> tensors;
  for (const auto& parameter : trained_) tensors.push_back(parameter.value);
  return tensors;
}

int64_t Parameters::trained_elements() const {
  int64_t total = 0;
  for (const auto& parameter : trained_) total += parameter.value.numel();
  return total;
}

std::vector<int> OwnersOf(const Parameters& parameters, int ranks) {
  std::vector<int64_t> sizes;
  for (const auto& parameter : parameters.trained()) sizes.push_back(parameter.value.numel());
  return OwnerOfParameters(sizes, ranks);
}

std::vector<bool> OwnedBy(int rank, const Parameters& parameters, int ranks) {
  std::vector<bool> owned;
  for (const int owner : OwnersOf(parameters, ranks)) owned.push_back(owner == rank);
  return owned;
}

}  // namespace occvla::train
