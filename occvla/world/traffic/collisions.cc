#include "occvla/world/traffic/collisions.h"

#include <algorithm>
#include <cmath>

namespace occvla::world {

namespace {

using Eigen::Vector2d;

struct Body {
  Vector2d centre_G, along, across;  // Half extents.
  double reach = 0;
  size_t who = 0;
};

double Yaw(const geom::Pose& X_GA) { return std::atan2(X_GA(1, 0), X_GA(0, 0)); }

Body BodyFrom(const Rectangle& r, size_t who) {
  const Vector2d direction(std::cos(r.yaw), std::sin(r.yaw));
  return {r.centre_G, 0.5 * r.length * direction,
          0.5 * r.width * Vector2d(-direction.y(), direction.x()),
          0.5 * std::hypot(r.length, r.width), who};
}

bool Overlap(const Body& a, const Body& b) {
  const Vector2d between = b.centre_G - a.centre_G;
  for (const Vector2d& axis : {a.along, a.across, b.along, b.across}) {
    const double reach = std::abs(axis.dot(a.along)) + std::abs(axis.dot(a.across)) +
                         std::abs(axis.dot(b.along)) + std::abs(axis.dot(b.across));
    if (std::abs(axis.dot(between)) >= reach) return false;
  }
  return true;
}

}  // namespace

bool Overlap(const Rectangle& a, const Rectangle& b) {
  return Overlap(BodyFrom(a, 0), BodyFrom(b, 0));
}

Rectangle BodyOf(const EgoState& state) {
  const double yaw = Yaw(state.X_GE);
  const Vector2d centre_G =
      state.X_GE.translation().head<2>() + kEgoCentreAhead * Vector2d(std::cos(yaw), std::sin(yaw));
  return {centre_G, yaw, kEgoLength, kEgoWidth};
}

std::vector<Collision> Collisions(const Drive& drive, size_t limit) {
  std::vector<Collision> found;
  std::vector<Body> bodies;
  for (size_t step = 0; step < drive.ego.size(); ++step) {
    bodies.clear();
    bodies.push_back(BodyFrom(BodyOf(drive.ego[step]), Collision::kEgo));
    for (size_t i = 0; i < drive.actors.size(); ++i) {
      const auto& state = drive.states[step][i];
      if (!state) continue;
      const auto& size = drive.actors[i].size;
      bodies.push_back(
          BodyFrom({state->X_GA.translation().head<2>(), Yaw(state->X_GA), size.x(), size.y()}, i));
    }
    // By the left end: only bodies whose x ranges meet are compared.
    std::sort(bodies.begin(), bodies.end(), [](const Body& a, const Body& b) {
      return a.centre_G.x() - a.reach < b.centre_G.x() - b.reach;
    });
    for (size_t i = 0; i < bodies.size(); ++i) {
      const Body& a = bodies[i];
      for (size_t j = i + 1; j < bodies.size(); ++j) {
        const Body& b = bodies[j];
        if (b.centre_G.x() - b.reach >= a.centre_G.x() + a.reach) break;
        const double near = a.reach + b.reach;
        if ((a.centre_G - b.centre_G).squaredNorm() >= near * near || !Overlap(a, b)) continue;
        found.push_back({step, std::min(a.who, b.who), std::max(a.who, b.who)});
        if (found.size() >= limit) return found;
      }
    }
  }
  return found;
}

}  // namespace occvla::world
