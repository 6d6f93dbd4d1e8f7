#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace occvla::model {

/// A function of tensors that gives tensors. It must not change what it is given.
using TensorBlock = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// Activation checkpointing: block(inputs) of which only the inputs are kept; the backward pass
/// runs the block a second time. `weights` are the tensors that require a gradient and that the
/// block reads by itself; they get theirs as ever. Gradients have the same bits as without, where
/// the block does the same work with and without gradient.
std::vector<at::Tensor> Recomputed(const TensorBlock& block, const std::vector<at::Tensor>& inputs,
                                   const std::vector<at::Tensor>& weights);

}  // namespace occvla::model
