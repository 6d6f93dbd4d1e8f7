#include "occvla/world/render/lamps.h"

#include <algorithm>
#include <cmath>

#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector3f;

constexpr float kCell = 12;
constexpr float kSight = 150;

Vector3f ColourOf(Lamp lamp, const Material& material) {
  switch (lamp) {
    case Lamp::kHead:
      return {5.0f, 4.9f, 4.6f};
    case Lamp::kBrake:
      return {2.6f, 0.10f, 0.07f};
    case Lamp::kLeft:
    case Lamp::kRight:
    case Lamp::kAmber:
      return {2.6f, 1.15f, 0.06f};
    case Lamp::kRed:
      return {2.8f, 0.10f, 0.07f};
    case Lamp::kGreen:
      return {0.15f, 2.2f, 0.95f};
    case Lamp::kStreet:
      return {6.5f, 5.2f, 3.4f};
    case Lamp::kTail:
    case Lamp::kBeacon:
      return 2.8f * material.colour / std::max(0.05f, material.colour.maxCoeff());
    case Lamp::kNone:
      break;
  }
  return Vector3f::Zero();
}

LampLevels LevelsOf(const Actor& actor, const ActorState& state, bool dark, double time_s) {
  LampLevels levels{};
  const auto set = [&](Lamp lamp, float level) { levels[static_cast<size_t>(lamp)] = level; };
  const bool asleep =
      state.activity == Activity::kParked || state.activity == Activity::kWithoutRider;
  const auto key = static_cast<uint32_t>(actor.look);
  if (!asleep) {
    set(Lamp::kHead, dark ? 1.0f : (key % 3 == 0 ? 0.35f : 0.0f));
    set(Lamp::kBrake, state.braking ? 1.0f : (dark ? 0.3f : 0.0f));
    const double phase = 1.5 * time_s + 0.37 * (key % 16);
    if (phase - std::floor(phase) < 0.6) {
      if (state.indicator > 0) set(Lamp::kLeft, 1);
      if (state.indicator < 0) set(Lamp::kRight, 1);
    }
    if (key % 2 == 0 &&
        std::floor(4 * time_s + key % 7) / 2 != std::floor((4 * time_s + key % 7) / 2))
      set(Lamp::kBeacon, 1);
  }
  set(Lamp::kTail, dark ? 0.8f : 0.4f);
  return levels;
}

bool IsVehicle(uint8_t category) { return category >= 14 && category <= 23; }

}  // namespace

Lamps::Lamps(const Scene::Moment& moment, const Vector3f& eye_R) : eye_R_(eye_R) {
  const Scene& scene = moment.scene();
  const DayTime day = scene.drive().day_time;
  burning_ = day == DayTime::kNight;
  const bool dark = day == DayTime::kNight || day == DayTime::kDusk;
  for (const auto& who : moment.present())
    levels_.push_back(LevelsOf(scene.drive().actors[static_cast<size_t>(who.actor)], who.state,
                               dark, moment.time_s()));
  for (const TrafficLightPost& post : scene.town().lights) {
    Lamp lit = Lamp::kRed;
    if (!post.connectors.empty() && post.junction != kNoIndex) {
      const Junction& junction = scene.town().junctions[static_cast<size_t>(post.junction)];
      const LightState state = LightOf(junction, post.connectors.front(), moment.time_s());
      lit = state == LightState::kGreen   ? Lamp::kGreen
            : state == LightState::kAmber ? Lamp::kAmber
                                          : Lamp::kRed;
    }
    signals_.push_back(static_cast<int>(lit));
  }
  const geom::Pose X_GE = EgoAt(scene.drive(), moment.time_s()).X_GE;
  ego_.at = (X_GE * Eigen::Vector3d(3.4, 0, 0.75) - scene.origin_G()).cast<float>();
  ego_.towards = (X_GE.linear() * Eigen::Vector3d(1, 0, -0.03)).normalized().cast<float>();
  ego_.colour = Vector3f(1.0f, 0.96f, 0.88f) * 55;
  ego_.narrow = 1;
  ego_.reach = 75;
  if (!burning_) return;
  AddActors(moment);
  AddProps(scene);
}

void Lamps::AddActors(const Scene::Moment& moment) {
  for (size_t i = 0; i < moment.present().size(); ++i) {
    const auto& who = moment.present()[i];
    const Actor& actor = moment.scene().drive().actors[static_cast<size_t>(who.actor)];
    if (!IsVehicle(actor.category) || actor.category == 14 || actor.category == 22) continue;
    const auto place = [&](double x, double z) {
      return Vector3f(
          (who.X_RA * Eigen::Vector3d(x * actor.size.x(), 0, z * actor.size.z())).cast<float>());
    };
    if ((place(0, 0.5) - eye_R_).norm() > kSight) continue;
    const Vector3f ahead = who.X_RA.linear().col(0).cast<float>();
    const auto side = [&](double x, double z, double y) {
      return Vector3f(
          (who.X_RA * Eigen::Vector3d(x * actor.size.x(), y * actor.size.y(), z * actor.size.z()))
              .cast<float>());
    };
    // A motorcycle has one lamp at each end.
    const std::array<double, 2> sides =
        actor.category == 21 ? std::array<double, 2>{0, 0} : std::array<double, 2>{-0.36, 0.36};
    const size_t lamps = actor.category == 21 ? 1 : 2;
    const float head = levels_[i][static_cast<size_t>(Lamp::kHead)];
    const float brake = levels_[i][static_cast<size_t>(Lamp::kBrake)];
    if (head > 0) {
      Light light;
      light.at = place(0.5, 0.4) + 0.1f * ahead;
      light.towards = (ahead + Vector3f(0, 0, -0.03f)).normalized();
      light.colour = head * 40 * Vector3f(1.0f, 0.96f, 0.88f);
      light.narrow = 1;
      light.reach = 36;
      AddLight(light);
      for (const double y : {-0.36, 0.36})
        bright_.push_back(
            {side(0.5, 0.4, y) + 0.05f * ahead, head * Vector3f(1, 0.96f, 0.88f), ahead});
    }
    if (brake > 0)
      for (const double y : std::span(sides).first(lamps))
        bright_.push_back(
            {side(-0.5, 0.42, y) - 0.05f * ahead, brake * Vector3f(0.8f, 0.04f, 0.02f), -ahead});
  }
}

void Lamps::AddProps(const Scene& scene) {
  for (const Prop& prop : scene.props()) {
    const Vector3f foot = (prop.p_G - scene.origin_G()).cast<float>();
    if ((foot - eye_R_).head<2>().norm() > kSight) continue;
    const auto cosine = static_cast<float>(std::cos(prop.yaw)),
               sine = static_cast<float>(std::sin(prop.yaw));
    const auto height = static_cast<float>(prop.size.z());
    if (prop.kind == PropKind::kStreetLamp) {
      const float reach = std::max(0.6f, static_cast<float>(prop.size.x()) - 0.3f);
      Light light;
      light.at = foot + Vector3f(cosine * reach, sine * reach, height - 0.25f);
      light.towards = -Vector3f::UnitZ();
      light.colour = Vector3f(1.0f, 0.78f, 0.50f) * (0.75f * height * height);
      light.reach = 24;
      AddLight(light);
      bright_.push_back({light.at, Vector3f(0.9f, 0.7f, 0.45f), Vector3f::Zero()});
    } else if (prop.kind == PropKind::kTrafficLight && prop.link >= 0 &&
               static_cast<size_t>(prop.link) < signals_.size()) {
      const auto lit = static_cast<Lamp>(signals_[static_cast<size_t>(prop.link)]);
      const float top =
          std::max(2.8f, height) - 0.28f -
          0.37f * static_cast<float>(static_cast<int>(lit) - static_cast<int>(Lamp::kRed));
      bright_.push_back({foot + Vector3f(0.35f * cosine, 0.35f * sine, top),
                         0.35f * ColourOf(lit, {}), Vector3f(cosine, sine, 0)});
    }
  }
}

void Lamps::AddLight(const Light& light) {
  const auto index = static_cast<uint16_t>(lights_.size());
  lights_.push_back(light);
  const Vector3f centre = light.at + light.narrow * 0.5f * light.reach * light.towards - eye_R_;
  const float radius = light.narrow > 0 ? 0.6f * light.reach : light.reach;
  const auto cell = [&](float x) {
    return std::clamp(FloorInt(x / kCell) + kCells / 2, 0, kCells - 1);
  };
  for (int j = cell(centre.y() - radius); j <= cell(centre.y() + radius); ++j)
    for (int i = cell(centre.x() - radius); i <= cell(centre.x() + radius); ++i)
      cells_[static_cast<size_t>(j * kCells + i)].push_back(index);
}

Vector3f Lamps::GlowOf(const Material& material, int32_t instance) const {
  if (material.lamp == Lamp::kNone) return Vector3f::Zero();
  float level = 0;
  if (instance >= 0) {
    level = levels_[static_cast<size_t>(instance)][static_cast<size_t>(material.lamp)];
  } else if (material.lamp == Lamp::kStreet) {
    level = burning_ ? 1.0f : 0.0f;
  } else if (material.link >= 0 && static_cast<size_t>(material.link) < signals_.size()) {
    level =
        signals_[static_cast<size_t>(material.link)] == static_cast<int>(material.lamp) ? 1.0f : 0;
  }
  if (level <= 0) return Vector3f::Zero();
  return level * ColourOf(material.lamp, material);
}

Vector3f Lamps::Falling(const Light& light, const Vector3f& p_R, const Vector3f& normal) {
  Vector3f way = p_R - light.at;
  const float square = way.squaredNorm(), ahead = way.dot(light.towards);
  // Most lamps of a cell look elsewhere: settle that before the roots.
  if (ahead <= 0 || square > light.reach * light.reach) return Vector3f::Zero();
  if (light.narrow > 0 && ahead * ahead < 0.72f * 0.72f * square) return Vector3f::Zero();
  const float distance = std::sqrt(square);
  way /= std::max(1e-3f, distance);
  const float cosine = way.dot(light.towards);
  float beam = 0;
  if (light.narrow > 0) {
    // Flat and broad: falls off faster upwards than sideways.
    if (cosine < 0.72f) return Vector3f::Zero();
    const float rise = way.z() - light.towards.z();
    beam = (cosine - 0.72f) / 0.28f;
    beam *= beam * std::clamp(1 - 9 * rise, 0.06f, 1.0f);
  } else {
    if (cosine < 0.05f) return Vector3f::Zero();
    beam = std::min(1.0f, 1.3f * cosine);
  }
  const float edge = 1 - distance / light.reach;
  const float fall =
      light.narrow > 0 ? 1 / (14 + distance * (6 + 0.15f * distance)) : 1 / (4 + square);
  // Rough ground sends light back even when it comes in low.
  const float facing = light.narrow > 0 ? 0.16f + 0.84f * std::max(0.0f, -way.dot(normal))
                                        : std::max(0.0f, -way.dot(normal));
  return light.colour * (beam * fall * facing * std::min(1.0f, 3 * edge));
}

Vector3f Lamps::LightAt(const Vector3f& p_R, const Vector3f& normal) const {
  Vector3f sum = Vector3f::Zero();
  const int i = FloorInt((p_R.x() - eye_R_.x()) / kCell) + kCells / 2,
            j = FloorInt((p_R.y() - eye_R_.y()) / kCell) + kCells / 2;
  if (i < 0 || j < 0 || i >= kCells || j >= kCells) return sum;
  for (const uint16_t k : cells_[static_cast<size_t>(j * kCells + i)])
    sum += Falling(lights_[k], p_R, normal);
  return sum;
}

Vector3f Lamps::HeadlampsAt(const Vector3f& p_R, const Vector3f& normal) const {
  return Falling(ego_, p_R, normal);
}

}  // namespace occvla::world
