#include "occvla/cli/beside_truth.h"

#include <algorithm>

#include "occvla/data/occ3d/labels.h"
#include "occvla/view/picture.h"

namespace occvla::cli {
namespace {

data::Image Beside(const data::Image& left, const data::Image& right) {
  data::Image both{left.width_px + right.width_px, std::max(left.height_px, right.height_px), {}};
  both.rgb.assign(size_t{3} * both.width_px * both.height_px, 255);
  const auto copy = [&](const data::Image& from, int x) {
    for (int row = 0; row < from.height_px; ++row) {
      const auto* begin = from.rgb.data() + size_t{3} * row * from.width_px;
      std::copy(begin, begin + size_t{3} * from.width_px,
                both.rgb.data() + size_t{3} * (size_t{1} * row * both.width_px + x));
    }
  };
  copy(left, 0);
  copy(right, left.width_px);
  return both;
}

}  // namespace

data::Prediction TruthOf(const data::Frame& frame) {
  data::Prediction truth;
  truth.token = frame.token;
  std::array<std::array<double, 2>, 6> places{};
  bool whole = frame.now.has_value();
  for (size_t i = 0; i < places.size() && whole; ++i) {
    whole = frame.future[i].has_value();
    if (!whole) break;
    const Eigen::Vector3d p_G = frame.future[i]->X_GE.translation();
    const Eigen::Vector3d p_E = frame.now->X_GE.inverse() * p_G;
    places[i] = {p_E.x(), p_E.y()};
  }
  if (whole) truth.trajectory_E = places;
  truth.meta_action = frame.meta_action;
  for (const auto& question : frame.questions)
    if (question.kind == "occvla/chain-of-thought") truth.text = question.answer;
  if (!frame.occupancy.empty())
    truth.occupancy = data::OccupancyGrid{data::occ3d::ReadLabels(frame.occupancy).semantics};
  return truth;
}

data::Image PictureBesideTruth(const data::Frame& frame, const data::Prediction& prediction,
                               const data::Prediction& truth) {
  return Beside(view::DrawPicture(frame, prediction), view::DrawPicture(frame, truth));
}

}  // namespace occvla::cli
