#include "occvla/world/traffic/things.h"

#include <algorithm>
#include <cmath>

namespace occvla::world::traffic {

namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;

constexpr double kNear = 70;        // Metres from the way for parked vehicles.
constexpr double kVeryNear = 32;    // For what shall be seen well.
constexpr double kPlaceStep = 6.2;  // From one roadside place to the next, about.

Vector2d Along(double yaw) { return {std::cos(yaw), std::sin(yaw)}; }
Vector2d LeftOf(double yaw) { return {-std::sin(yaw), std::cos(yaw)}; }

double Between(Rng& rng, double low, double high) { return low + (high - low) * rng.Uniform(); }

Vector3d DrawThing(uint8_t category, Rng& rng) {
  const double u = Between(rng, 0.9, 1.1);
  switch (category) {
    case kBarrier:
      return {0.45, 1.9 * u, 1.0 * u};
    case kCone:
      return {0.38 * u, 0.38 * u, 0.8 * u};
    case kDebris:
      return {Between(rng, 0.4, 0.9), Between(rng, 0.3, 0.6), Between(rng, 0.15, 0.5)};
    case kPushable:
      return {0.65 * u, 0.6 * u, 1.05 * u};
    case kWorker:
      return {0.6 * u, 0.65 * u, 1.76 * u};
    case kRack:
      return {0.5, 1.95, 0.9 * u};
    default:
      return DrawSize(KindOf(category), rng);
  }
}

Activity ActivityOf(uint8_t category) {
  if (category == kWorker) return Activity::kStanding;
  if (category == kBicycle || category == kMotorcycle) return Activity::kWithoutRider;
  return category >= kBendyBus ? Activity::kParked : Activity::kNone;
}

}  // namespace

Things::Things(const Roads& roads, std::vector<Vector2d> way_G, Closure keep_clear, Rng rng)
    : roads_(roads), way_G_(std::move(way_G)), keep_clear_(keep_clear), rng_(rng) {
  const auto& slots = roads.town().slots;
  used_.assign(slots.size(), 0);
  for (size_t i = 0; i < slots.size(); ++i)
    if (Distance({slots[i].x, slots[i].y}) < kNear) places_.push_back(i);
  for (size_t i = places_.size(); i > 1; --i) std::swap(places_[i - 1], places_[rng_.Below(i)]);
}

double Things::Distance(const Vector2d& p_G) const {
  double least = 1e18;
  for (const Vector2d& q_G : way_G_) least = std::min(least, (p_G - q_G).squaredNorm());
  return std::sqrt(least);
}

bool Things::Put(uint8_t category, const Vector3d& size, const Vector2d& p_G, double yaw,
                 Activity activity) {
  Thing thing{{category, size, rng_.NextU64()}, p_G, yaw, activity};
  Rectangle wide = thing.Body();
  wide.length += 0.1, wide.width += 0.1;
  for (const Thing& other : things)
    if (Overlap(wide, other.Body())) return false;
  things.push_back(thing);
  return true;
}

bool Things::Put(uint8_t category, const Vector2d& p_G, double yaw) {
  return Put(category, DrawThing(category, rng_), p_G, yaw, ActivityOf(category));
}

std::vector<size_t> Things::RowOf(size_t count) {
  const auto& slots = roads_.town().slots;
  for (const double radius : {kVeryNear, kNear}) {
    for (const size_t first : places_) {
      if (!slots[first].roadside || Distance({slots[first].x, slots[first].y}) > radius) continue;
      std::vector<size_t> row;
      for (size_t at = first; row.size() < count;) {
        if (used_[at]) break;
        row.push_back(at);
        const Slot& slot = slots[at];
        const Vector2d next_G = Vector2d(slot.x, slot.y) + kPlaceStep * Along(slot.yaw);
        size_t next = slots.size();
        for (size_t i = 0; i < slots.size() && next == slots.size(); ++i)
          if (slots[i].roadside && (Vector2d(slots[i].x, slots[i].y) - next_G).norm() < 0.8)
            next = i;
        if (next == slots.size()) break;
        at = next;
      }
      if (row.size() < count) continue;
      for (const size_t i : row) used_[i] = 1;
      return row;
    }
  }
  return {};
}

void Things::Park(double share, const std::vector<uint8_t>& wanted) {
  const auto& slots = roads_.town().slots;
  for (const uint8_t category : wanted) {
    Vector3d size = DrawThing(category, rng_);
    size.y() = std::min(size.y(), 2.35);
    const auto row = RowOf(static_cast<size_t>(std::ceil((size.x() + 0.3) / kPlaceStep)));
    if (row.empty()) continue;
    const Slot &back = slots[row.front()], &front = slots[row.back()];
    const Vector2d between(front.x - back.x, front.y - back.y);
    const double yaw = row.size() == 1 ? back.yaw : std::atan2(between.y(), between.x());
    Put(category, size, {0.5 * (front.x + back.x), 0.5 * (front.y + back.y)}, yaw,
        ActivityOf(category));
  }
  for (const size_t i : places_) {
    if (used_[i] || rng_.Uniform() >= share) continue;
    const Slot& slot = slots[i];
    used_[i] = 1;
    const double u = rng_.Uniform();
    const uint8_t category = u < 0.93 ? kCar : u < 0.96 ? kMotorcycle : u < 0.98 ? kPolice : kTruck;
    Vector3d size = DrawThing(category, rng_);
    size.x() = std::min(size.x(), slot.roadside ? 5.8 : 4.9);
    size.y() = std::min(size.y(), slot.roadside ? 2.2 : 2.0);
    const double ahead = Between(rng_, -0.15, 0.15);
    const double turned = (slot.roadside || rng_.Uniform() < 0.6 ? 0 : EIGEN_PI);
    Put(category, size,
        Vector2d(slot.x, slot.y) + ahead * Along(slot.yaw) +
            Between(rng_, -0.08, 0.08) * LeftOf(slot.yaw),
        slot.yaw + turned + Between(rng_, -0.02, 0.02), ActivityOf(category));
  }
}

bool Things::CloseLane() {
  std::vector<int> lanes;
  for (size_t i = 0; i < roads_.town().lanes.size(); ++i) {
    const Lane& lane = roads_.town().lanes[i];
    if (lane.connector || (lane.left == kNoIndex) == (lane.right == kNoIndex)) continue;
    if (lane.length() < 84) continue;
    const Vector2d middle_G = roads_.Point(static_cast<int>(i), 0.5 * lane.length(), 0);
    if (Distance(middle_G) < kVeryNear) lanes.push_back(static_cast<int>(i));
  }
  for (int attempt = 0; attempt < 8 && !lanes.empty(); ++attempt) {
    const int lane = lanes[rng_.Below(lanes.size())];
    const double length = Between(rng_, 18, 24);
    const double from = Between(rng_, 36, roads_.StopAt(lane) - length - 22);
    const Closure closure{lane, from, from + length};
    if (lane == keep_clear_.lane && from < keep_clear_.to && closure.to > keep_clear_.from)
      continue;
    const auto crossings = roads_.Crossings(lane);
    if (std::any_of(crossings.begin(), crossings.end(), [&](const LaneCrossing& crossing) {
          return crossing.from < closure.to + 8 && crossing.to > from - 8;
        }))
      continue;
    closures.push_back(closure);
    // `inner`: towards the neighbour lane.
    const double inner = roads_.lane(lane).left != kNoIndex ? 1 : -1;
    const double half = 0.5 * roads_.lane(lane).width;
    const auto put = [&](uint8_t category, double s, double aside, double turned) {
      Put(category, roads_.Point(lane, s, inner * aside), roads_.At(lane, s)[2] + turned);
    };
    constexpr double kTaper = 8;
    for (double s = 0.5; s < kTaper; s += 1.5)
      put(kCone, from + s, -half + 0.4 + (2 * half - 0.95) * s / kTaper, 0);
    put(kBarrier, from + kTaper + 0.6, -0.5, 0);
    for (double s = kTaper + 2; s < length - 0.5; s += 2.6) {
      if (rng_.Uniform() < 0.4) {
        put(kBarrier, from + s, half - 0.45, 0.5 * EIGEN_PI);
      } else {
        put(kCone, from + s, half - 0.5, 0);
      }
    }
    put(kConstruction, from + kTaper + 5.5, -0.35, 0);
    for (int k = 0; k < 3; ++k)
      put(kWorker, from + Between(rng_, kTaper + 1.5, length - 1), Between(rng_, -half + 0.4, 0.6),
          Between(rng_, -3, 3));
    put(kDebris, from + length - 2.5, -0.3, 0.4);
    put(kDebris, from + length - 4, -0.8, 1.4);
    put(kPushable, from + length - 1.2, -0.6, 0.2);
    return true;
  }
  return false;
}

bool Things::ClosePlaces() {
  const auto row = RowOf(3);
  if (row.empty()) return false;
  const auto& slots = roads_.town().slots;
  const auto put = [&](size_t k, uint8_t category, double ahead, double left, double turned) {
    const Slot& slot = slots[row[k]];
    Put(category, Vector2d(slot.x, slot.y) + ahead * Along(slot.yaw) + left * LeftOf(slot.yaw),
        slot.yaw + turned);
  };
  put(0, kBarrier, -2.6, 0, 0);
  put(2, kBarrier, 2.6, 0, 0);
  for (size_t k = 0; k < 3; ++k)
    for (const double ahead : {-2.0, 0.0, 2.0}) put(k, kCone, ahead, 0.95, 0);
  Vector3d digger = DrawThing(kConstruction, rng_);
  digger.x() = std::min(digger.x(), 6.0);
  digger.y() = 1.6;
  const Slot& middle = slots[row[1]];
  Put(kConstruction, digger, Vector2d(middle.x, middle.y) - 0.25 * LeftOf(middle.yaw), middle.yaw,
      Activity::kParked);
  put(0, kWorker, -0.5, -0.2, 1);
  put(2, kWorker, 1.4, 0.1, -2);
  put(0, kDebris, -1.6, -0.4, 0.5);
  put(2, kDebris, 0.6, -0.6, 0.3);
  put(2, kPushable, 1.9, -0.7, 0.1);
  return true;
}

namespace {

// A stretch of the outer edge of a walk near the way.
struct Edge {
  Vector2d from_G;
  double yaw = 0, length = 0;
};

std::vector<Edge> EdgesNear(const Roads& roads, const std::vector<Vector2d>& way_G, double inset,
                            double least, Rng& rng) {
  std::vector<Edge> edges;
  for (const Walk& walk : roads.town().walks) {
    for (size_t i = 0; i + 1 < walk.path.size(); ++i) {
      const Vector2d step = walk.path[i + 1] - walk.path[i];
      const double length = step.norm();
      if (length < least + 6 || walk.width < 2) continue;
      const double yaw = std::atan2(step.y(), step.x());
      const double side = rng.Uniform() < 0.5 ? 1 : -1;
      const double start = 3 + rng.Uniform() * (length - least - 6);
      const Vector2d from_G =
          walk.path[i] + start * Along(yaw) + side * (0.5 * walk.width - inset) * LeftOf(yaw);
      bool apart = true;
      for (const Crossing& crossing : roads.town().crossings)
        for (const Vector2d& foot_G : {crossing.from, crossing.to})
          apart &= (foot_G - from_G - 0.5 * least * Along(yaw)).norm() > 0.5 * least + 3;
      double distance = 1e18;
      for (const Vector2d& q_G : way_G) distance = std::min(distance, (from_G - q_G).norm());
      if (apart && distance < kVeryNear) edges.push_back({from_G, yaw, least});
    }
  }
  for (size_t i = edges.size(); i > 1; --i) std::swap(edges[i - 1], edges[rng.Below(i)]);
  return edges;
}

}  // namespace

void Things::CloseWalk() {
  const auto edges = EdgesNear(roads_, way_G_, 0.4, 9, rng_);
  if (edges.empty()) return;
  const auto put = [&](uint8_t category, double ahead, double turned) {
    Put(category, edges[0].from_G + ahead * Along(edges[0].yaw), edges[0].yaw + turned);
  };
  put(kCone, 0.3, 0);
  put(kBarrier, 1.8, 0.5 * EIGEN_PI);
  put(kDebris, 3.4, 0.1);
  put(kWorker, 4.6, 1);
  put(kBarrier, 6.2, 0.5 * EIGEN_PI);
  put(kCone, 7.6, 0);
}

void Things::AddWorkSite() {
  const bool lane_first = rng_.Uniform() < 0.6;
  if (lane_first && CloseLane()) return;
  if (ClosePlaces()) return;
  if (!lane_first && CloseLane()) return;
  CloseWalk();
}

void Things::AddRack() {
  if (const auto row = RowOf(1); !row.empty() && rng_.Uniform() < 0.7) {
    const Slot& slot = roads_.town().slots[row[0]];
    const Vector2d p_G(slot.x, slot.y);
    Put(kRack, p_G, slot.yaw);
    for (const double ahead : {-1.25, 1.25})
      for (const double left : {-0.68, 0.0, 0.68})
        if (rng_.Uniform() < 0.75)
          Put(kBicycle, p_G + ahead * Along(slot.yaw) + left * LeftOf(slot.yaw),
              slot.yaw + (ahead > 0 ? EIGEN_PI : 0));
    return;
  }
  const auto edges = EdgesNear(roads_, way_G_, 0.4, 8, rng_);
  if (edges.empty()) return;
  const auto& [from_G, yaw, length] = edges[0];
  Put(kRack, {1.6, 0.45, 0.9}, from_G + 4 * Along(yaw), yaw, Activity::kNone);
  for (const double ahead : {1.0, 2.2, 5.8}) Put(kBicycle, from_G + ahead * Along(yaw), yaw);
}

void Things::AddPushable() {
  const auto edges = EdgesNear(roads_, way_G_, 0.42, 1, rng_);
  if (!edges.empty()) Put(kPushable, edges[0].from_G, edges[0].yaw);
}

}  // namespace occvla::world::traffic
