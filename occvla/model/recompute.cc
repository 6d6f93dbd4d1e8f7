#include "occvla/model/recompute.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <memory>

namespace occvla::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// What the backward pass needs beside tensors; lives in the graph.
struct Held final : torch::CustomClassHolder {
  TensorBlock block;
  int64_t inputs = 0;
};

class RecomputedFunction : public Function<RecomputedFunction> {
 public:
  static variable_list forward(AutogradContext* context, const c10::intrusive_ptr<Held>& held,
                               at::TensorList inputs_and_weights) {
    const variable_list all = inputs_and_weights.vec();
    context->save_for_backward(all);
    context->saved_data["held"] = c10::IValue::make_capsule(held);
    return held->block({all.begin(), all.begin() + held->inputs});
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto held =
        c10::static_intrusive_pointer_cast<Held>(context->saved_data["held"].toCapsule());
    const auto saved = context->get_saved_variables();
    const c10::AutoGradMode enabled(true);
    variable_list inputs, wanted;
    for (int64_t i = 0; i < held->inputs; ++i) {
      auto input = saved[i].detach();
      input.set_requires_grad(saved[i].requires_grad());
      if (input.requires_grad()) wanted.push_back(input);
      inputs.push_back(std::move(input));
    }
    for (size_t i = held->inputs; i < saved.size(); ++i) wanted.push_back(saved[i]);
    variable_list outputs, output_gradients;
    const auto again = held->block(inputs);
    for (size_t i = 0; i < again.size(); ++i) {
      if (!again[i].requires_grad() || !gradients[i].defined()) continue;
      outputs.push_back(again[i]);
      output_gradients.push_back(gradients[i]);
    }
    const auto found =
        torch::autograd::grad(outputs, wanted, output_gradients, /*retain_graph=*/false,
                              /*create_graph=*/false, /*allow_unused=*/true);
    variable_list result{at::Tensor()};  // The block itself.
    auto next = found.begin();
    for (int64_t i = 0; i < held->inputs; ++i)
      result.push_back(inputs[i].requires_grad() ? *next++ : at::Tensor());
    for (; next != found.end(); ++next) result.push_back(*next);
    return result;
  }
};

}  // namespace

std::vector<at::Tensor> Recomputed(const TensorBlock& block, const std::vector<at::Tensor>& inputs,
                                   const std::vector<at::Tensor>& weights) {
  auto held = c10::make_intrusive<Held>();
  held->block = block;
  held->inputs = static_cast<int64_t>(inputs.size());
  auto all = inputs;
  all.insert(all.end(), weights.begin(), weights.end());
  return RecomputedFunction::apply(held, at::TensorList(all));
}

}  // namespace occvla::model
