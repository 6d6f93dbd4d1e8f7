#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace occvla::train {

/// Which rank keeps the optimiser's state of which parameter (ZeRO-1): whole tensors, the largest
/// first, each to the rank with the least so far (the lowest of equals). No rank then has more than
/// an even share and the largest tensor together. `elements` of each parameter; the same on every
/// rank gives the same owners.
std::vector<int> OwnerOfParameters(std::span<const int64_t> elements, int ranks);

/// Elements that each rank owns.
std::vector<int64_t> OwnedElements(std::span<const int64_t> elements, std::span<const int> owners,
                                   int ranks);

}  // namespace occvla::train
