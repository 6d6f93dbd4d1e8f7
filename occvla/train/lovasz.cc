#include "occvla/train/lovasz.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace occvla::train {
namespace {

constexpr uint32_t kForeground = uint32_t{1} << 31;  // Beside the index of a voxel.

// Float bits of non-negative numbers are ordered as the numbers are.
uint64_t Packed(float error, uint32_t voxel) {
  return (uint64_t{std::bit_cast<uint32_t>(error)} << 32) | voxel;
}

// Downwards by the upper half, keeping the order of equals: eleven bits at a time.
void SortByError(std::vector<uint64_t>& items, std::vector<uint64_t>& other) {
  constexpr int kBits = 11, kPasses = 3;
  constexpr uint32_t kMask = (1u << kBits) - 1;
  std::array<std::array<uint32_t, 1 << kBits>, kPasses> counts{};
  for (const uint64_t item : items) {
    const auto key = ~static_cast<uint32_t>(item >> 32);
    for (int pass = 0; pass < kPasses; ++pass) ++counts[pass][(key >> (kBits * pass)) & kMask];
  }
  other.resize(items.size());
  for (int pass = 0; pass < kPasses; ++pass) {
    auto& count = counts[pass];
    if (std::find(count.begin(), count.end(), items.size()) != count.end()) continue;
    uint32_t start = 0;
    for (auto& c : count) start += std::exchange(c, start);
    for (const uint64_t item : items) {
      const auto key = ~static_cast<uint32_t>(item >> 32);
      other[count[(key >> (kBits * pass)) & kMask]++] = item;
    }
    std::swap(items, other);
  }
}

std::vector<uint64_t>& Items(float, LovaszScratch& scratch) { return scratch.narrow; }
auto& Items(double, LovaszScratch& scratch) { return scratch.wide; }

void Add(std::vector<uint64_t>& items, float error, uint32_t voxel) {
  items.push_back(Packed(error, voxel));
}
void Add(std::vector<std::pair<uint64_t, uint32_t>>& items, double error, uint32_t voxel) {
  items.emplace_back(std::bit_cast<uint64_t>(error), voxel);
}

void Sort(std::vector<uint64_t>& items, LovaszScratch& scratch) {
  SortByError(items, scratch.other);
}
void Sort(std::vector<std::pair<uint64_t, uint32_t>>& items, LovaszScratch&) {
  std::stable_sort(items.begin(), items.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
}

double ErrorOf(uint64_t item) { return std::bit_cast<float>(static_cast<uint32_t>(item >> 32)); }
double ErrorOf(const std::pair<uint64_t, uint32_t>& item) {
  return std::bit_cast<double>(item.first);
}
uint32_t VoxelOf(uint64_t item) { return static_cast<uint32_t>(item); }
uint32_t VoxelOf(const std::pair<uint64_t, uint32_t>& item) { return item.second; }

template <typename T>
double Class(std::span<T> p, std::span<const uint8_t> labels, uint8_t c, LovaszScratch& scratch) {
  const auto n = static_cast<uint32_t>(p.size());
  T least = std::numeric_limits<T>::infinity();  // The least error of the class's own voxels.
  double foreground = 0;
  for (uint32_t i = 0; i < n; ++i) {
    if (labels[i] != c) continue;
    least = std::min(least, std::max(T{0}, 1 - p[i]));
    ++foreground;
  }
  auto& items = Items(T{}, scratch);
  items.clear();
  for (uint32_t i = 0; i < n; ++i) {
    if (labels[i] == c) {
      Add(items, std::max(T{0}, 1 - p[i]), i | kForeground);
    } else if (p[i] >= least) {
      Add(items, p[i], i);
    }
    p[i] = 0;
  }
  Sort(items, scratch);
  // Growth of 1 - intersection / union when one more voxel is wrong.
  double loss = 0, intersection = foreground, united = foreground;
  for (const auto& item : items) {
    const bool own = (VoxelOf(item) & kForeground) != 0;
    const double growth = own ? 1 / united : intersection / (united * (united + 1));
    own ? --intersection : ++united;
    loss += ErrorOf(item) * growth;
    p[VoxelOf(item) & ~kForeground] = static_cast<T>(own ? -growth : growth);
  }
  return loss;
}

}  // namespace

double LovaszClass(std::span<float> probabilities, std::span<const uint8_t> labels, uint8_t c,
                   LovaszScratch& scratch) {
  return Class(probabilities, labels, c, scratch);
}

double LovaszClass(std::span<double> probabilities, std::span<const uint8_t> labels, uint8_t c,
                   LovaszScratch& scratch) {
  return Class(probabilities, labels, c, scratch);
}

}  // namespace occvla::train
