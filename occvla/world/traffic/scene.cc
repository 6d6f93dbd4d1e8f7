#include "occvla/world/traffic/scene.h"

#include <algorithm>
#include <cmath>

#include "occvla/world/traffic/pedestrians.h"
#include "occvla/world/traffic/route.h"
#include "occvla/world/traffic/spawn.h"
#include "occvla/world/traffic/things.h"

namespace occvla::world::traffic {

namespace {

using Eigen::Vector2d;

constexpr double kWarmUp = 3;   // Seconds before the scene: queues form, gaps settle.
constexpr double kWindow = 3;   // Seconds that intents look ahead.
constexpr double kRadius = 85;  // Of traffic around the ego's way, metres.
constexpr int kStarts = 24;     // Starts that are compared before anything is simulated.

bool WantsChange(const DriveOptions& options) {
  return options.wanted_direction == data::Direction::kChangeLaneLeft ||
         options.wanted_direction == data::Direction::kChangeLaneRight;
}

class Scene {
 public:
  Scene(const Roads& roads, const DriveOptions& options, uint64_t draw)
      : roads_(roads),
        options_(options),
        rng_(options.seed, "scene", draw),
        flow_(roads),
        people_(roads) {}

  std::optional<Recording> Run();

 private:
  struct Start {
    int lane = kNoIndex;
    double s = 0, score = -1;
    std::vector<int> route;
  };
  Start ChooseStart();
  void AddEgo(const Start& start);
  void PutThings(const Start& start, const Region& region);
  void Observe(long step, long shown);
  void ObserveEgo(long step, long shown);
  FlatState StateOf(const Vehicle& vehicle, const BodyPose& body) const;
  FlatState StateOf(const Person& person) const;
  Track& TrackOf(std::vector<int>& index, size_t vehicle, const Actor& actor, size_t steps);

  const Roads& roads_;
  const DriveOptions& options_;
  Rng rng_;
  Flow flow_;
  People people_;
  Recording recording_;
  // Track of a vehicle, of its trailer, of a person, of who pushes it.
  std::vector<int> tracks_, trailer_tracks_, person_tracks_, pusher_tracks_;
  double lateral_ = 0;
  std::optional<double> last_offset_;  // While the ego changes lanes.
};

Scene::Start Scene::ChooseStart() {
  std::vector<int> lanes;
  for (size_t i = 0; i < roads_.town().lanes.size(); ++i) {
    const Lane& lane = roads_.town().lanes[i];
    if (!lane.connector && lane.length() > 30 && !lane.successors.empty())
      lanes.push_back(static_cast<int>(i));
  }
  Start best;
  if (lanes.empty()) return best;
  const auto between = [&](double low, double high) { return low + (high - low) * rng_.Uniform(); };
  for (int k = 0; k < kStarts; ++k) {
    Start start;
    start.lane = lanes[rng_.Below(lanes.size())];
    const double length = roads_.lane(start.lane).length(), least = kEgoLength + 1;
    start.s = WantsChange(options_) ? between(least, least + 5)
                                    : std::max(least, length - between(40, 100));
    start.s = std::min(start.s, roads_.StopAt(start.lane) - 1);
    start.route = PlanRoute(roads_, start.lane, start.s, 420, options_.wanted_direction, rng_);
    start.score =
        ScoreOf(roads_, start.route, start.s, options_.wanted_direction) + 0.5 * rng_.Uniform();
    if (start.score > best.score) best = std::move(start);
  }
  return best;
}

void Scene::AddEgo(const Start& start) {
  Vehicle ego;
  ego.ego = true;
  ego.category = kCar;
  ego.size = {kEgoLength, kEgoWidth, kEgoHeight};
  ego.driver = {.headway_s = 1.3, .gap = 2.4, .acceleration = 1.5, .deceleration = 1.9};
  ego.driver.haste = (WantsChange(options_) ? 0.78 : 0.92) + 0.12 * rng_.Uniform();
  ego.change_s = 3.2 + 0.6 * rng_.Uniform();
  ego.choices = Rng(rng_.NextU64(), "choices");
  ego.plan = start.route;
  ego.legs = {{start.lane, 0}};
  ego.front = start.s;
  ego.change_from = start.s + 16 + 12 * rng_.Uniform();
  ego.speed = std::min((WantsChange(options_) ? 0.6 : 0.8) * roads_.SpeedAt(start.lane, start.s),
                       std::sqrt(2.4 * std::max(0.0, roads_.StopAt(start.lane) - start.s)));
  flow_.Add(std::move(ego));
}

FlatState Scene::StateOf(const Vehicle& vehicle, const BodyPose& body) const {
  FlatState state{.p_G = body.p_G,
                  .yaw = body.yaw,
                  .speed = vehicle.speed,
                  .acceleration = vehicle.acceleration,
                  .stride = vehicle.travelled};
  const bool cycle = vehicle.category == kBicycle || vehicle.category == kMotorcycle;
  state.activity = cycle                 ? Activity::kWithRider
                   : vehicle.speed > 0.3 ? Activity::kMoving
                                         : Activity::kStopped;
  state.braking = vehicle.acceleration < -0.5 || vehicle.speed < 0.05;
  state.indicator = vehicle.category == kBicycle ? 0 : flow_.Indicator(vehicle);
  return state;
}

FlatState Scene::StateOf(const Person& person) const {
  FlatState state{
      .p_G = person.p_G, .yaw = person.yaw, .speed = person.speed, .stride = person.stride};
  if (person.category != kAnimal)
    state.activity = person.sits          ? Activity::kSitting
                     : person.speed > 0.1 ? Activity::kMoving
                                          : Activity::kStanding;
  return state;
}

Track& Scene::TrackOf(std::vector<int>& index, size_t vehicle, const Actor& actor, size_t steps) {
  index.resize(std::max(index.size(), vehicle + 1), kNoIndex);
  if (index[vehicle] == kNoIndex) {
    index[vehicle] = static_cast<int>(recording_.tracks.size());
    recording_.tracks.push_back({actor, std::vector<std::optional<FlatState>>(steps)});
  }
  return recording_.tracks[static_cast<size_t>(index[vehicle])];
}

void Scene::ObserveEgo(long step, long shown) {
  const Vehicle& ego = flow_.vehicles[0];
  const double axle = ego.front - ego.front_overhang() - ego.wheelbase();
  size_t leg = 0;
  while (leg + 1 < ego.legs.size() && ego.legs[leg + 1].start <= axle) ++leg;
  int lane = ego.legs[leg].lane;
  if (ego.changing()) {
    // The old lane's until halfway.
    if (ego.change_progress < 0.5) lane = ego.from_lane;
    if (!last_offset_) last_offset_ = ego.change_offset;
    lateral_ += ego.Offset() - *last_offset_;
    last_offset_ = ego.Offset();
  } else if (last_offset_) {
    lateral_ -= *last_offset_;
    last_offset_.reset();
  }
  if (step == -1) recording_.first_yaw = BodyOf(ego).yaw;
  if (step >= -1 && step <= shown)
    recording_.ego.push_back({ego.front_axle_G, ego.acceleration < -0.4 || ego.speed < 0.05,
                              flow_.Indicator(ego), lane});
  if (step < 0) return;
  auto& decisions = recording_.decisions;
  double yaw = BodyOf(ego).yaw;
  if (!decisions.empty()) yaw = decisions.back().yaw + Wrapped(yaw - decisions.back().yaw);
  decisions.push_back({ego.speed, yaw, lateral_, lane});
  if (step < shown && (recording_.route.empty() || recording_.route.back() != lane))
    recording_.route.push_back(lane);
}

void Scene::Observe(long step, long shown) {
  ObserveEgo(step, shown);
  if (step < 0 || step >= shown) return;
  const auto now = static_cast<size_t>(step), steps = static_cast<size_t>(shown);
  for (size_t i = 1; i < flow_.vehicles.size(); ++i) {
    const Vehicle& vehicle = flow_.vehicles[i];
    if (vehicle.gone) continue;
    Actor actor{vehicle.category, vehicle.size, vehicle.look};
    TrackOf(tracks_, i, actor, steps).states[now] = StateOf(vehicle, BodyOf(vehicle));
    if (vehicle.trailer.x() <= 0) continue;
    actor = {kTrailer, vehicle.trailer, vehicle.look + 1};
    TrackOf(trailer_tracks_, i, actor, steps).states[now] = StateOf(vehicle, TrailerOf(vehicle));
  }
  for (size_t i = 0; i < people_.persons.size(); ++i) {
    const Person& person = people_.persons[i];
    Actor actor{person.category, person.size, person.look};
    FlatState state = StateOf(person);
    TrackOf(person_tracks_, i, actor, steps).states[now] = state;
    if (person.pusher.x() <= 0) continue;
    actor = {kAdult, person.pusher, person.look + 1};
    state.p_G -= Person::kPusherBehind * Vector2d(std::cos(person.yaw), std::sin(person.yaw));
    TrackOf(pusher_tracks_, i, actor, steps).states[now] = state;
  }
}

void Scene::PutThings(const Start& start, const Region& region) {
  const auto wants = [&](uint8_t category) {
    const auto& all = options_.categories;
    return std::find(all.begin(), all.end(), category) != all.end();
  };
  Things things(roads_, region.way_G, {start.lane, start.s - 8, start.s + 45},
                Rng(rng_.NextU64(), "things"));
  const bool site =
      wants(kBarrier) || wants(kCone) || wants(kDebris) || wants(kWorker) || wants(kConstruction);
  if (rng_.Uniform() < 0.2 || site) things.AddWorkSite();
  if (rng_.Uniform() < 0.3 || wants(kRack) || wants(kBicycle)) things.AddRack();
  const auto carts = rng_.Below(3) + (wants(kPushable) ? 1 : 0);
  for (uint64_t k = 0; k < carts; ++k) things.AddPushable();
  std::vector<uint8_t> parked;
  if (wants(kTrailer) || rng_.Uniform() < 0.25) parked.push_back(kTrailer);
  if (wants(kTruck) || rng_.Uniform() < 0.3) parked.push_back(kTruck);
  things.Park(std::min(0.9, 0.35 + 0.3 * options_.density), parked);
  flow_.closures = things.closures;
  for (const Thing& thing : things.things) {
    people_.obstacles.push_back(thing.Body());
    const FlatState state{.p_G = thing.p_G, .yaw = thing.yaw, .activity = thing.activity};
    const long steps = std::lround(options_.duration_s / kStep) + 1;
    recording_.tracks.push_back(
        {thing.actor, std::vector<std::optional<FlatState>>(static_cast<size_t>(steps), state)});
  }
}

std::optional<Recording> Scene::Run() {
  const Start start = ChooseStart();
  if (start.lane == kNoIndex) return std::nullopt;
  const auto way = PointsAlong(roads_, start.route, start.s, 5);
  const Region region = MakeRegion(
      roads_, {way.begin(), way.begin() + static_cast<long>(std::min<size_t>(way.size(), 70))},
      kRadius);
  AddEgo(start);
  Spawner spawner(roads_, region, rng_.NextU64(), options_.density);
  PutThings(start, region);
  std::vector<uint8_t> vehicles, people;
  for (const uint8_t category : options_.categories) {
    if (category >= kBicycle) vehicles.push_back(category);
    if (category <= kWheelchair && category != kWorker) people.push_back(category);
  }
  // Room beside the ego, or its first lane change would have to wait.
  if (WantsChange(options_) && start.route.size() > 1)
    spawner.kept_clear = {{start.route[1], start.s - 25, start.s + 50}};
  spawner.Populate(flow_, vehicles);
  people_.Populate(region.way_G, options_.crowd, people, rng_);

  const long shown = std::lround(options_.duration_s / kStep) + 1;
  const long end = shown + std::lround(kWindow / kStep) + 1;
  for (long step = -std::lround(kWarmUp / kStep); step < end; ++step) {
    Observe(step, shown);
    const double time_s = static_cast<double>(step) * kStep;
    people_.Step(time_s, kStep, flow_);
    flow_.Step(time_s, kStep);
    const Vector2d ego_G = flow_.vehicles[0].front_axle_G;
    if (step % 5 == 0) {
      spawner.Leave(flow_, ego_G);
      spawner.Enter(flow_, ego_G, time_s);
    }
  }
  recording_.intents = Intents(roads_, recording_.decisions, static_cast<size_t>(shown), kStep);
  return std::move(recording_);
}

}  // namespace

std::optional<Recording> Record(const Roads& roads, const DriveOptions& options, uint64_t draw) {
  return Scene(roads, options, draw).Run();
}

}  // namespace occvla::world::traffic
