#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "occvla/model/files/checkpoint.h"
#include "occvla/model/weights.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::train {

/// A tensor that the run trains: a leaf of its own, float32 (float64 where everything is).
struct Parameter {
  std::string name;
  at::Tensor value;
  double rate = 1;     ///< Factor on the learning rate; 0: its gradient is made all the same.
  bool decays = true;  ///< Weight decay.
};

/// A model's tensors, divided into those that the run trains and those it leaves alone.
class Parameters {
 public:
  /// `start` by canonical name; what is not trained is taken as it is and must outlive this.
  Parameters(const model::Weights& start, const std::vector<ModulePlan>& modules,
             bool decay_vectors, at::ScalarType master, at::Device device);

  /// By name.
  const std::vector<Parameter>& trained() const { return trained_; }
  std::vector<at::Tensor> TrainedTensors() const;
  /// All of them, to make the model of.
  const model::Weights& weights() const { return weights_; }
  int64_t trained_elements() const;

 private:
  std::vector<Parameter> trained_;
  model::Weights weights_;
};

/// ZeRO-1: which of so many ranks keeps each trained parameter's moments; and whether it is `rank`.
std::vector<int> OwnersOf(const Parameters& parameters, int ranks);
std::vector<bool> OwnedBy(int rank, const Parameters& parameters, int ranks);

}  // namespace occvla::train
