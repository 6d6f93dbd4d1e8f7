#pragma once
#include <cstdint>

/// Random numbers and smooth noise that depend on their arguments alone.
namespace occvla::world {

inline uint32_t Hash(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t h = a * 0x9E3779B1u ^ b * 0x85EBCA77u ^ c * 0xC2B2AE3Du;
  h ^= h >> 15;
  h *= 0x2C1B3C6Du;
  h ^= h >> 12;
  h *= 0x297A2D39u;
  h ^= h >> 15;
  return h;
}

/// In [0, 1).
inline float Hash01(uint32_t a, uint32_t b, uint32_t c) {
  return static_cast<float>(Hash(a, b, c) >> 8) * (1.0f / 16777216.0f);
}

inline int32_t FloorInt(float x) {
  const auto i = static_cast<int32_t>(x);
  return i - (x < static_cast<float>(i) ? 1 : 0);
}

/// Value noise in [0, 1), smooth, one bump a unit.
inline float Noise2(float x, float y, uint32_t key) {
  const int32_t ix = FloorInt(x), iy = FloorInt(y);
  const float fx = x - static_cast<float>(ix), fy = y - static_cast<float>(iy);
  const float u = fx * fx * (3 - 2 * fx), v = fy * fy * (3 - 2 * fy);
  const auto at = [&](int32_t dx, int32_t dy) {
    return Hash01(static_cast<uint32_t>(ix + dx), static_cast<uint32_t>(iy + dy), key);
  };
  const float a = at(0, 0), b = at(1, 0), c = at(0, 1), d = at(1, 1);
  return a + u * (b - a) + v * (c - a + u * (a - b - c + d));
}

}  // namespace occvla::world
