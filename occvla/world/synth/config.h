#pragma once
#include <cstdint>
#include <string>

#include "occvla/base/config.h"
#include "occvla/world/drive.h"

/// What a synthetic data set is made of. The same values, number of scenes and seed give the same
/// bytes.
namespace occvla::world::synth {

/// Every field is set in configs/synth.toml, by `--set`, or by a flag of `occvla synth`.
struct Config {
  struct Set {
    int64_t keyframes = 40;
    int64_t sweeps = 1;
    double val_share = 0.15, test_share = 0.15;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("keyframes", keyframes, "keyframes of a scene, 0.5 s apart");
      v("sweeps", sweeps, "lidar sweeps between two keyframes");
      v("val_share", val_share, "share of the scenes that go to the split val");
      v("test_share", test_share, "share of the scenes that go to the split test");
    }
  };
  struct Town {
    double size_m = 800, spacing_m = 120;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("size_m", size_m, "side of each of the four towns");
      v("spacing_m", spacing_m, "about that far from junction to junction");
    }
  };
  struct Traffic {
    double density = 1.0;
    double least_manoeuvre_share = 0.05;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("density", density, "how full roads and sidewalks are; 1 = a usual afternoon");
      v("least_manoeuvre_share", least_manoeuvre_share,
        "no direction or velocity of a meta action shall be rarer than this share of keyframes");
    }
  };
  /// Relative weights; they need not add up to one.
  struct DayTimes {
    double day = 0.5, dusk = 0.15, overcast = 0.25, night = 0.1;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("day", day, "weight of clear days");
      v("dusk", dusk, "weight of low sun");
      v("overcast", overcast, "weight of grey skies");
      v("night", night, "weight of nights");
    }
  };
  struct Camera {
    double image_scale = 0.5;
    int64_t jpeg_quality = 88;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("image_scale", image_scale, "of 1600x900 pixels");
      v("jpeg_quality", jpeg_quality, "1 to 100");
    }
  };
  struct Labels {
    double annotation_range = 80;
    int64_t occupancy_history = 20;
    int64_t least_hits = 1;
    double least_passes = 2.5, ignore_near = 1;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("annotation_range", annotation_range, "metres from the car to which boxes are annotated");
      v("occupancy_history", occupancy_history,
        "keyframes before and after whose sweeps say which voxels were seen");
      v("least_hits", least_hits, "lidar points that make a voxel occupied in mask_lidar");
      v("least_passes", least_passes,
        "rays of each sweep, on average, that make a voxel free in mask_lidar; 0 = one ray is "
        "enough");
      v("ignore_near", ignore_near,
        "metres: a ray frees no voxel this near its point or its sensor");
    }
  };

  Set set;
  Town town;
  Traffic traffic;
  DayTimes day_times;
  Camera camera;
  Labels labels;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("set", set, "how much is made, and for which split");
    v("town", town, "where it happens");
    v("traffic", traffic, "who is on the road");
    v("day_times", day_times, "sun and sky of a scene");
    v("camera", camera, "the six cameras");
    v("labels", labels, "boxes and occupancy");
  }

  /// Throws one ConfigError that names every broken rule.
  void Validate() const;

  int image_width_px() const;
  int image_height_px() const;
};

}  // namespace occvla::world::synth
