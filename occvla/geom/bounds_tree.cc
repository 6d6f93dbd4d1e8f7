#include "occvla/geom/bounds_tree.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace occvla::geom {

BoundsTree::BoundsTree(std::span<const Bounds2> bounds) {
  for (uint32_t i = 0; i < bounds.size(); ++i)
    if (!bounds[i].empty()) items_.push_back(i);
  if (items_.empty()) return;
  // Sort-tile-recursive (Leutenegger et al. 1997): slices by x, and within each by y.
  const auto before = [&](int axis) {
    return [&bounds, axis](uint32_t a, uint32_t b) {
      const double at_a = bounds[a].min[axis] + bounds[a].max[axis];
      const double at_b = bounds[b].min[axis] + bounds[b].max[axis];
      return at_a != at_b ? at_a < at_b : a < b;
    };
  };
  std::sort(items_.begin(), items_.end(), before(0));
  const double leaves = std::ceil(static_cast<double>(items_.size()) / kFan);
  const size_t slice = kFan * static_cast<size_t>(std::ceil(std::sqrt(leaves)));
  for (size_t from = 0; from < items_.size(); from += slice) {
    const size_t to = std::min(from + slice, items_.size());
    std::sort(items_.begin() + static_cast<std::ptrdiff_t>(from),
              items_.begin() + static_cast<std::ptrdiff_t>(to), before(1));
  }

  levels_.emplace_back();
  for (const uint32_t item : items_) levels_.back().push_back(bounds[item]);
  while (levels_.back().size() > kFan) {
    std::vector<Bounds2> above((levels_.back().size() + kFan - 1) / kFan);
    for (size_t i = 0; i < levels_.back().size(); ++i) above[i / kFan].Add(levels_.back()[i]);
    levels_.push_back(std::move(above));
  }
}

std::vector<uint32_t> BoundsTree::Meeting(const Bounds2& query) const {
  std::vector<uint32_t> found;
  if (levels_.empty() || query.empty()) return found;
  struct Step {
    size_t level, begin, end;
  };
  std::vector<Step> open = {{levels_.size() - 1, 0, levels_.back().size()}};
  while (!open.empty()) {
    const Step step = open.back();
    open.pop_back();
    for (size_t i = step.begin; i < step.end; ++i) {
      if (!levels_[step.level][i].Meets(query)) continue;
      if (step.level == 0) {
        found.push_back(items_[i]);
      } else {
        const size_t below = levels_[step.level - 1].size();
        open.push_back({step.level - 1, i * kFan, std::min((i + 1) * kFan, below)});
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace occvla::geom
