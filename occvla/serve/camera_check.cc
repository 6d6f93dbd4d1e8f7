#include "occvla/serve/camera_check.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace occvla::serve {
namespace {

using data::kCameraNames;

// Where the cameras of a nuScenes car look, from E's x axis to the left; in the order of
// kCameraNames.
constexpr std::array<double, 6> kYaw_deg = {0, -55, 55, 180, 110, -110};
constexpr double kTolerance_deg = 25;  // Other cars' cameras look elsewhere by some degrees.
constexpr double kBlank = 2;           // Greatest distance of a blank image's values from the mean.
constexpr double kSame = 1.5;  // Mean distance of equal images' values: JPEG rounds each anew.

std::string Name(size_t camera) { return std::string(kCameraNames[camera]); }

double Between_deg(double a_deg, double b_deg) {
  return std::abs(std::remainder(a_deg - b_deg, 360));
}

double MeanDistance(const data::Image& a, const data::Image& b, bool mirrored) {
  double sum = 0;
  const auto width = static_cast<size_t>(a.width_px);
  for (size_t i = 0; i < a.rgb.size(); ++i) {
    size_t other = i;
    if (mirrored) {
      const size_t pixel = i / 3, column = pixel % width;
      other = (pixel - column + (width - 1 - column)) * 3 + i % 3;
    }
    sum += std::abs(int{a.rgb[i]} - int{b.rgb[other]});
  }
  return a.rgb.empty() ? 0 : sum / static_cast<double>(a.rgb.size());
}

bool IsBlank(const data::Image& image) {
  double sum = 0;
  for (const uint8_t value : image.rgb) sum += value;
  const double mean = sum / static_cast<double>(std::max<size_t>(image.rgb.size(), 1));
  return std::all_of(image.rgb.begin(), image.rgb.end(),
                     [&](uint8_t value) { return std::abs(value - mean) <= kBlank; });
}

}  // namespace

std::vector<std::string> CheckCalibration(
    const std::array<std::optional<geom::PinholeCamera>, 6>& cameras) {
  std::vector<std::string> flags;
  const bool none =
      std::none_of(cameras.begin(), cameras.end(), [](const auto& camera) { return !!camera; });
  if (none) return {"calibration_missing"};
  for (size_t index = 0; index < cameras.size(); ++index) {
    if (!cameras[index]) {
      flags.push_back("calibration_missing:" + Name(index));
      continue;
    }
    const auto R_EC = cameras[index]->X_EC.linear();
    const double yaw_deg =
        std::atan2(R_EC(1, 2), R_EC(0, 2)) * 180 / std::numbers::pi;  // Of the camera's z axis.
    if (Between_deg(yaw_deg, kYaw_deg[index]) > kTolerance_deg) {
      const auto nearest =
          std::min_element(kYaw_deg.begin(), kYaw_deg.end(), [&](double a_deg, double b_deg) {
            return Between_deg(yaw_deg, a_deg) < Between_deg(yaw_deg, b_deg);
          });
      const auto other = static_cast<size_t>(nearest - kYaw_deg.begin());
      if (other != index) flags.push_back("calibration_of:" + Name(index) + "=" + Name(other));
    }
    if (R_EC(2, 1) > 0) flags.push_back("camera_upside_down:" + Name(index));  // Its y axis: down.
  }
  return flags;
}

std::vector<std::string> CheckImages(const std::array<std::optional<data::Image>, 6>& images) {
  std::vector<std::string> flags;
  std::array<bool, 6> blank{};
  for (size_t a = 0; a < images.size(); ++a) {
    if (!images[a]) continue;
    blank[a] = IsBlank(*images[a]);
    if (blank[a]) flags.push_back("image_blank:" + Name(a));
    for (size_t b = 0; b < a && !blank[a]; ++b) {
      if (!images[b] || blank[b]) continue;
      if (MeanDistance(*images[b], *images[a], /*mirrored=*/false) < kSame) {
        flags.push_back("images_equal:" + Name(b) + "=" + Name(a));
      } else if (MeanDistance(*images[b], *images[a], /*mirrored=*/true) < kSame) {
        flags.push_back("images_mirrored:" + Name(b) + "=" + Name(a));
      }
    }
  }
  return flags;
}

}  // namespace occvla::serve
