#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "occvla/model/files/checkpoint.h"
#include "occvla/model/language.h"
#include "occvla/model/linear.h"
#include "occvla/model/planner.h"
#include "occvla/model/vision.h"

namespace occvla::model {

/// Canonical name -> tensor.
using Weights = std::map<std::string, at::Tensor, std::less<>>;

/// A checkpoint's tensors, not copied: the checkpoint must outlive them.
Weights WeightsOf(const Checkpoint& checkpoint);

/// Turns tensors by name into the values that the model's parts hold. Matrices are taken as they
/// are where their type serves `compute`; vectors become float32. A tensor that requires a gradient
/// is itself what the part holds: it must be float32 (float64 where `compute` is).
class WeightReader {
 public:
  /// `where` opens complaints.
  WeightReader(Weights weights, std::string where, at::ScalarType compute, at::Device device)
      : weights_(std::move(weights)),
        where_(std::move(where)),
        compute_(compute),
        device_(device) {}
  /// The checkpoint outlives what is read.
  WeightReader(const Checkpoint& checkpoint, at::ScalarType compute, at::Device device)
      : WeightReader(WeightsOf(checkpoint), checkpoint.folder().string(), compute, device) {}

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

  Weights weights_;
  std::string where_;
  at::ScalarType compute_;
  at::Device device_;
};

}  // namespace occvla::model
