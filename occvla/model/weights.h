#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "occvla/model/files/checkpoint.h"
#include "occvla/model/language.h"
#include "occvla/model/linear.h"
#include "occvla/model/planner.h"
#include "occvla/model/vision.h"

namespace occvla::model {

/// Turns a checkpoint's tensors into the values that the model's parts hold. Matrices stay in the
/// mapped file where their stored type serves `compute`; vectors become float32.
class WeightReader {
 public:
  WeightReader(const Checkpoint& checkpoint, at::ScalarType compute, at::Device device)
      : checkpoint_(checkpoint), compute_(compute), device_(device) {}

  /// A matrix in the type its layer reads; [out, in] (further dimensions are folded into `in`).
  at::Tensor Matrix(const std::string& name) const;
  /// float32, or float64 where `compute` is.
  at::Tensor Vector(const std::string& name) const;
  Linear Dense(const std::string& prefix, bool bias) const;
  /// float32 throughout, for the small heads.
  Linear SmallDense(const std::string& prefix) const;
  bool Has(const std::string& name) const;
  /// Every tensor whose name starts with `prefix`, without it, float32.
  std::map<std::string, at::Tensor> All(const std::string& prefix) const;

  VisionTower Vision(const VisionConfig& config) const;
  LanguageModel Language(const ModelConfig& config) const;
  AdapterSet Adapters(const ModelConfig& config, const std::string& prefix) const;
  Planner PlanningHead(const PlannerConfig& config) const;

 private:
  at::Tensor Stored(const std::string& name) const;
  LayerNormWeights Norm(const std::string& prefix) const;

  const Checkpoint& checkpoint_;  // Outlives the reader.
  at::ScalarType compute_;
  at::Device device_;
};

}  // namespace occvla::model
