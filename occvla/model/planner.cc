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
  std::vector<double> numbers;
  if (config.velocity) {
    const auto velocity = ego.velocity_E.value_or(std::array<double, 2>{0, 0});
    numbers.insert(numbers.end(), velocity.begin(), velocity.end());
  }
  for (int64_t i = 0; i < config.history; ++i) {
    const bool known = i < static_cast<int64_t>(ego.past_positions_E.size());
    numbers.push_back(known ? ego.past_positions_E[i][0] : 0);
    numbers.push_back(known ? ego.past_positions_E[i][1] : 0);
  }
  const auto velocity_row = velocity_embedding.select(0, static_cast<int64_t>(action.velocity));
  const auto direction_row = direction_embedding.select(0, static_cast<int64_t>(action.direction));
  const auto ego_row = at::tensor(numbers, at::TensorOptions().dtype(at::kDouble))
                           .to(velocity_embedding.options())
                           .unsqueeze(0);  // [1, 2 + 2 * history]
  const auto seen = visual(Pool(hidden.to(type))).to(type);
  auto x = at::cat({velocity_row.unsqueeze(0), direction_row.unsqueeze(0), seen, ego_row}, 1);
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
