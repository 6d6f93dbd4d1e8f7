#include "occvla/train/runs/partition.h"

#include <algorithm>
#include <numeric>

namespace occvla::train {

std::vector<int> OwnerOfParameters(std::span<const int64_t> elements, int ranks) {
  std::vector<size_t> order(elements.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return elements[a] > elements[b]; });
  std::vector<int64_t> load(static_cast<size_t>(std::max(1, ranks)));
  std::vector<int> owners(elements.size());
  for (const auto index : order) {
    const auto least = std::min_element(load.begin(), load.end());
    owners[index] = static_cast<int>(least - load.begin());
    *least += elements[index];
  }
  return owners;
}

std::vector<int64_t> OwnedElements(std::span<const int64_t> elements, std::span<const int> owners,
                                   int ranks) {
  std::vector<int64_t> owned(static_cast<size_t>(std::max(1, ranks)));
  for (size_t i = 0; i < elements.size(); ++i) owned[static_cast<size_t>(owners[i])] += elements[i];
  return owned;
}

}  // namespace occvla::train
