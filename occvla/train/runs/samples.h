#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Pictures of a run: samples/step-00000200-occupancy.png.
namespace occvla::train {

struct Sample {
  std::filesystem::path path;
  int64_t step = 0;
  std::string name;  ///< "occupancy".
};

constexpr size_t kMaxSampleBytes = size_t{64} << 20;

std::string SampleFileName(int64_t step, std::string_view name);
/// By step and then name. Other files are left out; an absent folder has none.
std::vector<Sample> SamplesIn(const std::filesystem::path& folder);

}  // namespace occvla::train
