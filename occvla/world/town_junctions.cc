#include "occvla/world/town_junctions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "occvla/base/rng.h"

namespace occvla::world {

namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kSweptWidth = 2.3;  // Metres; a car with its sway.

enum class Order { kFirst, kSecond, kNeither };  // Which of two movements goes first.

bool Opposite(const Node& node, int a, int b) {
  return a != b && std::abs(WrapAngle(node.arms[static_cast<size_t>(b)].yaw -
                                      node.arms[static_cast<size_t>(a)].yaw)) > 0.75 * kPi;
}

/// Whether traffic of arm a has arm b on its right.
bool HasOnRight(const Node& node, int a, int b) {
  const double turn =
      WrapAngle(node.arms[static_cast<size_t>(b)].yaw - node.arms[static_cast<size_t>(a)].yaw);
  return turn > 0.25 * kPi && turn < 0.75 * kPi;
}

Order OrderOf(const Node& node, const Movement& first, const Movement& second, Turn first_turn,
              Turn second_turn) {
  if (first.in_arm == second.in_arm) {
    // Two lanes of one road become one: the left one gives way.
    if (first.in_lane == second.in_lane) return Order::kNeither;
    return first.in_lane < second.in_lane ? Order::kFirst : Order::kSecond;
  }
  const bool waits_1 = node.arms[static_cast<size_t>(first.in_arm)].gives_way;
  const bool waits_2 = node.arms[static_cast<size_t>(second.in_arm)].gives_way;
  if (waits_1 != waits_2) return waits_2 ? Order::kFirst : Order::kSecond;
  const bool opposite = Opposite(node, first.in_arm, second.in_arm);
  const bool left_1 = first_turn == Turn::kLeft, left_2 = second_turn == Turn::kLeft;
  if (opposite && left_1 != left_2) return left_2 ? Order::kFirst : Order::kSecond;
  const bool all_stop = node.control == Control::kStopSigns && waits_1;
  if (opposite || all_stop || node.control == Control::kLights) return Order::kNeither;
  if (HasOnRight(node, first.in_arm, second.in_arm)) return Order::kSecond;
  if (HasOnRight(node, second.in_arm, first.in_arm)) return Order::kFirst;
  return Order::kNeither;
}

void AddConflicts(const Node& node, const std::vector<Movement>& movements, const Town& town,
                  Junction& junction) {
  for (size_t i = 0; i < movements.size(); ++i) {
    for (size_t j = i + 1; j < movements.size(); ++j) {
      const Movement &a = movements[i], &b = movements[j];
      const Lane& lane_a = town.lanes[static_cast<size_t>(a.connector)];
      const Lane& lane_b = town.lanes[static_cast<size_t>(b.connector)];
      // From one lane they part, one behind the other: following, not conflict.
      if (lane_a.predecessors == lane_b.predecessors || !SweptPathsMeet(lane_a, lane_b)) continue;
      const Order order = OrderOf(node, a, b, lane_a.turn, lane_b.turn);
      if (order != Order::kFirst) junction.conflicts.push_back({a.connector, b.connector});
      if (order != Order::kSecond) junction.conflicts.push_back({b.connector, a.connector});
    }
  }
}

/// Opposite arms are green together and left turns wait for what comes; or each arm by itself.
void AddPhases(const Node& node, const std::vector<Movement>& movements, Rng& rng,
               Junction& junction) {
  std::vector<int> group(node.arms.size(), kNoIndex);
  int groups = 0;
  for (size_t a = 0; a < node.arms.size(); ++a) {
    if (group[a] != kNoIndex) continue;
    group[a] = groups;
    for (size_t b = a + 1; b < node.arms.size() && !node.split_phases; ++b) {
      if (group[b] == kNoIndex && Opposite(node, static_cast<int>(a), static_cast<int>(b)))
        group[b] = groups;
    }
    ++groups;
  }
  for (int g = 0; g < groups; ++g) {
    std::vector<int> phase;
    for (const Movement& m : movements)
      if (group[static_cast<size_t>(m.in_arm)] == g) phase.push_back(m.connector);
    if (!phase.empty()) junction.phases.push_back(phase);
  }
  junction.green_s = node.split_phases ? 7 + 2 * rng.Uniform() : 9 + 5 * rng.Uniform();
  const double cycle = static_cast<double>(junction.phases.size()) *
                       (junction.green_s + junction.amber_s + junction.clear_s);
  junction.offset_s = cycle * rng.Uniform();
}

/// A post beside the stop line on the right, and one beyond the junction on the right for whoever
/// can go straight on.
void AddPosts(const Node& node, const std::vector<Movement>& movements, int junction, Town& town) {
  for (size_t k = 0; k < node.arms.size(); ++k) {
    const Arm& arm = node.arms[k];
    TrafficLightPost post;
    post.junction = junction;
    post.yaw = arm.yaw;
    int beyond = kNoIndex;
    for (const Movement& m : movements) {
      if (m.in_arm != static_cast<int>(k)) continue;
      post.connectors.push_back(m.connector);
      if (town.lanes[static_cast<size_t>(m.connector)].turn == Turn::kStraight) beyond = m.out_arm;
    }
    // As seen from the node, traffic that comes in keeps to the left.
    if (node.control == Control::kLights && !post.connectors.empty()) {
      post.at = OnArm(node, arm, arm.reach - 0.3, arm.half + 0.5);
      town.lights.push_back(post);
      if (beyond != kNoIndex) {
        const Arm& far = node.arms[static_cast<size_t>(beyond)];
        post.at = OnArm(node, far, far.reach - 0.5, -(far.half + 0.5));
        town.lights.push_back(post);
      }
    }
    if (node.control == Control::kStopSigns && arm.gives_way && !post.connectors.empty()) {
      town.signs.push_back({OnArm(node, arm, arm.reach + 0.3, arm.half + 0.5), arm.yaw});
    }
  }
}

}  // namespace

bool SweptPathsMeet(const Lane& a, const Lane& b) {
  for (const auto& p : a.centreline) {
    for (const auto& q : b.centreline) {
      const double dx = p[0] - q[0], dy = p[1] - q[1];
      if (dx * dx + dy * dy < kSweptWidth * kSweptWidth) return true;
    }
  }
  return false;
}

void AddPriorities(const Plan& plan, const RoadNet& net, Town& town) {
  for (size_t n = 0; n < plan.nodes.size(); ++n) {
    const Node& node = plan.nodes[n];
    Junction& junction = town.junctions[n];
    Rng rng(town.seed, "town lights " + town.location, 0, n);
    junction.centre = node.p;
    junction.control = node.control;
    AddConflicts(node, net.movements[n], town, junction);
    if (node.control == Control::kLights) AddPhases(node, net.movements[n], rng, junction);
    AddPosts(node, net.movements[n], static_cast<int>(n), town);
  }
}

LightState LightOf(const Junction& junction, int connector, double time_s) {
  const double step = junction.green_s + junction.amber_s + junction.clear_s;
  const double cycle = step * static_cast<double>(junction.phases.size());
  if (cycle <= 0) return LightState::kGreen;
  double t = std::fmod(time_s + junction.offset_s, cycle);
  if (t < 0) t += cycle;
  const size_t phase = std::min(static_cast<size_t>(t / step), junction.phases.size() - 1);
  const auto& green = junction.phases[phase];
  if (std::find(green.begin(), green.end(), connector) == green.end()) return LightState::kRed;
  t -= step * static_cast<double>(phase);
  if (t < junction.green_s) return LightState::kGreen;
  return t < junction.green_s + junction.amber_s ? LightState::kAmber : LightState::kRed;
}

}  // namespace occvla::world
