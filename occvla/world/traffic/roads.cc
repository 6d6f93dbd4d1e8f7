#include "occvla/world/traffic/roads.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace occvla::world::traffic {

namespace {

using Eigen::Vector2d;

// Vehicles on centrelines nearer than this part of a lane's width meet.
constexpr double kMeetingWidth = 0.86;

Vector2d Position(const std::array<double, 3>& pose) { return {pose[0], pose[1]}; }

}  // namespace

double Wrapped(double angle) {
  angle = std::fmod(angle + std::numbers::pi, 2 * std::numbers::pi);
  return (angle < 0 ? angle + 2 * std::numbers::pi : angle) - std::numbers::pi;
}

bool Inside(const Polygon2& polygon, const Vector2d& p_G) {
  bool inside = false;
  const auto& points = polygon.points;
  for (size_t i = 0, j = points.size() - 1; i < points.size(); j = i++) {
    const Vector2d &a = points[i], &b = points[j];
    if ((a.y() > p_G.y()) != (b.y() > p_G.y()) &&
        p_G.x() < (b.x() - a.x()) * (p_G.y() - a.y()) / (b.y() - a.y()) + a.x())
      inside = !inside;
  }
  return inside;
}

Roads::Roads(const Town& town) : town_(town), details_(town.lanes.size()) {
  for (size_t i = 0; i < details_.size(); ++i) FillSpeeds(i);
  FillCrossings();
  for (size_t i = 0; i < details_.size(); ++i) FillStop(i);
  for (const auto& junction : town.junctions) FillMeetings(junction);
}

size_t Roads::Segment(const Lane& lane, double s) const {
  const size_t last = lane.arc_lengths.size() - 2;
  const double share = std::clamp(s / lane.length(), 0.0, 1.0);
  size_t i = std::min(last, static_cast<size_t>(share * static_cast<double>(last + 1)));
  while (i > 0 && lane.arc_lengths[i] > s) --i;
  while (i < last && lane.arc_lengths[i + 1] < s) ++i;
  return i;
}

std::array<double, 3> Roads::At(int index, double s) const {
  const Lane& line = lane(index);
  if (s <= 0 || s >= line.length()) {
    const auto& end = s <= 0 ? line.centreline.front() : line.centreline.back();
    const double beyond = s <= 0 ? s : s - line.length();
    return {end[0] + beyond * std::cos(end[2]), end[1] + beyond * std::sin(end[2]), end[2]};
  }
  const size_t i = Segment(line, s);
  const auto &a = line.centreline[i], &b = line.centreline[i + 1];
  const double h = line.arc_lengths[i + 1] - line.arc_lengths[i];
  if (h <= 1e-9) return a;
  const auto& tangents = details_[static_cast<size_t>(index)].tangents;
  // A cubic with both ends' tangents: chords of 0.5 m would shake the yaw in bends.
  const double u = (s - line.arc_lengths[i]) / h, v = 1 - u;
  const double at_a = v * v * (1 + 2 * u), at_b = u * u * (3 - 2 * u);
  const double out_a = h * u * v * v, out_b = -h * u * u * v;
  return {
      at_a * a[0] + at_b * b[0] + out_a * tangents[i].x() + out_b * tangents[i + 1].x(),
      at_a * a[1] + at_b * b[1] + out_a * tangents[i].y() + out_b * tangents[i + 1].y(),
      a[2] + u * Wrapped(b[2] - a[2]),
  };
}

Vector2d Roads::Point(int index, double s, double left) const {
  const auto pose = At(index, s);
  return {pose[0] - left * std::sin(pose[2]), pose[1] + left * std::cos(pose[2])};
}

double Roads::Nearest(int index, const Vector2d& p_G, double near, double reach) const {
  const Lane& line = lane(index);
  const double low = std::max(0.0, near - reach), high = std::min(line.length(), near + reach);
  double best = std::clamp(near, 0.0, line.length()), least = 1e18;
  for (double s = low; s <= high + 1e-9; s += 1.0) {
    const double distance = (Position(At(index, s)) - p_G).squaredNorm();
    if (distance < least) least = distance, best = s;
  }
  // Along the tangent to the foot: each time a part (offset over radius) of the error is left.
  for (int k = 0; k < 5; ++k) {
    const auto pose = At(index, best);
    best += Vector2d(std::cos(pose[2]), std::sin(pose[2])).dot(p_G - Position(pose));
    best = std::clamp(best, 0.0, line.length());
  }
  return best;
}

double Roads::Across(int index, double s, int neighbour) const {
  const double guess = s * lane(neighbour).length() / std::max(lane(index).length(), 1e-9);
  return Nearest(neighbour, Position(At(index, s)), guess, 8);
}

double Roads::SpeedAt(int index, double s) const {
  const Lane& line = lane(index);
  const auto& speeds = details_[static_cast<size_t>(index)].speeds;
  if (s <= 0) return speeds.front();
  if (s >= line.length()) return speeds.back();
  const size_t i = Segment(line, s);
  return std::min(speeds[i], speeds[i + 1]);
}

bool Roads::HasWay(int index, double least_radius) const {
  const auto& next = lane(index).successors;
  return next.empty() || std::any_of(next.begin(), next.end(), [&](int connector) {
           return LeastRadius(connector) >= least_radius;
         });
}

void Roads::FillSpeeds(size_t index) {
  const Lane& line = town_.lanes[index];
  Details& details = details_[index];
  const size_t n = line.centreline.size();
  details.speeds.assign(n, line.speed_limit);
  for (const auto& pose : line.centreline)
    details.tangents.emplace_back(std::cos(pose[2]), std::sin(pose[2]));
  for (size_t i = 0; i < n; ++i) {
    const size_t before = i < 3 ? 0 : i - 3, after = std::min(n - 1, i + 3);
    const double run = line.arc_lengths[after] - line.arc_lengths[before];
    if (run <= 0) continue;
    const double turn = std::abs(Wrapped(line.centreline[after][2] - line.centreline[before][2]));
    if (turn < 1e-6) continue;
    details.radius = std::min(details.radius, run / turn);
    details.speeds[i] = std::min(line.speed_limit, std::sqrt(kLateral * run / turn));
  }
  for (size_t i = n - 1; i-- > 0;) {
    const double run = line.arc_lengths[i + 1] - line.arc_lengths[i];
    const double next = details.speeds[i + 1];
    details.speeds[i] = std::min(details.speeds[i], std::sqrt(next * next + 2 * kBraking * run));
  }
}

void Roads::FillCrossings() {
  for (size_t c = 0; c < town_.crossings.size(); ++c) {
    const Crossing& crossing = town_.crossings[c];
    for (const auto& cut : crossing.cuts) {
      LaneCrossing part{static_cast<int>(c), cut.s - 0.5, cut.s + 0.5};
      const auto covered = [&](double s) {
        return Inside(crossing.area, Position(At(cut.lane, s)));
      };
      while (part.from > cut.s - 12 && covered(part.from)) part.from -= 0.25;
      while (part.to < cut.s + 12 && covered(part.to)) part.to += 0.25;
      details_[static_cast<size_t>(cut.lane)].crossings.push_back(part);
    }
  }
  for (auto& details : details_) {
    std::sort(details.crossings.begin(), details.crossings.end(),
              [](const auto& a, const auto& b) { return a.from < b.from; });
  }
}

void Roads::FillStop(size_t index) {
  const Lane& line = town_.lanes[index];
  Details& details = details_[index];
  details.stop = line.length() - 0.3;
  if (line.stop_line != kNoIndex) {
    const auto& area = town_.stop_lines[static_cast<size_t>(line.stop_line)].area;
    for (double back = 0; back < std::min(20.0, line.length()); back += 0.1) {
      const double s = line.length() - back;
      if (Inside(area, Position(At(static_cast<int>(index), s)))) details.stop = s - 0.3;
    }
  }
  for (const auto& crossing : details.crossings)
    if (crossing.from > line.length() - 14)
      details.stop = std::min(details.stop, crossing.from - 0.8);
}

void Roads::FillMeetings(const Junction& junction) {
  constexpr double kStep = 0.5;
  const auto& connectors = junction.connectors;
  std::vector<std::vector<Vector2d>> points;
  for (const int c : connectors) {
    auto& line = points.emplace_back();
    for (double s = 0; s <= lane(c).length() + 1e-9; s += kStep) line.push_back(Position(At(c, s)));
    line.push_back(Position(At(c, lane(c).length())));
  }
  for (size_t a = 0; a < connectors.size(); ++a) {
    for (size_t b = a + 1; b < connectors.size(); ++b) {
      const Lane &lane_a = lane(connectors[a]), &lane_b = lane(connectors[b]);
      const double meeting = kMeetingWidth * 0.5 * (lane_a.width + lane_b.width);
      double from_a = 1e18, to_a = -1, from_b = 1e18, to_b = -1;
      for (size_t i = 0; i < points[a].size(); ++i) {
        for (size_t j = 0; j < points[b].size(); ++j) {
          if ((points[a][i] - points[b][j]).squaredNorm() >= meeting * meeting) continue;
          const double s_a = static_cast<double>(i) * kStep, s_b = static_cast<double>(j) * kStep;
          from_a = std::min(from_a, s_a), to_a = std::max(to_a, s_a);
          from_b = std::min(from_b, s_b), to_b = std::max(to_b, s_b);
        }
      }
      if (to_a < 0) continue;
      Meeting ab{.other = connectors[b],
                 .from = from_a,
                 .to = to_a,
                 .other_from = from_b,
                 .other_to = to_b};
      ab.fork = std::any_of(lane_a.predecessors.begin(), lane_a.predecessors.end(), [&](int p) {
        return std::count(lane_b.predecessors.begin(), lane_b.predecessors.end(), p) > 0;
      });
      for (const auto& [waits, first] : junction.conflicts) {
        ab.waits |= waits == connectors[a] && first == connectors[b];
        ab.first |= waits == connectors[b] && first == connectors[a];
      }
      if (!ab.waits && !ab.first) ab.waits = ab.first = true;
      details_[static_cast<size_t>(connectors[a])].meetings.push_back(ab);
      details_[static_cast<size_t>(connectors[b])].meetings.push_back({.other = connectors[a],
                                                                       .from = from_b,
                                                                       .to = to_b,
                                                                       .other_from = from_a,
                                                                       .other_to = to_a,
                                                                       .fork = ab.fork,
                                                                       .waits = ab.first,
                                                                       .first = ab.waits});
    }
  }
}

}  // namespace occvla::world::traffic
