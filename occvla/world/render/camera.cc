#include "occvla/world/render/camera.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "occvla/world/render/noise.h"
#include "occvla/world/render/shading.h"

namespace occvla::world {
namespace {

using Eigen::Vector3f;

constexpr float kFar = 4000;

/// From linear 0..1 to sRGB's 8 bits.
class Gamma {
 public:
  Gamma() {
    for (size_t i = 0; i < table_.size(); ++i) {
      const double x = static_cast<double>(i) / static_cast<double>(table_.size() - 1);
      const double y = x < 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
      table_[i] = static_cast<float>(255 * y);
    }
  }
  /// 0 to 255, not rounded.
  float operator()(float linear) const {
    return table_[static_cast<size_t>(std::clamp(linear, 0.0f, 1.0f) *
                                      static_cast<float>(table_.size() - 1))];
  }

 private:
  std::array<float, 4096> table_;
};

/// One camera's picture in the making.
class Picture {
 public:
  Picture(const Scene::Moment& moment, const geom::PinholeCamera& camera)
      : width_(camera.width_px), height_(camera.height_px) {
    const Scene& scene = moment.scene();
    const geom::Pose X_GC = EgoAt(scene.drive(), moment.time_s()).X_GE * camera.X_EC;
    eye_R_ = (X_GC.translation() - scene.origin_G()).cast<float>();
    unproject_ = (X_GC.linear() * camera.K.inverse()).cast<float>();
    X_CR_ = X_GC.linear().transpose().cast<float>();
    K_ = camera.K.cast<float>();
    samples_.resize(static_cast<size_t>(width_) * static_cast<size_t>(height_));
  }

  const Vector3f& eye_R() const { return eye_R_; }

  void Trace(const Shader& shader) {
    for (int y = 0; y < height_; y += 4)
      for (int x = 0; x < width_; x += 4) TraceTile(shader, x, y);
  }

  /// Three more rays for pixels beside an edge.
  void Smooth(const Shader& shader) {
    const std::vector<uint32_t> edges = Edges();
    constexpr size_t kRays = 3;
    constexpr std::array<std::array<float, 2>, kRays> kOffsets{
        {{0.15f, 0.30f}, {0.80f, 0.20f}, {0.55f, 0.88f}}};
    std::vector<Vector3f> smoothed;
    for (const uint32_t pixel : edges) smoothed.push_back(samples_[pixel].colour);
    for (size_t first = 0; first < kRays * edges.size(); first += kPacket) {
      const size_t count = std::min(size_t{kPacket}, kRays * edges.size() - first);
      RayPacket rays;
      rays.active.fill(-1);  // Full packets are faster; the spare rays' results are dropped.
      for (size_t i = 0; i < kPacket; ++i) {
        const size_t ray = first + std::min(i, count - 1);
        const uint32_t pixel = edges[ray / kRays];
        const auto& offset = kOffsets[ray % kRays];
        Aim(rays, i, static_cast<float>(pixel % static_cast<uint32_t>(width_)) + offset[0],
            static_cast<float>(pixel / static_cast<uint32_t>(width_)) + offset[1]);
      }
      std::array<Sample, kPacket> samples;
      shader.Shade(rays, samples);
      for (size_t i = 0; i < count; ++i) smoothed[(first + i) / kRays] += samples[i].colour;
    }
    for (Vector3f& colour : smoothed) colour *= 1.0f / (1 + kRays);
    for (size_t k = 0; k < edges.size(); ++k) samples_[edges[k]].colour = smoothed[k];
  }

  /// Light that spills around lamps at night.
  void AddHalos(const Shader& shader);

  CameraShot Develop(uint32_t key) const {
    static const Gamma gamma;
    CameraShot shot;
    shot.image = {width_, height_, std::vector<uint8_t>(3 * samples_.size())};
    shot.categories.reserve(samples_.size());
    shot.actors.reserve(samples_.size());
    for (size_t pixel = 0; pixel < samples_.size(); ++pixel) {
      const Sample& sample = samples_[pixel];
      shot.categories.push_back(sample.category);
      shot.actors.push_back(sample.actor);
      // A little grain, as sensors have it.
      const uint32_t noise = Hash(static_cast<uint32_t>(pixel), key, 0);
      for (size_t c = 0; c < 3; ++c) {
        const float grain = static_cast<float>((noise >> (10 * c)) & 1023) * (2.4f / 1023) - 1.2f;
        shot.image.rgb[3 * pixel + c] = static_cast<uint8_t>(
            std::clamp(gamma(sample.colour[static_cast<int>(c)]) + grain + 0.5f, 0.0f, 255.0f));
      }
    }
    return shot;
  }

 private:
  void Aim(RayPacket& rays, size_t i, float u, float v) const {
    const Vector3f direction = (unproject_ * Vector3f(u, v, 1)).normalized();
    rays.origin_x[i] = eye_R_.x();
    rays.origin_y[i] = eye_R_.y();
    rays.origin_z[i] = eye_R_.z();
    rays.direction_x[i] = direction.x();
    rays.direction_y[i] = direction.y();
    rays.direction_z[i] = direction.z();
    rays.distance[i] = kFar;
  }

  void TraceTile(const Shader& shader, int x, int y) {
    RayPacket rays;
    for (int i = 0; i < kPacket; ++i) {
      const int u = x + i % 4, v = y + i / 4;
      Aim(rays, static_cast<size_t>(i), static_cast<float>(u) + 0.5f, static_cast<float>(v) + 0.5f);
    }
    rays.active.fill(-1);  // Those beyond the border too: full packets are faster.
    std::array<Sample, kPacket> samples;
    shader.Shade(rays, samples);
    for (int i = 0; i < kPacket; ++i) {
      const int u = x + i % 4, v = y + i / 4;
      if (u < width_ && v < height_)
        samples_[static_cast<size_t>(v * width_ + u)] = samples[static_cast<size_t>(i)];
    }
  }

  static bool Differ(const Sample& a, const Sample& b) {
    if (a.thing != b.thing) return true;
    return a.thing != 0 && !a.soft && a.normal.dot(b.normal) < 0.8f;
  }

  /// Pixels that differ from a neighbour, block by block, so that rays of a packet run together.
  std::vector<uint32_t> Edges() const {
    std::vector<uint8_t> marked(samples_.size(), 0);
    const auto width = static_cast<size_t>(width_);
    for (size_t y = 0; y < static_cast<size_t>(height_); ++y) {
      for (size_t x = 0; x < width; ++x) {
        const size_t here = y * width + x;
        if (x + 1 < width && Differ(samples_[here], samples_[here + 1]))
          marked[here] = marked[here + 1] = 1;
        if (here + width < samples_.size() && Differ(samples_[here], samples_[here + width]))
          marked[here] = marked[here + width] = 1;
      }
    }
    std::vector<uint32_t> edges;
    constexpr size_t kBlock = 4;
    const auto height = static_cast<size_t>(height_);
    for (size_t top = 0; top < height; top += kBlock)
      for (size_t left = 0; left < width; left += kBlock)
        for (size_t y = top; y < std::min(top + kBlock, height); ++y)
          for (size_t x = left; x < std::min(left + kBlock, width); ++x)
            if (marked[y * width + x]) edges.push_back(static_cast<uint32_t>(y * width + x));
    return edges;
  }

  int width_, height_;
  Vector3f eye_R_;
  Eigen::Matrix3f unproject_, X_CR_, K_;
  std::vector<Sample> samples_;
};

void Picture::AddHalos(const Shader& shader) {
  for (const auto& lamp : shader.lamps().bright()) {
    const Vector3f way = lamp.p_R - eye_R_, p_C = X_CR_ * way;
    if (p_C.z() < 1) continue;
    const Vector3f pixel = K_ * p_C / p_C.z();
    const float facing =
        lamp.facing.isZero() ? 1.0f : std::max(0.0f, -lamp.facing.dot(way.normalized()));
    if (facing < 0.1f) continue;
    const int u = FloorInt(pixel.x()), v = FloorInt(pixel.y());
    if (u < 0 || v < 0 || u >= width_ || v >= height_) continue;
    // Seen only where nothing nearer covers it.
    if (samples_[static_cast<size_t>(v * width_ + u)].distance < way.norm() - 1.0f) continue;
    const float radius = std::clamp(0.55f * K_(0, 0) / p_C.z(), 3.0f, 0.07f * K_(0, 0));
    const int r = static_cast<int>(radius) + 1;
    for (int y = std::max(0, v - r); y <= std::min(height_ - 1, v + r); ++y) {
      for (int x = std::max(0, u - r); x <= std::min(width_ - 1, u + r); ++x) {
        const float dx = static_cast<float>(x) + 0.5f - pixel.x(),
                    dy = static_cast<float>(y) + 0.5f - pixel.y();
        const float t = 1 - std::sqrt(dx * dx + dy * dy) / radius;
        if (t <= 0) continue;
        Vector3f& colour = samples_[static_cast<size_t>(y * width_ + x)].colour;
        colour +=
            (0.55f * facing * t * t * t) * lamp.colour.cwiseProduct(Vector3f::Ones() - colour);
      }
    }
  }
}

}  // namespace

CameraShot RenderCamera(const Scene& scene, double time_s, const geom::PinholeCamera& camera) {
  return RenderCamera(scene.At(time_s), camera);
}

CameraShot RenderCamera(const Scene::Moment& moment, const geom::PinholeCamera& camera) {
  Picture picture(moment, camera);
  const Shader shader(moment, picture.eye_R(), static_cast<float>(1 / camera.K(0, 0)));
  picture.Trace(shader);
  picture.Smooth(shader);
  if (shader.daylight().night) picture.AddHalos(shader);
  return picture.Develop(static_cast<uint32_t>(std::lround(1e4 * moment.time_s())));
}

}  // namespace occvla::world
