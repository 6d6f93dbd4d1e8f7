#include "occvla/model/planner.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>

namespace occvla::model {

at::Tensor Planner::Pool(const at::Tensor& hidden) const {
  if (config.pool == "mean") return hidden.mean(0, /*keepdim=*/true);  // [1, C]
  const double scale = 1.0 / std::sqrt(static_cast<double>(hidden.size(1)));
  const auto weights = at::softmax(at::matmul(query, hidden.t()) * scale, -1);  // [1, N_img]
  return at::matmul(weights, hidden);                                           // [1, C]
}

at::Tensor Planner::operator()(const at::Tensor& hidden, const data::MetaAction& action,
                               const data::EgoState& ego) const {
  const auto type = velocity_embedding.scalar_type();
  const auto row = [&](const std::vector<double>& numbers) {
    return at::tensor(numbers, at::TensorOptions().dtype(at::kDouble))
        .to(velocity_embedding.options())
        .unsqueeze(0);
  };
  const auto chosen = [](const at::Tensor& table, auto label) {
    return table.narrow(0, static_cast<int64_t>(label), 1);
  };
  std::vector<at::Tensor> inputs{chosen(velocity_embedding, action.velocity),
                                 chosen(direction_embedding, action.direction)};
  if (config.velocity) {
    const auto velocity = ego.velocity_E.value_or(std::array<double, 2>{0, 0});
    inputs.push_back(row({velocity[0], velocity[1]}));
  }
  inputs.push_back(visual(Pool(hidden.to(type))).to(type));
  if (config.history > 0) {
    std::vector<double> past;
    for (size_t i = 0; i < static_cast<size_t>(config.history); ++i) {
      const bool known = i < ego.past_positions_E.size();
      past.push_back(known ? ego.past_positions_E[i][0] : 0);
      past.push_back(known ? ego.past_positions_E[i][1] : 0);
    }
    inputs.push_back(row(past));
  }
  auto x = at::cat(inputs, 1);  // [1, Wv + Wd + 2 + Wi + 2 * history]
  for (size_t i = 0; i < mlp.size(); ++i) {
    x = mlp[i](x);
    if (i + 1 < mlp.size()) x = at::relu(x);
  }
  return x.view({6, 2});
}

std::vector<std::string> Planner::MissingInputs(const data::EgoState& ego) const {
  std::vector<std::string> missing;
  if (config.velocity && !ego.velocity_E) missing.push_back("velocity");
  if (static_cast<int64_t>(ego.past_positions_E.size()) < config.history) {
    missing.push_back("past_positions");
  }
  return missing;
}

}  // namespace occvla::model
