#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "occvla/base/dtype.h"
#include "occvla/model/files/config.h"

namespace occvla::model {

/// How a tensor of a new model starts.
struct InitRule {
  enum class Kind { kZero, kOne, kNormal, kUniform, kQueries };
  Kind kind = Kind::kZero;
  double scale = 0;    ///< Standard deviation (normal, queries) or bound (uniform).
  std::string stream;  ///< Names the random stream; the tensor's own name but for twins.
};

/// The rule of a canonical name. Linear weights have variance 1 / fan-in, so that unit inputs give
/// unit outputs; norms start as the identity; what is added to a pretrained model (adapters' `up`,
/// camera embedding, last layer of the rays) starts at zero; the VQ-VAE starts as PyTorch does.
/// `shape` of a bias in the VQ-VAE cannot tell its fan-in: `fan_in` is that of its weight.
InitRule RuleFor(const TensorSpec& spec, int64_t fan_in);

/// Product of all dimensions but the first; 1 for vectors.
int64_t FanIn(const TensorSpec& spec);

/// Values are made in blocks of this many elements, each from a stream of its own.
inline constexpr int64_t kInitBlock = 65536;

/// Fills `out` (kInitBlock values, fewer in the last block) with block `block` of a tensor, as F32,
/// BF16 or F16. A pure function of its arguments: any number of threads gives the same bytes.
///
/// A normal value is the sum of four 16-bit uniforms of one mixed 64-bit counter (Irwin-Hall):
/// mean 0, variance as asked, tails cut at 3.46 standard deviations, 1 ns a value. No rejection, no
/// transcendental functions, so the bytes do not depend on the machine's libm.
void FillBlock(const InitRule& rule, const TensorSpec& spec, uint64_t seed, int64_t block,
               DType dtype, std::span<std::byte> out);

}  // namespace occvla::model
