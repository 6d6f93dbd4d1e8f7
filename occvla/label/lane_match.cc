#include "occvla/label/lane_match.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include "occvla/data/nuscenes/map.h"

namespace occvla::label {
namespace {

using data::nuscenes::Layer;
using data::nuscenes::Map;

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Between elements that have nothing to do with each other: only where nothing else is left.
constexpr double kJumpCost = 100;
/// Every so many centreline points (0.5 m) a lane looks for what runs beside it.
constexpr size_t kBesideStride = 8;
/// Bounds on the search along successors, for maps whose forks multiply or whose lanes have no
/// length.
constexpr size_t kMostPaths = 64, kMostElements = 32;
/// A pose this far past a line's end has no offset from it.
constexpr double kAlong = 1;

bool Has(const std::vector<uint32_t>& sorted, uint32_t element) {
  return std::binary_search(sorted.begin(), sorted.end(), element);
}

void SortUnique(std::vector<uint32_t>* elements) {
  std::sort(elements->begin(), elements->end());
  elements->erase(std::unique(elements->begin(), elements->end()), elements->end());
}

}  // namespace

double Wrapped(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }

double LaneProjection::distance() const { return std::hypot(offset, beyond); }

LaneNetwork::LaneNetwork(const Map& map, const MetaActionRules::Matching& rules)
    : map_(map), rules_(rules) {
  const auto& records = map.records();
  const auto count = static_cast<uint32_t>(records.element_count());
  std::vector<geom::Bounds2> bounds(count);
  turned_.resize(count);
  length_.resize(count);
  next_.resize(count);
  beside_.resize(count);
  for (uint32_t element = 0; element < count; ++element) {
    const auto& line = map.Centreline(element);
    for (size_t i = 0; i < line.size(); ++i) {
      bounds[element].Add(Eigen::Vector2d(line[i][0], line[i][1]));
      if (i == 0) continue;
      turned_[element] += Wrapped(line[i][2] - line[i - 1][2]);
      length_[element] += std::hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]);
    }
    for (const uint32_t next : records.outgoing[element]) {
      next_[element].push_back(next);
      const auto& further = records.outgoing[next];
      next_[element].insert(next_[element].end(), further.begin(), further.end());
    }
    SortUnique(&next_[element]);
  }
  tree_ = geom::BoundsTree(bounds);
  for (uint32_t element = 0; element < count; ++element) {
    const auto& line = map.Centreline(element);
    std::vector<uint32_t> near;
    for (size_t i = 0; i < line.size(); i += kBesideStride) {
      const Eigen::Vector2d p_G(line[i][0], line[i][1]);
      for (const uint32_t other : tree_.Meeting(geom::Bounds2::Around(p_G, rules.most_gap)))
        near.push_back(other);
    }
    SortUnique(&near);
    for (const uint32_t other : near)
      if (RunsBeside(element, other)) beside_[element].push_back(other);
  }
}

bool LaneNetwork::IsConnector(uint32_t element) const {
  return element >= map_.records().lanes.size();
}

bool LaneNetwork::Follows(uint32_t from, uint32_t element) const {
  return from == element || Has(next_.at(from), element);
}

bool LaneNetwork::Beside(uint32_t element, uint32_t other) const {
  return Has(beside_.at(element), other) || Has(beside_.at(other), element);
}

bool LaneNetwork::RunsBeside(uint32_t element, uint32_t other) const {
  if (Follows(element, other) || Follows(other, element)) return false;
  const auto& incoming = map_.records().incoming;
  if (IsConnector(element) && IsConnector(other)) {
    for (const uint32_t from : incoming[element])
      if (std::find(incoming[other].begin(), incoming[other].end(), from) != incoming[other].end())
        return false;
  }
  const auto& line = map_.Centreline(element);
  for (size_t i = 0; i < line.size(); i += kBesideStride) {
    const auto [x, y, yaw] = line[i];
    const LaneProjection at = Project(other, {x, y});
    const double gap = std::abs(at.offset);
    if (at.beyond <= kAlong && gap >= rules_.least_gap && gap <= rules_.most_gap &&
        std::abs(Wrapped(at.yaw - yaw)) <= rules_.beside_deg * kDegree)
      return true;
  }
  return false;
}

// The nearest point lies on one of the two pieces at the nearest vertex: centrelines bend little
// over their half metre.
LaneProjection LaneNetwork::Project(uint32_t element, const Eigen::Vector2d& p_G) const {
  const auto& line = map_.Centreline(element);
  LaneProjection best;
  best.beyond = kInfinity;
  if (line.size() < 2) return best;
  size_t nearest = 0;
  double least = kInfinity;
  for (size_t i = 0; i < line.size(); ++i) {
    const double dx = line[i][0] - p_G.x(), dy = line[i][1] - p_G.y();
    const double square = dx * dx + dy * dy;
    if (square < least) least = square, nearest = i;
  }
  // The joint of two paths occurs twice: a piece without length says nothing.
  size_t from = nearest, to = nearest;
  for (int i = 0; i < 2 && from > 0; ++i) --from;
  for (int i = 0; i < 2 && to + 1 < line.size(); ++i) ++to;
  double s = 0;
  for (size_t i = 0; i < from; ++i)
    s += std::hypot(line[i + 1][0] - line[i][0], line[i + 1][1] - line[i][1]);
  for (size_t i = from; i < to; ++i) {
    const Eigen::Vector2d a(line[i][0], line[i][1]), b(line[i + 1][0], line[i + 1][1]);
    const double length = (b - a).norm();
    if (length < 1e-9) continue;
    const Eigen::Vector2d ahead = (b - a) / length, at = p_G - a;
    const double along = at.dot(ahead), left = ahead.x() * at.y() - ahead.y() * at.x();
    const double inside = std::clamp(along, 0.0, length);
    const LaneProjection here{
        .s = s + inside,
        .offset = left,
        .beyond = std::abs(along - inside),
        .yaw = line[i][2] + inside / length * Wrapped(line[i + 1][2] - line[i][2])};
    if (here.distance() < best.distance()) best = here;
    s += length;
  }
  return best;
}

double LaneNetwork::Cost(const LaneProjection& at, const PlanePose& pose) const {
  return at.distance() +
         rules_.cost_of_30_deg * std::abs(Wrapped(pose.yaw - at.yaw)) / (30 * kDegree);
}

LanePlace LaneNetwork::Place(const PlanePose& pose) const {
  LanePlace place{.pose = pose, .candidates = {}, .in_intersection = false};
  const auto lanes = static_cast<uint32_t>(map_.records().lanes.size());
  std::vector<uint32_t> holding = map_.Containing(Layer::kLane, pose.p_G);
  for (const uint32_t connector : map_.Containing(Layer::kLaneConnector, pose.p_G))
    holding.push_back(lanes + connector);
  std::vector<uint32_t> elements = tree_.Meeting(geom::Bounds2::Around(pose.p_G, rules_.reach));
  elements.insert(elements.end(), holding.begin(), holding.end());
  SortUnique(&elements);
  SortUnique(&holding);
  for (const uint32_t element : elements) {
    const LaneProjection at = Project(element, pose.p_G);
    if (!std::isfinite(at.beyond)) continue;  // Without a path.
    if (std::abs(Wrapped(pose.yaw - at.yaw)) > rules_.heading_deg * kDegree) continue;
    if (at.distance() > rules_.reach && !Has(holding, element)) continue;
    place.candidates.push_back({.element = element, .at = at, .cost = Cost(at, pose)});
  }
  for (const uint32_t segment : map_.Containing(Layer::kRoadSegment, pose.p_G))
    place.in_intersection |= map_.records().road_segments[segment].is_intersection;
  return place;
}

double LaneNetwork::StepCost(uint32_t from, uint32_t to) const {
  if (Follows(from, to)) return 0;
  if (Beside(from, to)) return rules_.change_cost;
  for (const uint32_t next : next_[from])
    if (Beside(next, to)) return rules_.change_cost;
  return kJumpCost;
}

std::vector<uint32_t> LaneNetwork::Match(std::span<const LanePlace> places) const {
  struct Step {
    size_t place;
    std::vector<double> costs;
    std::vector<size_t> from;  // Candidate of the step before.
  };
  std::vector<Step> steps;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& candidates = places[i].candidates;
    if (candidates.empty()) continue;
    Step step{i, std::vector<double>(candidates.size()), std::vector<size_t>(candidates.size())};
    for (size_t k = 0; k < candidates.size(); ++k) {
      double best = steps.empty() ? 0 : kInfinity;
      if (!steps.empty()) {
        const auto& before = places[steps.back().place].candidates;
        for (size_t j = 0; j < before.size(); ++j) {
          const double cost =
              steps.back().costs[j] + StepCost(before[j].element, candidates[k].element);
          if (cost < best) best = cost, step.from[k] = j;
        }
      }
      step.costs[k] = best + candidates[k].cost;
    }
    steps.push_back(std::move(step));
  }
  std::vector<uint32_t> chain(places.size(), kNoElement);
  if (steps.empty()) return chain;
  const auto& last = steps.back().costs;
  auto at = static_cast<size_t>(std::min_element(last.begin(), last.end()) - last.begin());
  for (size_t i = steps.size(); i-- > 0;) {
    chain[steps[i].place] = places[steps[i].place].candidates[at].element;
    at = steps[i].from[at];
  }
  return chain;
}

std::vector<std::vector<uint32_t>> LaneNetwork::PathsFrom(uint32_t element, double length) const {
  struct Open {
    std::vector<uint32_t> path;
    double length;
  };
  std::vector<std::vector<uint32_t>> paths;
  std::vector<Open> open = {{{element}, length_[element]}};
  while (!open.empty() && paths.size() < kMostPaths) {
    Open here = std::move(open.back());
    open.pop_back();
    const auto& outgoing = map_.records().outgoing[here.path.back()];
    if (here.length >= length || outgoing.empty() || here.path.size() >= kMostElements) {
      paths.push_back(std::move(here.path));
      continue;
    }
    for (auto next = outgoing.rbegin(); next != outgoing.rend(); ++next) {
      open.push_back({here.path, here.length + length_[*next]});
      open.back().path.push_back(*next);
    }
  }
  return paths;
}

/// A window's poses against paths of lanes; each element is projected to once, however many paths
/// share it.
class LaneNetwork::Fit {
 public:
  Fit(const LaneNetwork& lanes, std::span<const LanePlace> places,
      const std::vector<std::vector<uint32_t>>& paths)
      : lanes_(lanes), places_(places) {
    for (const auto& path : paths) elements_.insert(elements_.end(), path.begin(), path.end());
    SortUnique(&elements_);
    for (const uint32_t element : elements_) {
      auto& at = at_.emplace_back();
      for (const LanePlace& place : places) at.push_back(lanes.Project(element, place.pose.p_G));
    }
  }

  /// Pose k from the nearest element of the path.
  LaneProjection Nearest(const std::vector<uint32_t>& path, size_t k) const {
    LaneProjection best;
    best.beyond = kInfinity;
    for (const uint32_t element : path) {
      const auto index = std::lower_bound(elements_.begin(), elements_.end(), element);
      const LaneProjection& here = at_[static_cast<size_t>(index - elements_.begin())][k];
      if (here.distance() < best.distance()) best = here;
    }
    return best;
  }

  double CostOf(const std::vector<uint32_t>& path, size_t first) const {
    double cost = 0;
    for (size_t k = first; k < places_.size(); ++k)
      cost += lanes_.Cost(Nearest(path, k), places_[k].pose);
    return cost;
  }

  /// True if pose k has a lane to the given side of the path (+1 left) that runs beside it and that
  /// none of the paths leads to.
  bool LaneAside(const std::vector<uint32_t>& path, size_t k, double side) const {
    const double offset = Nearest(path, k).offset;
    for (const LaneCandidate& candidate : places_[k].candidates) {
      if (Has(elements_, candidate.element)) continue;
      const double gap = side * (offset - candidate.at.offset);
      if (gap < lanes_.rules_.least_gap || gap > lanes_.rules_.most_gap) continue;
      for (const uint32_t element : path)
        if (lanes_.Beside(element, candidate.element)) return true;
    }
    return false;
  }

 private:
  const LaneNetwork& lanes_;
  std::span<const LanePlace> places_;
  std::vector<uint32_t> elements_;               // Sorted.
  std::vector<std::vector<LaneProjection>> at_;  // [element][pose].
};

std::optional<LaneShift> LaneNetwork::ShiftOf(std::span<const LanePlace> places,
                                              std::span<const uint32_t> chain,
                                              double look_ahead) const {
  size_t first = 0;
  while (first < chain.size() && chain[first] == kNoElement) ++first;
  if (first + 1 >= chain.size()) return std::nullopt;
  double travelled = 0;
  for (size_t k = first + 1; k < places.size(); ++k)
    travelled += (places[k].pose.p_G - places[k - 1].pose.p_G).norm();
  const double s = Project(chain[first], places[first].pose.p_G).s;
  const auto paths = PathsFrom(chain[first], s + travelled + look_ahead);
  const Fit fit(*this, places, paths);

  const std::vector<uint32_t>* best = nullptr;
  double least = kInfinity;
  for (const auto& path : paths) {
    const double cost = fit.CostOf(path, first);
    if (cost < least) least = cost, best = &path;
  }
  if (best == nullptr) return std::nullopt;
  size_t last = places.size() - 1;
  while (last > first && fit.Nearest(*best, last).beyond > kAlong) --last;
  if (last == first) return std::nullopt;

  const double metres = fit.Nearest(*best, last).offset - fit.Nearest(*best, first).offset;
  const double side = metres > 0 ? 1 : -1;
  return LaneShift{
      .metres = metres,
      .lane_beside = fit.LaneAside(*best, last, side) || fit.LaneAside(*best, first, -side),
      .path = *best};
}

}  // namespace occvla::label
