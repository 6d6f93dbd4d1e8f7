#include "occvla/model/files/random_init.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "occvla/base/error.h"

namespace occvla::model {
namespace {

using Kind = InitRule::Kind;

bool StartsWith(std::string_view text, std::string_view part) {
  return text.substr(0, part.size()) == part;
}
bool EndsWith(std::string_view text, std::string_view part) {
  return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
}
bool Holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

uint64_t Mix(
    uint64_t x) {  // The finaliser of splitmix64: each input bit moves half the output bits.
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t KeyOf(uint64_t seed, std::string_view stream, int64_t block) {
  uint64_t key = Mix(seed + 0x9e3779b97f4a7c15u);
  for (unsigned char c : stream) key = Mix(key ^ c);
  return Mix(key + static_cast<uint64_t>(block) * 0x9e3779b97f4a7c15u);
}

uint64_t WordAt(uint64_t key, int64_t i) {
  return Mix(key + static_cast<uint64_t>(i + 1) * 0x9e3779b97f4a7c15u);
}

/// Four 16-bit uniforms: their sum has mean 2 * 65535 and variance 4 * (65536^2 - 1) / 12.
float NormalOf(uint64_t word, float scale) {
  const auto sum = static_cast<int32_t>((word & 0xffff) + ((word >> 16) & 0xffff) +
                                        ((word >> 32) & 0xffff) + (word >> 48));
  return static_cast<float>(sum - 131070) * scale;
}

float NormalScale(double deviation) {
  return static_cast<float>(deviation / std::sqrt(4.0 * (65536.0 * 65536.0 - 1.0) / 12.0));
}

/// The 2-D sine-cosine code of facts C2 at unit root mean square: row index in the first half of
/// the width, column in the second.
void AddQueryCode(const TensorSpec& spec, int64_t first, double scale, std::span<float> values) {
  const int64_t width = spec.shape[1];
  const auto grid =
      static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(spec.shape[0]))));
  const int64_t half = std::max<int64_t>(1, width / 2), quarter = std::max<int64_t>(1, half / 2);
  std::vector<double> frequency(static_cast<size_t>(quarter));
  for (int64_t k = 0; k < quarter; ++k) {
    frequency[static_cast<size_t>(k)] =
        std::pow(10000.0, -static_cast<double>(k) / static_cast<double>(quarter));
  }
  for (size_t n = 0; n < values.size(); ++n) {
    const int64_t index = first + static_cast<int64_t>(n), row = index / width, d = index % width;
    const int64_t place = d < half ? row / grid : row % grid;
    const int64_t within = d < half ? d : d - half;
    const double angle =
        static_cast<double>(place) * frequency[static_cast<size_t>(within % quarter)];
    const double code = within < quarter ? std::sin(angle) : std::cos(angle);
    values[n] += static_cast<float>(scale * std::sqrt(2.0) * code);
  }
}

/// Round to nearest even; the values here are finite, so no case for NaN (dtype.h has the full
/// one).
uint16_t BFloat16Fast(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

void Store(std::span<const float> values, DType dtype, std::span<std::byte> out) {
  OCCVLA_DCHECK(out.size() == values.size() * SizeOf(dtype));
  if (dtype == DType::kF32) {
    std::memcpy(out.data(), values.data(), out.size());
    return;
  }
  std::array<uint16_t, 1024> chunk;
  for (size_t begin = 0; begin < values.size(); begin += chunk.size()) {
    const size_t count = std::min(chunk.size(), values.size() - begin);
    if (dtype == DType::kBF16) {
      for (size_t i = 0; i < count; ++i) chunk[i] = BFloat16Fast(values[begin + i]);
    } else {
      for (size_t i = 0; i < count; ++i) chunk[i] = HalfFromFloat(values[begin + i]);
    }
    std::memcpy(out.data() + 2 * begin, chunk.data(), 2 * count);
  }
}

/// PyTorch's default of Conv2d: kaiming uniform with a = sqrt(5), which is 1 / sqrt(fan-in) for
/// both.
InitRule VqvaeRule(const TensorSpec& spec, int64_t fan_in) {
  const std::string& name = spec.name;
  const bool is_bias = EndsWith(name, ".bias");
  if (name == "vqvae.class_embeds.weight") return {Kind::kNormal, 1.0, name};
  if (name == "vqvae.vqvae.embedding.weight") {
    return {Kind::kUniform, 1.0 / static_cast<double>(spec.shape[0]), name};
  }
  if (Holds(name, ".norm")) return {is_bias ? Kind::kZero : Kind::kOne, 0, name};
  return {Kind::kUniform, 1.0 / std::sqrt(static_cast<double>(fan_in)), name};
}

}  // namespace

int64_t FanIn(const TensorSpec& spec) {
  int64_t product = 1;
  for (size_t i = 1; i < spec.shape.size(); ++i) product *= spec.shape[i];
  return product;
}

InitRule RuleFor(const TensorSpec& spec, int64_t fan_in) {
  const std::string& name = spec.name;
  if (StartsWith(name, "vqvae.")) return VqvaeRule(spec, fan_in);
  const double width = static_cast<double>(spec.shape.back());
  if (EndsWith(name, ".bias")) return {Kind::kZero, 0, name};
  if (StartsWith(name, "language_model.") && EndsWith(name, "norm.weight")) {
    return {Kind::kZero, 0, name};  // RMSNorm multiplies by 1 + w.
  }
  if (Holds(name, "layer_norm") || Holds(name, "post_layernorm")) return {Kind::kOne, 0, name};
  if (name == "camera_embedding.weight" || name == "camera_rays.1.weight" ||
      EndsWith(name, ".up.weight")) {
    return {Kind::kZero, 0, name};
  }
  // Embeddings are multiplied by sqrt(D) in the forward pass and then have unit variance.
  if (EndsWith(name, "embed_tokens.weight")) return {Kind::kNormal, 1 / std::sqrt(width), name};
  if (EndsWith(name, "position_embedding.weight")) return {Kind::kNormal, 0.02, name};
  // facts C2 gives 0.02 at D = 2304, which is 0.96 after sqrt(D); the same at any width.
  if (name == "occupancy.queries.weight") return {Kind::kQueries, 0.96 / std::sqrt(width), name};
  // The new head starts as the tied one.
  if (name == "occupancy.head.weight") return {Kind::kNormal, 1.0, "vqvae.class_embeds.weight"};
  if (name == "planner.velocity_embedding.weight" || name == "planner.direction_embedding.weight") {
    return {Kind::kNormal, 1.0, name};
  }
  return {Kind::kNormal, 1 / std::sqrt(static_cast<double>(FanIn(spec))), name};
}

void FillBlock(const InitRule& rule, const TensorSpec& spec, uint64_t seed, int64_t block,
               DType dtype, std::span<std::byte> out) {
  std::vector<float> values(out.size() / SizeOf(dtype));
  const uint64_t key = KeyOf(seed, rule.stream, block);
  const auto count = static_cast<int64_t>(values.size());
  switch (rule.kind) {
    case Kind::kZero:
      break;
    case Kind::kOne:
      std::fill(values.begin(), values.end(), 1.0f);
      break;
    case Kind::kUniform: {
      const auto scale = static_cast<float>(rule.scale / 8388608.0);  // 24 bits over [-1, 1).
      for (int64_t i = 0; i < count; ++i) {
        const auto bits = static_cast<int32_t>(WordAt(key, i) >> 40) - 8388608;
        values[static_cast<size_t>(i)] = static_cast<float>(bits) * scale;
      }
      break;
    }
    case Kind::kNormal:
    case Kind::kQueries: {
      const float scale = NormalScale(rule.scale);
      for (int64_t i = 0; i < count; ++i) {
        values[static_cast<size_t>(i)] = NormalOf(WordAt(key, i), scale);
      }
      if (rule.kind == Kind::kQueries) AddQueryCode(spec, block * kInitBlock, rule.scale, values);
      break;
    }
  }
  Store(values, dtype, out);
}

}  // namespace occvla::model
