#include "occvla/train/feed/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

#include "occvla/base/rng.h"

namespace occvla::train {
namespace {

// Rec. 601, as YIQ has it.
constexpr std::array<double, 3> kLuma{0.299, 0.587, 0.114};
constexpr int kBits = 12;  // Of the fixed point in which colours are mixed.

// Changes of one camera's image; ones and zeros change nothing.
struct Changes {
  double brightness = 1, contrast = 1, saturation = 1, hue = 0, gamma = 1;
  bool blurred = false;
  double noise = 0;
};

using Draws = std::array<double, 7>;
Draws DrawsOf(Rng rng) {
  Draws draws{};
  for (double& draw : draws) draw = rng.Uniform();
  return draws;
}

Changes ChangesOf(const AugmentConfig& config, const Draws& of_frame, const Draws& of_camera) {
  const auto within = [&](double range, size_t at) {
    return range * ((1 - config.per_camera) * (2 * of_frame[at] - 1) +
                    config.per_camera * (2 * of_camera[at] - 1));
  };
  return {.brightness = 1 + within(config.brightness, 0),
          .contrast = 1 + within(config.contrast, 1),
          .saturation = 1 + within(config.saturation, 2),
          .hue = within(config.hue_deg, 3) * std::numbers::pi / 180,
          .gamma = std::exp(within(config.gamma, 4)),
          .blurred = of_camera[5] < config.blur,
          .noise = config.noise * of_camera[6]};
}

double MeanLuma(std::span<const uint8_t> rgb) {
  std::array<uint64_t, 3> sums{};
  for (size_t i = 0; i < rgb.size(); i += 3)
    for (size_t c = 0; c < 3; ++c) sums[c] += rgb[i + c];
  double mean = 0;
  for (size_t c = 0; c < 3; ++c)
    mean += kLuma[c] * static_cast<double>(sums[c]) / (static_cast<double>(rgb.size()) / 3);
  return mean;
}

// Gamma, brightness and contrast of one channel's value.
std::array<uint8_t, 256> ToneTable(const Changes& changes, double mean) {
  std::array<uint8_t, 256> table{};
  const auto bright = [&](double value) {
    return 255 * std::pow(value / 255, changes.gamma) * changes.brightness;
  };
  const double centre = bright(mean);
  for (size_t i = 0; i < table.size(); ++i) {
    const double value = centre + (bright(static_cast<double>(i)) - centre) * changes.contrast;
    table[i] = static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
  }
  return table;
}

// Saturation and hue: I and Q of YIQ scaled and turned, as a matrix on RGB in fixed point.
std::array<int32_t, 9> ColourMatrix(const Changes& changes) {
  constexpr std::array<std::array<double, 3>, 2> kIq{
      {{0.595716, -0.274453, -0.321263}, {0.211456, -0.522591, 0.311135}}};
  constexpr std::array<std::array<double, 2>, 3> kBack{
      {{0.9562948, 0.6210251}, {-0.2721214, -0.6473809}, {-1.1069899, 1.7046149}}};
  const double c = changes.saturation * std::cos(changes.hue);
  const double s = changes.saturation * std::sin(changes.hue);
  std::array<int32_t, 9> matrix{};
  for (size_t to = 0; to < 3; ++to) {
    int32_t sum = 0;
    for (size_t from = 0; from < 3; ++from) {
      const double i = c * kIq[0][from] - s * kIq[1][from];
      const double q = s * kIq[0][from] + c * kIq[1][from];
      const double value = kLuma[from] + kBack[to][0] * i + kBack[to][1] * q;
      matrix[3 * to + from] =
          static_cast<int32_t>(std::lround(value * static_cast<double>(1 << kBits)));
      sum += matrix[3 * to + from];
    }
    matrix[3 * to + to] += (1 << kBits) - sum;  // Grey stays grey to the bit.
  }
  return matrix;
}

void MixColours(const Changes& changes, std::span<uint8_t> rgb) {
  const std::array<uint8_t, 256> tone = ToneTable(changes, MeanLuma(rgb));
  const std::array<int32_t, 9> m = ColourMatrix(changes);
  const auto mix = [](int32_t sum) {
    return static_cast<uint8_t>(std::clamp((sum + (1 << (kBits - 1))) >> kBits, 0, 255));
  };
  for (size_t i = 0; i < rgb.size(); i += 3) {
    const int32_t r = tone[rgb[i]], g = tone[rgb[i + 1]], b = tone[rgb[i + 2]];
    rgb[i] = mix(m[0] * r + m[1] * g + m[2] * b);
    rgb[i + 1] = mix(m[3] * r + m[4] * g + m[5] * b);
    rgb[i + 2] = mix(m[6] * r + m[7] * g + m[8] * b);
  }
}

// One pass of (1 2 1) / 4 over `count` values `stride` apart; the ends keep theirs.
void BlurLine(uint8_t* values, size_t count, size_t stride) {
  int before = values[0];
  for (size_t i = 1; i + 1 < count; ++i) {
    const int here = values[i * stride];
    values[i * stride] =
        static_cast<uint8_t>((before + 2 * here + values[(i + 1) * stride] + 2) >> 2);
    before = here;
  }
}

// Along all rows, then along all columns.
void Blur(std::span<uint8_t> rgb, size_t size) {
  for (size_t row = 0; row < size; ++row)
    for (size_t c = 0; c < 3; ++c) BlurLine(rgb.data() + row * size * 3 + c, size, 3);
  for (size_t column = 0; column < size * 3; ++column)
    BlurLine(rgb.data() + column, size, size * 3);
}

// Nearly normal: four even bytes have a standard deviation of 147.8 about their mean of 510.
void AddNoise(double deviation, Rng rng, std::span<uint8_t> rgb) {
  constexpr double kOfFourBytes = 147.802;
  const double scale = deviation / kOfFourBytes;
  for (uint8_t& value : rgb) {
    const uint32_t bits = rng.NextU32();
    const int sum =
        static_cast<int>((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24)) -
        510;
    value = static_cast<uint8_t>(std::clamp(std::lround(value + scale * sum), 0L, 255L));
  }
}

}  // namespace

void AugmentConfig::Check(std::vector<std::string>& bad) const {
  const auto within = [&](const char* name, double value, double most) {
    if (value >= 0 && value <= most) return;
    bad.push_back("augment." + std::string(name) + " must be 0 to " +
                  std::to_string(static_cast<int>(most)) + ", is " + std::to_string(value));
  };
  within("brightness", brightness, 1);
  within("contrast", contrast, 1);
  within("saturation", saturation, 1);
  within("hue_deg", hue_deg, 180);
  within("gamma", gamma, 1);
  within("per_camera", per_camera, 1);
  within("blur", blur, 1);
  within("noise", noise, 64);
  within("flip", flip, 1);
}

bool IsFlipped(const AugmentConfig& config, uint64_t seed, uint64_t position) {
  return Rng(seed, "flip", 0, position).Uniform() < config.flip;
}

void ChangeColours(const AugmentConfig& config, uint64_t seed, uint64_t position, int size_px,
                   std::vector<uint8_t>& rgb) {
  const auto size = static_cast<size_t>(size_px);
  const bool colours = config.brightness > 0 || config.contrast > 0 || config.saturation > 0 ||
                       config.hue_deg > 0 || config.gamma > 0;
  const Draws of_frame = DrawsOf(Rng(seed, "colours of a frame", 0, position));
  const size_t bytes = size * size * 3;
  for (size_t camera = 0; camera < rgb.size() / std::max<size_t>(bytes, 1); ++camera) {
    const Draws of_camera = DrawsOf(Rng(seed, "colours of a camera", camera, position));
    const Changes changes = ChangesOf(config, of_frame, of_camera);
    const auto image = std::span(rgb).subspan(camera * bytes, bytes);
    if (colours) MixColours(changes, image);
    if (changes.blurred) Blur(image, size);
    if (changes.noise > 0) AddNoise(changes.noise, Rng(seed, "noise", camera, position), image);
  }
}

}  // namespace occvla::train
