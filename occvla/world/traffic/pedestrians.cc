#include "occvla/world/traffic/pedestrians.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace occvla::world::traffic {

namespace {

using Eigen::Vector2d;

constexpr double kSpacing = 26;     // Metres of walk a person at crowd 1.
constexpr double kNear = 50;        // Metres from the way.
constexpr double kCarBrakes = 1.8;  // m/s^2 that people expect of drivers.
constexpr double kApart = 0.06;     // Metres between people at least.
constexpr size_t kMost = 140;

double Between(Rng& rng, double low, double high) { return low + (high - low) * rng.Uniform(); }

Vector2d Along(double yaw) { return {std::cos(yaw), std::sin(yaw)}; }

uint8_t DrawPerson(Rng& rng) {
  const double u = rng.Uniform();
  if (u < 0.76) return kAdult;
  if (u < 0.87) return kChild;
  if (u < 0.89) return kWorker;
  if (u < 0.905) return kOfficer;
  if (u < 0.93) return kStroller;
  if (u < 0.945) return kWheelchair;
  return u < 0.965 ? kPersonalMobility : kAnimal;
}

Person MakePerson(uint8_t category, Rng& rng) {
  Person person;
  person.category = category;
  person.look = rng.NextU64();
  person.pace = Between(rng, 0.95, 1.65);
  const double tall = Between(rng, 0.92, 1.08);
  person.size = {Between(rng, 0.5, 0.75), Between(rng, 0.55, 0.75), 1.74 * tall};
  switch (category) {
    case kChild:
      person.size = {Between(rng, 0.4, 0.55), Between(rng, 0.4, 0.55), Between(rng, 1.0, 1.45)};
      break;
    case kAnimal:
      person.size = {Between(rng, 0.5, 0.9), Between(rng, 0.25, 0.35), Between(rng, 0.35, 0.65)};
      break;
    case kStroller:
      person.pusher = person.size;
      person.size = {0.95, 0.58, 1.02 * tall};
      break;
    case kWheelchair:
      person.size = {1.05, 0.68, 1.32 * tall};
      person.sits = true;
      break;
    case kPersonalMobility:
      person.size = {1.15, 0.6, 1.8 * tall};
      person.pace = Between(rng, 2.2, 3.6);
      break;
    default:
      break;
  }
  person.eager = Between(rng, 0.15, 0.75);
  person.jitter = Between(rng, -1.0, 1.0);
  person.choices = Rng(rng.NextU64(), "choices");
  return person;
}

// Discs that together cover everybody's boxes.
struct Discs {
  std::array<Vector2d, 2> centres_G;
  double radius = 0;
  size_t count = 1;
};

Discs DiscsOf(const Person& person, const Vector2d& p_G, double yaw) {
  Discs discs;
  discs.centres_G[0] = p_G;
  if (person.pusher.x() > 0) {
    discs.radius = std::max(person.Radius(), 0.5 * person.pusher.head<2>().norm());
    discs.centres_G[1] = p_G - Person::kPusherBehind * Along(yaw);
    discs.count = 2;
  } else if (person.size.x() > 1) {
    // Half of the length each.
    discs.radius = 0.5 * std::hypot(0.5 * person.size.x(), person.size.y());
    discs.centres_G[0] = p_G + 0.25 * person.size.x() * Along(yaw);
    discs.centres_G[1] = p_G - 0.25 * person.size.x() * Along(yaw);
    discs.count = 2;
  } else {
    discs.radius = person.Radius();
  }
  return discs;
}

double DistanceTo(const Rectangle& r, const Vector2d& p_G) {
  const Vector2d d = p_G - r.centre_G, ahead = Along(r.yaw);
  const double x = std::max(0.0, std::abs(d.dot(ahead)) - 0.5 * r.length);
  const double y = std::max(0.0, std::abs(ahead.x() * d.y() - ahead.y() * d.x()) - 0.5 * r.width);
  return std::hypot(x, y);
}

}  // namespace

People::People(const Roads& roads) : roads_(roads) {
  const Town& town = roads.town();
  widths_.assign(town.crossings.size(), 3);
  for (const auto& walk : town.walks) {
    Path& path = paths_.emplace_back();
    path.width = walk.width;
    path.points = walk.path;
    path.lengths.push_back(0);
    for (size_t i = 1; i < walk.path.size(); ++i)
      path.lengths.push_back(path.lengths.back() + (walk.path[i] - walk.path[i - 1]).norm());
    for (const int c : walk.crossings) {
      const Crossing& crossing = town.crossings[static_cast<size_t>(c)];
      for (const bool from : {true, false}) {
        const Vector2d& p_G = from ? crossing.from : crossing.to;
        const double s = FootOf(path, p_G, 0.5 * path.length(), path.length());
        if ((PointOn(path, s, 0) - p_G).norm() < 0.5 * path.width + 0.5)
          path.feet.push_back({c, from, s});
      }
      widths_[static_cast<size_t>(c)] = std::min(widths_[static_cast<size_t>(c)], walk.width);
    }
  }
  for (size_t a = 0; a < paths_.size(); ++a) {
    for (size_t b = 0; b < paths_.size(); ++b) {
      if (a == b) continue;
      const auto meet = [](const Vector2d& p, const Vector2d& q) { return (p - q).norm() < 0.6; };
      const int other = static_cast<int>(b);
      const auto &mine = paths_[a].points, &its = paths_[b].points;
      if (meet(mine.front(), its.front())) paths_[a].at_start.push_back({other, true});
      if (meet(mine.front(), its.back())) paths_[a].at_start.push_back({other, false});
      if (meet(mine.back(), its.front())) paths_[a].at_end.push_back({other, true});
      if (meet(mine.back(), its.back())) paths_[a].at_end.push_back({other, false});
    }
  }
}

Vector2d People::PointOn(const Path& path, double s, double left) const {
  s = std::clamp(s, 0.0, path.length());
  size_t i = 0;
  while (i + 2 < path.points.size() && path.lengths[i + 1] <= s) ++i;
  const Vector2d step = path.points[i + 1] - path.points[i];
  const double length = std::max(step.norm(), 1e-9);
  const Vector2d ahead = step / length;
  return path.points[i] + (s - path.lengths[i]) * ahead + left * Vector2d(-ahead.y(), ahead.x());
}

double People::FootOf(const Path& path, const Vector2d& p_G, double near, double reach) const {
  double best = near, least = 1e18;
  for (size_t i = 0; i + 1 < path.points.size(); ++i) {
    if (path.lengths[i + 1] < near - reach || path.lengths[i] > near + reach) continue;
    const Vector2d step = path.points[i + 1] - path.points[i];
    const double length = step.norm();
    if (length < 1e-9) continue;
    const double along = std::clamp((p_G - path.points[i]).dot(step) / length, 0.0, length);
    const double distance = (path.points[i] + along / length * step - p_G).squaredNorm();
    if (distance < least) least = distance, best = path.lengths[i] + along;
  }
  return best;
}

Vector2d People::KerbPoint(const Person& person, bool far) const {
  const Crossing& crossing = roads_.town().crossings[static_cast<size_t>(person.crossing)];
  const bool at_from = person.from_from != far;
  const Vector2d here = at_from ? crossing.from : crossing.to;
  const Vector2d ahead = ((at_from ? crossing.to : crossing.from) - here).normalized();
  const double width = widths_[static_cast<size_t>(person.crossing)];
  // Towards the kerb, but clear of it; people who go the other way keep to their own side.
  const double aside = person.from_from ? person.jitter : -person.jitter;
  const double inset = std::max(0.0, 0.5 * width - 0.65);
  return here + inset * ahead + aside * Vector2d(-ahead.y(), ahead.x()) * (far ? -1.0 : 1.0);
}

bool People::IsFree(const Person& person, const Vector2d& p_G, double yaw, size_t self) const {
  const Discs mine = DiscsOf(person, p_G, yaw);
  for (size_t i = 0; i < persons.size(); ++i) {
    if (i == self || (places_G_[i] - p_G).squaredNorm() > 9) continue;
    const Person& other = persons[i];
    const Discs its = DiscsOf(other, other.p_G, other.yaw);
    const double apart = mine.radius + its.radius + kApart;
    for (size_t a = 0; a < mine.count; ++a)
      for (size_t b = 0; b < its.count; ++b)
        if ((mine.centres_G[a] - its.centres_G[b]).squaredNorm() < apart * apart) return false;
  }
  for (const Rectangle& obstacle : obstacles) {
    if ((obstacle.centre_G - p_G).squaredNorm() > 64) continue;
    for (size_t a = 0; a < mine.count; ++a)
      if (DistanceTo(obstacle, mine.centres_G[a]) < mine.radius + kApart) return false;
  }
  return true;
}

bool People::MayCross(const Person& person, double time_s, const Flow& flow) const {
  const Town& town = roads_.town();
  const Crossing& crossing = town.crossings[static_cast<size_t>(person.crossing)];
  if (crossing.junction != kNoIndex) {
    const Junction& junction = town.junctions[static_cast<size_t>(crossing.junction)];
    if (junction.control == Control::kLights) {
      const double needed = (crossing.to - crossing.from).norm() / person.pace;
      for (const auto& cut : crossing.cuts) {
        const Lane& lane = roads_.lane(cut.lane);
        // Who turns into this road has green with us and gives way.
        if (!lane.connector || (cut.s > 0.5 * lane.length() && lane.turn != Turn::kStraight))
          continue;
        for (double t = 0; t <= needed; t += 0.5)
          if (LightOf(junction, cut.lane, time_s + t) != LightState::kRed) return false;
      }
    }
  }
  for (const Vehicle& vehicle : flow.vehicles) {
    if (vehicle.gone) continue;
    for (const Leg& leg : vehicle.legs) {
      if (leg.start > vehicle.front + 60) break;
      for (const LaneCrossing& cut : roads_.Crossings(leg.lane)) {
        if (cut.crossing != person.crossing || vehicle.rear() > leg.start + cut.to + 0.6) continue;
        const double distance = leg.start + cut.from - 1.0 - vehicle.front;
        if (vehicle.speed < 0.1 && distance > -0.5) continue;
        const double left = distance - 0.5 * vehicle.speed;
        if (left <= 0.2 || vehicle.speed * vehicle.speed > 2 * kCarBrakes * left) return false;
      }
    }
  }
  return true;
}

void People::Turn(Person& person) const {
  const Path& path = paths_[static_cast<size_t>(person.walk)];
  const auto& next = person.forward ? path.at_end : path.at_start;
  if (next.empty()) {
    person.forward = !person.forward;
    return;
  }
  const auto [walk, forward] = next[person.choices.Below(next.size())];
  person.walk = walk;
  person.forward = forward;
  const Path& taken = paths_[static_cast<size_t>(walk)];
  person.s = forward ? 0 : taken.length();
  person.aside = std::min(person.aside, std::max(0.1, 0.5 * taken.width - 0.45));
}

void People::Decide(Person& person, double time_s, Flow& flow) {
  const Path* path = &paths_[static_cast<size_t>(person.walk)];
  switch (person.mode) {
    case Person::Mode::kWalk: {
      const double left = person.forward ? path->length() - person.s : person.s;
      if (left < 0.5) return Turn(person);
      for (const Foot& foot : path->feet) {
        const double ahead = (foot.s - person.s) * (person.forward ? 1 : -1);
        if (ahead < -0.2 || ahead > 1.2 || foot.crossing == person.declined) continue;
        person.declined = foot.crossing;
        if (person.choices.Uniform() >= person.eager) continue;
        person.crossing = foot.crossing;
        person.from_from = foot.from;
        person.mode = Person::Mode::kApproach;
        return;
      }
      return;
    }
    case Person::Mode::kApproach:
      if ((KerbPoint(person, false) - person.p_G).norm() < 0.35 ||
          (person.speed < 0.05 && (KerbPoint(person, false) - person.p_G).norm() < 1.6))
        person.mode = Person::Mode::kWait;
      return;
    case Person::Mode::kWait:
      if (MayCross(person, time_s, flow)) {
        person.mode = Person::Mode::kCross;
        ++flow.claims[static_cast<size_t>(person.crossing)];
      }
      return;
    case Person::Mode::kCross: {
      if ((KerbPoint(person, true) - person.p_G).norm() > 0.5) return;
      const bool at_from = !person.from_from;
      person.mode = Person::Mode::kStand;
      for (size_t w = 0; w < paths_.size(); ++w) {
        for (const Foot& foot : paths_[w].feet) {
          if (foot.crossing != person.crossing || foot.from != at_from) continue;
          person.walk = static_cast<int>(w);
          person.s = foot.s;
          person.forward = person.choices.Uniform() < 0.5;
          person.declined = person.crossing;
          person.mode = Person::Mode::kWalk;
        }
      }
      person.crossing = kNoIndex;
      return;
    }
    case Person::Mode::kStand:
      return;
  }
}

void People::Walk(Person& person, size_t self, double step_s) {
  Vector2d target = person.p_G;
  if (person.mode == Person::Mode::kWalk) {
    const Path& path = paths_[static_cast<size_t>(person.walk)];
    const double sign = person.forward ? 1 : -1;
    target = PointOn(path, person.s + 1.3 * sign, -sign * person.aside);
  } else if (person.mode == Person::Mode::kApproach || person.mode == Person::Mode::kCross) {
    target = KerbPoint(person, person.mode == Person::Mode::kCross);
  }
  const Vector2d way = target - person.p_G;
  const bool goes = person.mode != Person::Mode::kStand && person.mode != Person::Mode::kWait &&
                    way.norm() > 0.02 && (!person.blocked || (steps_ + self) % 4 == 0);
  double moved = 0;
  if (goes) {
    person.blocked = true;
    const double wanted = std::atan2(way.y(), way.x());
    const double speed = std::min({person.pace, person.speed + 1.8 * step_s, way.norm() * 2 + 0.2});
    // Straight on, else round whoever is there, else wait.
    for (const double aside : {0.0, -0.4, 0.4, -0.8, 0.8, -1.25, 1.25}) {
      const double yaw_goal = wanted + aside;
      const double turn = std::clamp(Wrapped(yaw_goal - person.yaw), -5 * step_s, 5 * step_s);
      const double yaw = person.yaw + turn;
      // In a tight turn people slow down rather than walk sideways.
      const double facing = std::cos(Wrapped(yaw_goal - yaw));
      const double pace = speed * std::max(0.0, facing) * (aside == 0 ? 1.0 : 0.7);
      const Vector2d next_G = person.p_G + pace * step_s * Along(yaw);
      const Vector2d probe_G = person.p_G + 0.25 * Along(yaw);
      if (!IsFree(person, next_G, yaw, self) ||
          (facing > 0.9 && !IsFree(person, probe_G, yaw, self)))
        continue;
      person.p_G = places_G_[self] = next_G;
      person.blocked = false;
      person.yaw = yaw;
      moved = pace;
      break;
    }
  }
  person.speed = moved;
  person.stride += moved * step_s * 2 * EIGEN_PI / (0.8 * std::max(person.size.z(), 0.8));
  if (person.mode == Person::Mode::kWalk) {
    const Path& path = paths_[static_cast<size_t>(person.walk)];
    person.s = FootOf(path, person.p_G, person.s, 3);
  }
}

void People::Step(double time_s, double step_s, Flow& flow) {
  std::fill(flow.claims.begin(), flow.claims.end(), 0);
  std::fill(flow.wishes.begin(), flow.wishes.end(), 0);
  for (const Person& person : persons)
    if (person.mode == Person::Mode::kCross) ++flow.claims[static_cast<size_t>(person.crossing)];
  for (Person& person : persons) {
    if (person.mode != Person::Mode::kStand) Decide(person, time_s, flow);
    if (person.mode != Person::Mode::kWait) continue;
    const auto c = static_cast<size_t>(person.crossing);
    const int junction = roads_.town().crossings[c].junction;
    if (junction == kNoIndex ||
        roads_.town().junctions[static_cast<size_t>(junction)].control != Control::kLights)
      ++flow.wishes[c];
  }
  for (size_t i = 0; i < persons.size(); ++i) Walk(persons[i], i, step_s);
  ++steps_;
}

bool People::Put(uint8_t category, int walk, double s, Rng& rng) {
  Person person = MakePerson(category, rng);
  const Path& path = paths_[static_cast<size_t>(walk)];
  person.walk = walk;
  person.s = s;
  person.forward = rng.Uniform() < 0.5;
  person.aside = Between(rng, 0.1, std::max(0.15, 0.5 * path.width - 0.45));
  const double sign = person.forward ? 1 : -1;
  person.p_G = PointOn(path, s, -sign * person.aside);
  const Vector2d ahead = PointOn(path, s + 0.5, 0) - PointOn(path, s - 0.5, 0);
  person.yaw = std::atan2(sign * ahead.y(), sign * ahead.x());
  person.stride = Between(rng, 0, 6);
  if (category == kOfficer || rng.Uniform() < 0.12) {
    person.mode = Person::Mode::kStand;
    person.yaw = Between(rng, -EIGEN_PI, EIGEN_PI);
    person.sits |= category == kAdult && rng.Uniform() < 0.2;
    if (person.sits) person.size.z() = std::min(person.size.z(), 1.3);
  } else {
    person.speed = person.pace;
  }
  if (!IsFree(person, person.p_G, person.yaw, persons.size())) return false;
  places_G_.push_back(person.p_G);
  persons.push_back(std::move(person));
  return true;
}

void People::Populate(std::span<const Vector2d> way_G, double crowd,
                      const std::vector<uint8_t>& wanted, Rng& rng) {
  struct Place {
    int walk;
    double from, to;
  };
  std::vector<Place> places;
  double length = 0;
  for (size_t w = 0; w < paths_.size(); ++w) {
    for (double s = 0; s < paths_[w].length(); s += 8) {
      const Vector2d p_G = PointOn(paths_[w], s, 0);
      const bool near = std::any_of(way_G.begin(), way_G.end(), [&](const Vector2d& q_G) {
        return (p_G - q_G).squaredNorm() < kNear * kNear;
      });
      if (!near) continue;
      places.push_back({static_cast<int>(w), s, std::min(s + 8, paths_[w].length())});
      length += places.back().to - s;
    }
  }
  if (places.empty()) return;
  const auto draw = [&] { return places[rng.Below(places.size())]; };
  for (const uint8_t category : wanted) {
    for (int attempt = 0; attempt < 80; ++attempt) {
      const Place place = draw();
      const double s = Between(rng, place.from, place.to);
      const Vector2d p_G = PointOn(paths_[static_cast<size_t>(place.walk)], s, 0);
      if ((p_G - way_G.front()).norm() > 25 + 0.5 * attempt) continue;
      if (Put(category, place.walk, s, rng)) break;
    }
  }
  const auto count = std::min(kMost, static_cast<size_t>(crowd * length / kSpacing));
  for (size_t i = 0; i < count; ++i) {
    const Place place = draw();
    if (Put(DrawPerson(rng), place.walk, Between(rng, place.from, place.to), rng)) continue;
  }
}

}  // namespace occvla::world::traffic
