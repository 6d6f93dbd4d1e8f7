#include "occvla/world/render/look.h"

#include <algorithm>
#include <cmath>

#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector3f;

float Clamp01(float x) { return std::clamp(x, 0.0f, 1.0f); }

/// How much of a texture with features of `size` is left when a pixel is `pixel` wide.
float Fade(float size, float pixel) { return Clamp01(1.6f - 1.8f * pixel / size); }

/// A hash that looks like fine grain, `size` metres coarse; -1 to 1, 0 where pixels are coarser.
float Grain(float x, float y, float size, float pixel, uint32_t key) {
  const float fade = Fade(size, pixel);
  if (fade <= 0) return 0;
  return fade * (2 * Noise2(x / size, y / size, key) - 1);
}

float Fraction(float x) { return x - static_cast<float>(FloorInt(x)); }

/// 1 inside (low, high), 0 outside, over a width of `soft`.
float Within(float x, float low, float high, float soft) {
  return Clamp01((x - low) / soft + 0.5f) * Clamp01((high - x) / soft + 0.5f);
}

/// Pixel width on the surface in its worst direction, bounded.
float Stretched(const SurfaceHit& hit) {
  const float cosine = std::max(0.04f, -hit.normal.dot(hit.direction));
  return hit.pixel / cosine;
}

void Asphalt(const SurfaceHit& hit, const Paint& paint, bool parking, SurfaceLook& look) {
  const float x = hit.p_R.x(), y = hit.p_R.y(), wide = Stretched(hit);
  const float middle = std::sqrt(hit.pixel * wide);
  float shade = 1 + 0.16f * Grain(x, y, 4.5f, wide, 11) + 0.10f * Grain(x, y, 0.7f, middle, 12) +
                0.22f * Grain(x, y, 0.035f, middle, 13);
  // Mended patches with sharp edges.
  const float u = x / 7.3f, v = y / 6.1f;
  const auto iu = static_cast<uint32_t>(FloorInt(u)), iv = static_cast<uint32_t>(FloorInt(v));
  const float chance = Hash01(iu, iv, 77);
  if (chance < 0.10f) {
    const float a = 0.1f + 0.4f * Hash01(iu, iv, 78), b = 0.2f + 0.3f * Hash01(iu, iv, 79);
    const float soft = wide / 6 + 1e-3f;
    const float in =
        Within(Fraction(u), a, a + b, soft) * Within(Fraction(v), a, a + 0.8f * b, soft);
    shade *= 1 - 0.28f * in;
  }
  look.albedo = shade * hit.material->colour;
  if (parking) look.albedo *= 0.95f + 0.1f * Grain(x, y, 1.7f, wide, 15);

  Patch patch;
  patch.x = x;
  patch.y = y;
  const float flat =
      std::sqrt(hit.direction.x() * hit.direction.x() + hit.direction.y() * hit.direction.y());
  if (flat > 1e-5f) {
    patch.view_x = hit.direction.x() / flat;
    patch.view_y = hit.direction.y() / flat;
  }
  patch.across = 1.2f * hit.pixel;
  patch.along = 1.2f * wide;
  const PaintCover cover = paint.At(patch);
  if (cover.cover > 0) {
    const float worn = Noise2(2.1f * x, 2.1f * y, 21), fine = Noise2(14 * x, 14 * y, 22);
    const float wear = Clamp01(0.55f + 0.75f * worn + 0.35f * Fade(0.07f, middle) * (fine - 0.5f));
    const Vector3f colour =
        cover.yellow ? Vector3f(0.62f, 0.40f, 0.04f) : Vector3f(0.66f, 0.66f, 0.64f);
    look.albedo += cover.cover * wear * (colour - look.albedo);
  }
}

void Grass(const SurfaceHit& hit, SurfaceLook& look) {
  const float x = hit.p_R.x(), y = hit.p_R.y(), wide = Stretched(hit);
  const float middle = std::sqrt(hit.pixel * wide);
  const float field = Noise2(x / 17, y / 17, 31), patch = Grain(x, y, 2.3f, wide, 32);
  const float tuft = Grain(x, y, 0.3f, middle, 33), blade = Grain(x, y, 0.05f, middle, 34);
  const float shade = 1 + 0.2f * patch + 0.28f * tuft + 0.4f * blade;
  const Vector3f dry(0.17f, 0.15f, 0.055f);
  const float drought = Clamp01(0.9f * field + 0.25f * patch - 0.3f);
  look.albedo = shade * (hit.material->colour + 0.7f * drought * (dry - hit.material->colour));
}

void Slabs(const SurfaceHit& hit, SurfaceLook& look) {
  const float x = hit.p_R.x(), y = hit.p_R.y(), wide = Stretched(hit);
  constexpr float kSlab = 0.6f;
  const float u = x / kSlab, v = y / kSlab;
  const float tint =
      Hash01(static_cast<uint32_t>(FloorInt(u)), static_cast<uint32_t>(FloorInt(v)), 41);
  float shade = 1 + 0.2f * Fade(kSlab, wide) * (tint - 0.5f) + 0.12f * Grain(x, y, 3.1f, wide, 42) +
                0.1f * Grain(x, y, 0.04f, wide, 43);
  const float joint = Fade(0.12f, wide);
  if (joint > 0) {
    const float fu = Fraction(u), fv = Fraction(v);
    const float near = kSlab * std::min(std::min(fu, 1 - fu), std::min(fv, 1 - fv));
    shade *= 1 - 0.45f * joint * Clamp01(1 - near / 0.012f);
  }
  look.albedo = shade * hit.material->colour;
}

void Gravel(const SurfaceHit& hit, SurfaceLook& look) {
  const float x = hit.p_R.x(), y = hit.p_R.y(), wide = Stretched(hit);
  const float middle = std::sqrt(hit.pixel * wide);
  const float shade = 1 + 0.2f * Grain(x, y, 1.9f, wide, 51) +
                      0.25f * Grain(x, y, 0.11f, middle, 52) +
                      0.3f * Grain(x, y, 0.03f, middle, 53);
  look.albedo = shade * hit.material->colour;
}

/// Rows of bricks; `u` along the wall, `v` up.
float Bricks(float u, float v, float wide) {
  constexpr float kLength = 0.24f, kHeight = 0.08f;
  // Thin joints alias long before whole bricks do.
  const float left = Fade(0.5f * kHeight, wide);
  if (left <= 0) return 0.94f;
  const float row = v / kHeight;
  const int32_t r = FloorInt(row);
  const float brick = u / kLength + (r & 1 ? 0.5f : 0.0f);
  const int32_t c = FloorInt(brick);
  const float tint = Hash01(static_cast<uint32_t>(r), static_cast<uint32_t>(c), 61);
  const float fu = brick - static_cast<float>(c), fv = row - static_cast<float>(r);
  const bool mortar = fu < 0.05f || fv < 0.14f;
  return 0.9f + left * (mortar ? 0.55f : 0.34f * (tint - 0.5f));
}

void Facade(const SurfaceHit& hit, SurfaceLook& look) {
  const Material& m = *hit.material;
  const bool along_x = std::abs(hit.normal_T.y()) > std::abs(hit.normal_T.x());
  const float half = along_x ? m.half.x() : m.half.y(), bay = along_x ? m.bay.x() : m.bay.y();
  const float u = (along_x ? hit.p_T.x() : hit.p_T.y()) + half, v = hit.p_T.z();
  const float wide = Stretched(hit);
  const bool brick = m.second.x() > 0;
  float shade = brick ? Bricks(u, v, wide) : 1 + 0.07f * Grain(u, v, 0.06f, wide, 62);
  shade *= 1 + 0.10f * Grain(u, v, 2.7f, wide, 63);
  if (v < 0.35f) shade *= 0.72f;  // The plinth.
  look.albedo = shade * m.colour;
  if (std::abs(hit.normal_T.z()) > 0.5f || v < 0) return;

  const float column = u / bay, row = v / m.storey;
  const int32_t c = FloorInt(column), r = FloorInt(row);
  const float fu = column - static_cast<float>(c), fv = row - static_cast<float>(r);
  const uint32_t side =
      along_x ? (hit.normal_T.y() > 0 ? 1u : 2u) : (hit.normal_T.x() > 0 ? 3u : 4u);
  // Whole storeys below the eaves only; the gable stays blank.
  const float window_width = m.second.z() * (0.85f + 0.3f * Hash01(m.key, 5, 0));
  const float sill = 0.32f, lintel = 0.78f;
  const float soft_u = wide / bay + 1e-3f, soft_v = wide / m.storey + 1e-3f;
  if (m.second.y() > 0 && r >= static_cast<int32_t>(m.second.y())) return;
  const auto opening = [&](float grow) {
    const float gu = grow / bay, gv = grow / m.storey;
    return Within(fu, 0.5f - window_width - gu, 0.5f + window_width + gu, soft_u) *
           Within(fv, sill - gv, lintel + gv, soft_v);
  };
  const float frame = opening(0.09f);
  if (frame <= 0) return;
  const Vector3f trim = brick ? Vector3f(0.55f, 0.53f, 0.49f) : Vector3f(0.36f, 0.35f, 0.34f);
  look.albedo += frame * (trim - look.albedo);
  float pane = opening(0);
  // Bars of the window.
  const float bar = Fade(0.07f, wide);
  if (bar > 0) {
    const float du = std::abs(fu - 0.5f) * bay, dv = std::abs(fv - 0.62f) * m.storey;
    const float cover = Clamp01((0.03f - du) / wide + 0.5f) + Clamp01((0.025f - dv) / wide + 0.5f);
    pane *= 1 - bar * std::min(1.0f, cover);
  }
  const float inside = Hash01(static_cast<uint32_t>(c), static_cast<uint32_t>(r), m.key + side);
  // Some have curtains drawn.
  const Vector3f glass =
      inside < 0.25f ? Vector3f(0.22f, 0.20f, 0.17f) : Vector3f(0.02f, 0.024f, 0.03f);
  look.albedo += pane * (glass - look.albedo);
  look.mirror = 0.12f * pane;
  if (inside > 0.62f) look.glow = pane * (0.4f + 1.4f * (inside - 0.62f));
}

void Tiles(const SurfaceHit& hit, SurfaceLook& look) {
  const float u = hit.p_T.x(), slope = std::max(0.15f, 1 - std::abs(hit.normal_T.z()));
  const float v = hit.p_T.z() / std::sqrt(slope * (2 - slope));
  const float wide = Stretched(hit);
  constexpr float kRow = 0.3f, kTile = 0.24f;
  const float left = Fade(kRow, wide);
  float shade = 1 + 0.12f * Grain(u, v, 1.6f, wide, 71);
  if (left > 0) {
    const float row = v / kRow;
    const int32_t r = FloorInt(row), c = FloorInt(u / kTile + (r & 1 ? 0.5f : 0.0f));
    const float f = row - static_cast<float>(r);
    const float tint = Hash01(static_cast<uint32_t>(r), static_cast<uint32_t>(c), 72);
    shade *= 1 + left * (0.3f * (tint - 0.5f) + (f < 0.16f ? -0.35f : 0.1f * f));
  }
  look.albedo = shade * hit.material->colour;
}

void Leaves(const SurfaceHit& hit, SurfaceLook& look) {
  const Material& m = *hit.material;
  // Coordinates across the facet, whichever way it faces.
  const Vector3f size = hit.normal.cwiseAbs();
  const bool flat = size.z() > size.x() && size.z() > size.y();
  const float x = flat || size.y() > size.x() ? hit.p_R.x() : hit.p_R.y();
  const float y = flat ? hit.p_R.y() : hit.p_R.z();
  const float coarse = Grain(x, y, 0.55f, hit.pixel, m.key & 255),
              fine = Grain(x, y, 0.16f, hit.pixel, 82);
  const float leaf = Grain(x, y, 0.06f, hit.pixel, 83);
  const float shade = std::max(0.15f, 1 + 0.45f * coarse + 0.4f * fine + 0.45f * leaf);
  look.albedo = shade * m.colour;
  look.albedo.x() *= 1 + 0.25f * coarse;
  Vector3f round = hit.normal;
  if (m.second.x() == 0) {
    const Vector3f out = hit.p_R - m.origin;
    round = 0.25f * hit.normal + 0.9f * out.normalized();
  }
  round += Vector3f(0.35f * fine + 0.3f * leaf, 0.35f * coarse - 0.3f * leaf, 0.3f * fine);
  // Never away from the viewer.
  const float away = round.dot(hit.direction);
  if (away > -0.05f) round -= (away + 0.05f) * hit.direction;
  look.normal = round.normalized();
}

void Stripes(const SurfaceHit& hit, SurfaceLook& look) {
  const Material& m = *hit.material;
  const float along = std::abs(hit.normal_T.x()) > 0.8f ? hit.p_T.y() : hit.p_T.x() + hit.p_T.y();
  const float slant = m.bay.y() > 0 ? hit.p_T.z() : 0.0f;
  const float period = 2 * m.bay.x(), soft = Stretched(hit) / period + 1e-3f;
  const float f = Fraction((along + slant) / period + 0.25f);
  const float in = soft > 0.5f ? 0.5f : Within(f, 0.25f, 0.75f, soft);
  look.albedo = m.colour + in * (m.second - m.colour);
}

void Windows(const SurfaceHit& hit, SurfaceLook& look) {
  const Material& m = *hit.material;
  look.albedo = m.colour;
  look.mirror = m.mirror;
  const float f = Fraction(hit.p_T.x() / m.bay.x()), soft = Stretched(hit) / m.bay.x() + 1e-3f;
  const float post = 1 - Within(f, 0.035f, 0.965f, soft);
  look.albedo += post * (m.second - look.albedo);
  look.mirror *= 1 - post;
  look.glow = 0.35f * (1 - post);
}

void Corrugated(const SurfaceHit& hit, SurfaceLook& look) {
  const Material& m = *hit.material;
  const bool side = std::abs(hit.normal_T.y()) > 0.7f;
  const float along = side ? hit.p_T.x() : hit.p_T.y(), wide = Stretched(hit);
  const float left = Fade(0.22f, wide), f = Fraction(along / 0.22f);
  look.albedo = (1 + left * 0.22f * (f < 0.5f ? 1.0f : -1.0f)) * m.colour;
  look.albedo *= 1 + 0.08f * Grain(hit.p_T.x() + hit.p_T.y(), hit.p_T.z(), 1.3f, wide, 91);
}

}  // namespace

SurfaceLook LookOf(const SurfaceHit& hit, const Paint& paint) {
  const Material& m = *hit.material;
  SurfaceLook look;
  look.normal = hit.normal;
  look.mirror = m.mirror;
  switch (m.texture) {
    case Texture::kPlain:
    case Texture::kPaint:
    case Texture::kGlass:
      look.albedo = m.colour;
      break;
    case Texture::kGrass:
      Grass(hit, look);
      break;
    case Texture::kAsphalt:
      Asphalt(hit, paint, false, look);
      break;
    case Texture::kParking:
      Asphalt(hit, paint, true, look);
      break;
    case Texture::kPaving:
      Slabs(hit, look);
      break;
    case Texture::kGravel:
      Gravel(hit, look);
      break;
    case Texture::kKerb:
      look.albedo = (0.92f + 0.16f * Noise2(hit.p_R.x() + hit.p_R.y(), hit.p_R.z(), 5)) * m.colour;
      break;
    case Texture::kFacade:
      Facade(hit, look);
      break;
    case Texture::kTiles:
      Tiles(hit, look);
      break;
    case Texture::kBrick: {
      const bool along_x = std::abs(hit.normal_T.y()) > std::abs(hit.normal_T.x());
      look.albedo =
          Bricks(along_x ? hit.p_T.x() : hit.p_T.y(), hit.p_T.z(), Stretched(hit)) * m.colour;
      break;
    }
    case Texture::kLeaves:
      Leaves(hit, look);
      break;
    case Texture::kBark:
      look.albedo = (1 + 0.35f * Grain(8 * (hit.p_T.x() + hit.p_T.y()), hit.p_T.z(), 0.4f,
                                       8 * hit.pixel, 95)) *
                    m.colour;
      break;
    case Texture::kStripes:
      Stripes(hit, look);
      break;
    case Texture::kWindows:
      Windows(hit, look);
      break;
    case Texture::kCorrugated:
      Corrugated(hit, look);
      break;
  }
  return look;
}

}  // namespace occvla::world
