#include "occvla/world/render/shading.h"

#include <algorithm>
#include <cmath>

#include "occvla/world/render/look.h"
#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector3f;

// Shadow rays start this far off their surface.
constexpr float kOff = 2e-3f;

uint32_t ThingOf(uint16_t material, int32_t actor, int32_t prop) {
  return Hash(material, static_cast<uint32_t>(actor + 1), static_cast<uint32_t>(prop + 1)) | 1u;
}

}  // namespace

Vector3f ToneCurve(const Vector3f& light) {
  Vector3f out;
  for (int c = 0; c < 3; ++c) {
    const float x = 0.82f * std::max(0.0f, light[c]);
    out[c] = std::min(1.0f, x * (2.51f * x + 0.03f) / (x * (2.43f * x + 0.59f) + 0.14f));
  }
  return out;
}

/// A surface about to be lit.
struct Shader::Lit {
  SurfaceHit hit;
  SurfaceLook look;
  int32_t instance = kNoHit;
};

Shader::Shader(const Scene::Moment& moment, const Vector3f& eye_R, float pixel_angle)
    : moment_(moment),
      scene_(moment.scene()),
      eye_R_(eye_R),
      pixel_angle_(pixel_angle),
      daylight_(DaylightOf(scene_.drive())),
      lamps_(moment, eye_R) {
  for (const auto& who : moment.present())
    turned_.push_back(
        {who.X_RA.linear().cast<float>().transpose(), who.X_RA.translation().cast<float>()});
}

void Shader::CastShadows(const std::array<Lit, kPacket>& lit,
                         std::array<float, kPacket>& share) const {
  RayPacket rays;
  bool any = false;
  for (size_t i = 0; i < kPacket; ++i) {
    share[i] = 0;
    rays.active[i] = 0;
    const Lit& l = lit[i];
    Vector3f from = l.hit.p_R + kOff * (1 + 0.02f * l.hit.distance) * l.hit.normal;
    Vector3f way = daylight_.to_sun;
    float reach = 400;
    bool cast = false;
    if (l.instance != kNoHit) {
      if (daylight_.night) {
        way = lamps_.headlamps_R() - from;
        reach = way.norm();
        cast = reach > 0.1f && !lamps_.HeadlampsAt(l.hit.p_R, l.look.normal).isZero();
        if (cast) way /= reach;
      } else {
        cast = l.look.normal.dot(way) > 0;
        // Crowns shade themselves by their normals; rays start outside the facet's own blob.
        if (l.hit.material->texture == Texture::kLeaves) from += 0.25f * way;
      }
    }
    if (cast) {
      rays.active[i] = -1;
      any = true;
    }
    rays.origin_x[i] = from.x();
    rays.origin_y[i] = from.y();
    rays.origin_z[i] = from.z();
    rays.direction_x[i] = way.x();
    rays.direction_y[i] = way.y();
    rays.direction_z[i] = way.z();
    rays.distance[i] = reach;
  }
  if (!any) return;
  moment_.rays().Occlude(rays);
  for (size_t i = 0; i < kPacket; ++i) share[i] = rays.active[i] ? 1.0f : 0.0f;
}

Vector3f Shader::Light(const Lit& l, float share) const {
  const SurfaceLook& look = l.look;
  const float up = 0.5f + 0.5f * look.normal.z();
  Vector3f light = daylight_.below + up * (daylight_.above - daylight_.below);
  // Close to the ground things hide the sky from themselves.
  if (l.instance >= 0) light *= 0.45f + 0.55f * std::clamp(l.hit.p_T.z() / 0.7f, 0.0f, 1.0f);
  if (daylight_.night) {
    light += lamps_.LightAt(l.hit.p_R, look.normal);
    if (share > 0) light += lamps_.HeadlampsAt(l.hit.p_R, look.normal);
  } else {
    light += (share * std::max(0.0f, look.normal.dot(daylight_.to_sun))) * daylight_.sun;
  }
  Vector3f colour = look.albedo.cwiseProduct(light);
  if (look.mirror > 0) {
    const Vector3f& normal = l.hit.normal;
    const float cosine = std::clamp(-normal.dot(l.hit.direction), 0.0f, 1.0f);
    const Vector3f bounce = l.hit.direction + 2 * cosine * normal;
    const float c2 = (1 - cosine) * (1 - cosine);
    const float fresnel = look.mirror + (1 - look.mirror) * 0.75f * c2 * c2 * (1 - cosine);
    Vector3f seen = PlainSky(daylight_, bounce);
    // What stands around hides the lowest sky.
    const float skyline = 0.10f + 0.16f * Noise2(5 * bounce.x() + 20, 5 * bounce.y() + 20, 3);
    const float hidden = std::clamp((skyline - bounce.z()) / 0.06f, 0.0f, 1.0f);
    seen += hidden * (0.45f * daylight_.below - seen);
    if (share > 0 && !daylight_.night) {
      const float glint = bounce.dot(daylight_.to_sun);
      if (glint > 0.96f) {
        const float g = (glint - 0.96f) / 0.04f;
        seen += (g * g * g * g * 6) * daylight_.sun;
      }
    }
    colour += fresnel * (seen - colour);
  }
  if (look.glow > 0 && daylight_.night) colour += look.glow * Vector3f(0.85f, 0.58f, 0.28f);
  colour += lamps_.GlowOf(*l.hit.material, l.instance);
  return colour;
}

void Shader::Shade(RayPacket& rays, std::array<Sample, kPacket>& samples) const {
  moment_.rays().Intersect(rays);
  std::array<Lit, kPacket> lit;
  for (size_t i = 0; i < kPacket; ++i) {
    if (!rays.active[i] || rays.instance[i] == kNoHit) continue;
    Lit& l = lit[i];
    const Hit found = moment_.HitOf(rays, i);
    const Material& material = scene_.materials()[found.material];
    l.instance = rays.instance[i];
    SurfaceHit& hit = l.hit;
    hit.material = &material;
    hit.direction = {rays.direction_x[i], rays.direction_y[i], rays.direction_z[i]};
    hit.distance = rays.distance[i];
    hit.p_R = eye_R_ + hit.distance * hit.direction;
    hit.normal = found.normal_G;
    hit.pixel = pixel_angle_ * hit.distance;
    if (l.instance >= 0) {
      const Turned& turned = turned_[static_cast<size_t>(l.instance)];
      hit.p_T = turned.R_AR * (hit.p_R - turned.p_RA);
      hit.normal_T = turned.R_AR * hit.normal;
    } else if (found.prop >= 0) {
      const Vector3f d = hit.p_R - material.origin;
      hit.p_T = {material.axis_x * d.x() + material.axis_y * d.y(),
                 material.axis_x * d.y() - material.axis_y * d.x(), d.z()};
      hit.normal_T = {material.axis_x * hit.normal.x() + material.axis_y * hit.normal.y(),
                      material.axis_x * hit.normal.y() - material.axis_y * hit.normal.x(),
                      hit.normal.z()};
    }
    l.look = LookOf(hit, scene_.paint());
    Sample& sample = samples[i];
    sample.normal = hit.normal;
    sample.thing = ThingOf(found.material, found.actor, found.prop);
    sample.distance = hit.distance;
    sample.soft = material.texture == Texture::kLeaves;
    sample.category = found.category;
    sample.actor = found.actor;
  }
  std::array<float, kPacket> share;
  CastShadows(lit, share);
  for (size_t i = 0; i < kPacket; ++i) {
    if (!rays.active[i]) continue;
    const Vector3f direction(rays.direction_x[i], rays.direction_y[i], rays.direction_z[i]);
    if (rays.instance[i] == kNoHit) {
      samples[i] = Sample();
      samples[i].colour = ToneCurve(SkyColour(daylight_, direction));
      continue;
    }
    Vector3f colour = Light(lit[i], share[i]);
    const float haze = 1 - std::exp(-samples[i].distance / daylight_.clear_distance);
    const Vector3f level(direction.x(), direction.y(), std::max(0.0f, direction.z()));
    colour += haze * (PlainSky(daylight_, level) - colour);
    samples[i].colour = ToneCurve(colour);
  }
}

}  // namespace occvla::world
