#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace occvla::train {

/// How images are changed, keyed by (seed, position). Every range r draws evenly from [-r, +r];
/// 0 = off, and all of it is off unless a config says otherwise.
struct AugmentConfig {
  double brightness = 0;
  double contrast = 0;
  double saturation = 0;
  double hue_deg = 0;
  double gamma = 0;
  double per_camera = 0.3;
  double blur = 0;
  double noise = 0;
  double flip = 0;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("brightness", brightness, "factor 1 + [-b, b] on all channels");
    v("contrast", contrast, "factor 1 + [-c, c] on the distance from the image's mean");
    v("saturation", saturation, "factor 1 + [-s, s] on the distance from grey");
    v("hue_deg", hue_deg, "turn of the colour circle, degrees");
    v("gamma", gamma, "exponent e^[-g, g]");
    v("per_camera", per_camera,
      "share of each change that a camera draws alone; 0 = all six alike");
    v("blur", blur, "share of images that are blurred slightly");
    v("noise", noise, "greatest standard deviation of noise, in steps of 8 bits");
    v("flip", flip,
      "share of frames in which left and right are swapped everywhere: images, cameras, labels, "
      "trajectories, words; 0 by default, for it makes left-hand traffic of right-hand traffic");
  }

  /// Adds what is wrong to `bad`.
  void Check(std::vector<std::string>& bad) const;
};

/// True where this position is to be flipped.
bool IsFlipped(const AugmentConfig& config, uint64_t seed, uint64_t position);

/// Changes the colours of rgb [6][size][size][3]; geometry stays.
void ChangeColours(const AugmentConfig& config, uint64_t seed, uint64_t position, int size_px,
                   std::vector<uint8_t>& rgb);

}  // namespace occvla::train
