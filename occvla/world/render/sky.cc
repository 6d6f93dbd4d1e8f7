#include "occvla/world/render/sky.h"

#include <algorithm>
#include <cmath>

#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector3f;

Vector3f Mix(const Vector3f& a, const Vector3f& b, float t) { return a + t * (b - a); }

float SmoothStep(float from, float to, float x) {
  const float t = std::clamp((x - from) / (to - from), 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

float CloudNoise(float x, float y, uint32_t key) {
  return 0.5f * Noise2(x, y, key) + 0.27f * Noise2(2.03f * x + 7, 2.03f * y, key + 1) +
         0.15f * Noise2(4.1f * x, 4.1f * y + 3, key + 2) +
         0.08f * Noise2(8.3f * x, 8.3f * y, key + 3);
}

}  // namespace

Daylight DaylightOf(const Drive& drive) {
  Daylight light;
  light.key = Hash(static_cast<uint32_t>(drive.seed), static_cast<uint32_t>(drive.seed >> 32), 41);
  const auto azimuth = static_cast<float>(drive.sun_azimuth);
  const auto lift = [&](float low, float high) {
    return std::clamp(static_cast<float>(drive.sun_elevation), low, high);
  };
  const auto towards = [&](float elevation) {
    return Vector3f(std::cos(elevation) * std::cos(azimuth),
                    std::cos(elevation) * std::sin(azimuth), std::sin(elevation));
  };
  const float chance = Hash01(light.key, 1, 1);
  switch (drive.day_time) {
    case DayTime::kDay:
      light.to_sun = towards(lift(0.25f, 1.5f));
      light.sun = Vector3f(1.30f, 1.20f, 1.03f) * 2.1f;
      light.zenith = {0.16f, 0.33f, 0.72f};
      light.horizon = {0.70f, 0.80f, 0.92f};
      light.above = {0.52f, 0.64f, 0.84f};
      light.below = {0.24f, 0.23f, 0.20f};
      light.cloud = {1.05f, 1.05f, 1.06f};
      light.cloud_cover = 0.2f + 0.45f * chance;
      light.sun_disc = 1;
      break;
    case DayTime::kDusk:
      light.to_sun = towards(lift(0.1f, 0.2f));
      light.sun = Vector3f(1.35f, 0.72f, 0.34f) * 1.25f;
      light.zenith = {0.10f, 0.16f, 0.36f};
      light.horizon = {0.92f, 0.56f, 0.34f};
      light.above = {0.42f, 0.42f, 0.54f};
      light.below = {0.19f, 0.16f, 0.14f};
      light.cloud = {0.85f, 0.50f, 0.42f};
      light.cloud_cover = 0.3f + 0.4f * chance;
      light.clear_distance = 650;
      light.sun_disc = 0.8f;
      break;
    case DayTime::kOvercast:
      light.to_sun = towards(1.25f);
      light.sun = Vector3f(0.62f, 0.63f, 0.64f);
      light.zenith = {0.52f, 0.56f, 0.60f};
      light.horizon = {0.74f, 0.76f, 0.78f};
      light.above = {0.72f, 0.75f, 0.78f};
      light.below = {0.26f, 0.26f, 0.26f};
      light.cloud = {0.80f, 0.81f, 0.83f};
      light.cloud_cover = 1;
      light.clear_distance = 420;
      break;
    case DayTime::kNight:
      light.night = true;
      light.to_sun = towards(0.9f);
      light.zenith = {0.006f, 0.009f, 0.018f};
      light.horizon = {0.035f, 0.033f, 0.038f};
      light.above = {0.034f, 0.039f, 0.058f};
      light.below = {0.018f, 0.017f, 0.017f};
      light.cloud = {0.03f, 0.028f, 0.030f};
      light.cloud_cover = 0.5f * chance;
      light.clear_distance = 700;
      break;
  }
  return light;
}

Vector3f PlainSky(const Daylight& light, const Vector3f& direction) {
  if (direction.z() < 0) return Mix(light.horizon, light.below, std::min(1.0f, -6 * direction.z()));
  const float t = 1 - direction.z();
  const float low = t * t * t * t;
  return Mix(light.zenith, light.horizon, low);
}

Vector3f SkyColour(const Daylight& light, const Vector3f& direction) {
  Vector3f colour = PlainSky(light, direction);
  if (light.sun_disc > 0) {
    const float towards = direction.dot(light.to_sun);
    if (towards > 0) {
      const float p8 = std::pow(towards, 24.0f);
      colour += light.sun * (0.10f * light.sun_disc * p8);
      if (towards > 0.99985f) colour += 8 * light.sun;
    }
  }
  if (light.night && direction.z() > 0.05f) {  // Stars.
    const float u = 90 * direction.x() / (1 + direction.z()),
                v = 90 * direction.y() / (1 + direction.z());
    const int32_t iu = FloorInt(u), iv = FloorInt(v);
    const float r = Hash01(static_cast<uint32_t>(iu), static_cast<uint32_t>(iv), light.key);
    if (r > 0.985f) {
      const float du = u - static_cast<float>(iu) - 0.5f, dv = v - static_cast<float>(iv) - 0.5f;
      if (du * du + dv * dv < 0.006f) colour += Vector3f::Constant(12 * (r - 0.985f));
    }
  }
  if (direction.z() > 0.01f && light.cloud_cover > 0.02f) {
    const float scale = 1.1f / (direction.z() + 0.10f);
    const float n =
        CloudNoise(scale * direction.x() + 13.7f, scale * direction.y() + 5.1f, light.key);
    const float edge = 0.78f - 0.5f * light.cloud_cover;
    const float fade = SmoothStep(0.01f, 0.12f, direction.z());
    const float cover = SmoothStep(edge, edge + 0.22f, n) * fade;
    const float shade = 1 - 0.3f * SmoothStep(edge + 0.1f, edge + 0.4f, n);
    colour = Mix(colour, shade * light.cloud, 0.92f * cover);
  }
  return colour;
}

}  // namespace occvla::world
