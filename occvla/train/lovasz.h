#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace occvla::train {

/// Buffers of one thread, kept between calls. They grow to two pairs of 32-bit numbers (float) a
/// voxel.
struct LovaszScratch {
  std::vector<std::pair<uint64_t, uint32_t>> wide;  ///< For double.
  std::vector<uint64_t> narrow, other;              ///< For float.
};

/// One class's part of Lovasz-softmax (Berman et al. 2018, algorithm 1) and its derivative.
///
///   n voxels that count; probabilities [n] of this class, replaced by d loss / d probability
///   labels [n]
///
/// The loss is the errors |[label = c] - p|, sorted downwards, times the growth of the Jaccard loss
/// at each. Voxels of equal error stand in the order given. Exact: only voxels behind the last one
/// of the class are left unsorted, where the growth is zero. Returns 0 and zeroes for a class that
/// no label has.
double LovaszClass(std::span<float> probabilities, std::span<const uint8_t> labels, uint8_t c,
                   LovaszScratch& scratch);
double LovaszClass(std::span<double> probabilities, std::span<const uint8_t> labels, uint8_t c,
                   LovaszScratch& scratch);

}  // namespace occvla::train
