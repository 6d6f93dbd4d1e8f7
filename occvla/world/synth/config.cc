#include "occvla/world/synth/config.h"

#include <cmath>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/data/nuscenes/write_tables.h"

namespace occvla::world::synth {
namespace {

constexpr int kFullWidth = 1600, kFullHeight = 900;

/// The complaints about a config, one by one.
class Rules {
 public:
  template <typename Number>
  void Range(const char* field, Number value, Number low, Number high) {
    if (!(value >= low && value <= high)) {
      problems_.push_back("  - " + std::string(field) + " must be from " + Text(low) + " to " +
                          Text(high) + ", is " + Text(value));
    }
  }
  void Require(bool holds, const std::string& problem) {
    if (!holds) problems_.push_back("  - " + problem);
  }
  void Throw() const {
    if (!problems_.empty()) throw ConfigError("synth:\n" + Join(problems_, "\n"));
  }

 private:
  static std::string Text(int64_t value) { return std::to_string(value); }
  static std::string Text(double value) {
    if (!std::isfinite(value)) return "not finite";
    std::string text;
    data::nuscenes::AppendNumber(value, &text);
    return text;
  }
  std::vector<std::string> problems_;
};

}  // namespace

void Config::Validate() const {
  Rules rules;
  rules.Range<int64_t>("set.keyframes", set.keyframes, 1, 400);
  rules.Range<int64_t>("set.sweeps", set.sweeps, 0, 9);
  rules.Range("set.val_share", set.val_share, 0.0, 1.0);
  rules.Range("set.test_share", set.test_share, 0.0, 1.0);
  rules.Require(!(set.val_share + set.test_share > 1),
                "set.val_share and set.test_share add up to more than 1");
  rules.Range("town.size_m", town.size_m, 480.0, 3000.0);
  rules.Range("town.spacing_m", town.spacing_m, 100.0, 200.0);
  rules.Range("traffic.density", traffic.density, 0.0, 4.0);
  rules.Range("traffic.least_manoeuvre_share", traffic.least_manoeuvre_share, 0.0, 0.08);
  const double weights[] = {day_times.day, day_times.dusk, day_times.overcast, day_times.night};
  const char* names[] = {"day_times.day", "day_times.dusk", "day_times.overcast",
                         "day_times.night"};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    rules.Range(names[i], weights[i], 0.0, 1e6);
    sum += weights[i];
  }
  rules.Require(sum > 0, "one of the weights in day_times must be above 0");
  rules.Range("camera.image_scale", camera.image_scale, 0.02, 1.0);
  rules.Range<int64_t>("camera.jpeg_quality", camera.jpeg_quality, 1, 100);
  rules.Range("labels.annotation_range", labels.annotation_range, 1.0, 200.0);
  rules.Range<int64_t>("labels.occupancy_history", labels.occupancy_history, 0, 400);
  rules.Range<int64_t>("labels.least_hits", labels.least_hits, 1, 1000);
  rules.Range("labels.least_passes", labels.least_passes, 0.0, 1000.0);
  rules.Range("labels.ignore_near", labels.ignore_near, 0.0, 10.0);
  rules.Throw();
}

int Config::image_width_px() const {
  return static_cast<int>(std::lround(kFullWidth * camera.image_scale));
}
int Config::image_height_px() const {
  return static_cast<int>(std::lround(kFullHeight * camera.image_scale));
}

}  // namespace occvla::world::synth
