#include "occvla/train/runs/samples.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <tuple>

namespace occvla::train {
namespace {

constexpr std::string_view kHead = "step-", kTail = ".png";

}  // namespace

std::string SampleFileName(int64_t step, std::string_view name) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%08lld", static_cast<long long>(step));
  return std::string(kHead) + digits + "-" + std::string(name) + std::string(kTail);
}

std::vector<Sample> SamplesIn(const std::filesystem::path& folder) {
  std::vector<Sample> samples;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(folder, absent)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with(kHead) || !file.ends_with(kTail)) continue;
    Sample sample{entry.path(), 0, ""};
    const char* const end = file.data() + file.size() - kTail.size();
    const auto [after, error] = std::from_chars(file.data() + kHead.size(), end, sample.step);
    if (error != std::errc() || sample.step < 0 || after + 1 >= end || *after != '-') continue;
    sample.name.assign(after + 1, end);
    samples.push_back(std::move(sample));
  }
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return std::tie(a.step, a.name) < std::tie(b.step, b.name);
  });
  return samples;
}

}  // namespace occvla::train
