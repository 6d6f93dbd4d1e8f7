#include "occvla/world/render/paint.h"

#include <algorithm>
#include <cmath>

#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector2d, Eigen::Vector2f;

constexpr float kCell = 4;

float Clamp01(float x) { return std::clamp(x, 0.0f, 1.0f); }

/// How far a patch reaches in a direction.
float Width(const Patch& patch, const Vector2f& direction) {
  const float along = direction.x() * patch.view_x + direction.y() * patch.view_y;
  const float across = direction.x() * patch.view_y - direction.y() * patch.view_x;
  return std::max(0.004f, std::sqrt(along * along * patch.along * patch.along +
                                    across * across * patch.across * patch.across));
}

/// The share of [at - width / 2, at + width / 2] that lies in bars of length `bar` every `period`.
float Bars(float at, float width, float bar, float period) {
  const float phase = at / period;
  const float in = (phase - static_cast<float>(FloorInt(phase))) * period;
  if (width > period) return bar / period;
  const auto overlap = [&](float from, float to) {
    return std::max(0.0f, std::min(to, in + width / 2) - std::max(from, in - width / 2));
  };
  return (overlap(0, bar) + overlap(period, period + bar) + overlap(-period, bar - period)) / width;
}

}  // namespace

Paint::Paint(const Town& town, const Vector2d& origin_G, const Vector2d& reach)
    : low_(-reach.cast<float>()) {
  columns_ = static_cast<int>(std::ceil(2 * reach.x() / kCell)) + 1;
  rows_ = static_cast<int>(std::ceil(2 * reach.y() / kCell)) + 1;
  building_.resize(static_cast<size_t>(columns_) * static_cast<size_t>(rows_));
  for (const Marking& marking : town.markings) {
    float start = 0;
    for (size_t i = 0; i + 1 < marking.line.size(); ++i) {
      const Vector2f a = (marking.line[i] - origin_G).cast<float>(),
                     b = (marking.line[i + 1] - origin_G).cast<float>();
      const float length = (b - a).norm();
      if (length < 1e-4f) continue;
      Band band{a,
                (b - a) / length,
                length,
                static_cast<float>(marking.width) / 2,
                start,
                static_cast<float>(marking.dash),
                static_cast<float>(marking.gap),
                marking.colour == Marking::Colour::kYellow};
      start += length;
      // A long line's bounding box would touch too many cells: walk along it.
      const auto item = static_cast<uint32_t>(bands_.size());
      const int steps = std::max(1, static_cast<int>(std::ceil(length / kCell)));
      for (int k = 0; k < steps; ++k) {
        const Vector2f p = a + (b - a) * (static_cast<float>(k) / static_cast<float>(steps)),
                       q = a + (b - a) * (static_cast<float>(k + 1) / static_cast<float>(steps));
        const Vector2f margin = Vector2f::Constant(band.half_width + 0.3f);
        Put(p.cwiseMin(q) - margin, p.cwiseMax(q) + margin, item);
      }
      bands_.push_back(band);
    }
  }
  for (auto& cell : building_) {
    std::sort(cell.begin(), cell.end());
    cell.erase(std::unique(cell.begin(), cell.end()), cell.end());
    first_.push_back(static_cast<uint32_t>(items_.size()));
    items_.insert(items_.end(), cell.begin(), cell.end());
  }
  first_.push_back(static_cast<uint32_t>(items_.size()));
  building_ = {};
}

void Paint::Put(const Vector2f& low, const Vector2f& high, uint32_t item) {
  const Vector2f u = (low - low_) / kCell, v = (high - low_) / kCell;
  if (v.x() < 0 || v.y() < 0 || u.x() >= static_cast<float>(columns_) ||
      u.y() >= static_cast<float>(rows_))
    return;
  const int i0 = std::max(0, FloorInt(u.x())), i1 = std::min(columns_ - 1, FloorInt(v.x()));
  const int j0 = std::max(0, FloorInt(u.y())), j1 = std::min(rows_ - 1, FloorInt(v.y()));
  for (int j = j0; j <= j1; ++j)
    for (int i = i0; i <= i1; ++i) building_[static_cast<size_t>(j * columns_ + i)].push_back(item);
}

float Paint::CoverOf(const Band& band, const Patch& patch) const {
  const float dx = patch.x - band.a.x(), dy = patch.y - band.a.y();
  const float s = dx * band.along.x() + dy * band.along.y();
  const float side = std::abs(dy * band.along.x() - dx * band.along.y());
  const float width = Width(patch, {-band.along.y(), band.along.x()});
  if (side > band.half_width + width) return 0;
  const float length = Width(patch, band.along);
  // A thin band far away covers only part of the patch, whatever the patch's middle.
  const float left = std::max(-band.half_width, side - width / 2);
  const float right = std::min(band.half_width, side + width / 2);
  float cover = Clamp01((right - left) / width);
  const float before = std::min(band.length, s + length / 2) - std::max(0.0f, s - length / 2);
  cover *= Clamp01(before / length);
  if (band.gap > 0 && cover > 0)
    cover *= Bars(band.start + s, length, band.dash, band.dash + band.gap);
  return cover;
}

PaintCover Paint::At(const Patch& patch) const {
  const int i = FloorInt((patch.x - low_.x()) / kCell), j = FloorInt((patch.y - low_.y()) / kCell);
  PaintCover best;
  if (i < 0 || j < 0 || i >= columns_ || j >= rows_) return best;
  const auto cell = static_cast<size_t>(j * columns_ + i);
  for (uint32_t k = first_[cell]; k < first_[cell + 1]; ++k) {
    const Band& band = bands_[items_[k]];
    const float cover = CoverOf(band, patch);
    if (cover > best.cover) best = {cover, band.yellow};
  }
  return best;
}

}  // namespace occvla::world
