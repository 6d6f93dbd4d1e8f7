#pragma once
#include <Eigen/Geometry>
#include <vector>

#include "occvla/data/nuscenes/tables.h"
#include "occvla/geom/box.h"

namespace occvla::data::nuscenes {

/// A pose in the tables' own terms.
geom::Pose PoseOf(const std::array<double, 3>& translation, const std::array<double, 4>& rotation);

/// The box of an annotation, in G.
geom::Box BoxOf(const AnnotationRow& annotation);

/// A box at the moment of a sensor file, and the keyframe annotation that it comes from.
struct SweepBox {
  Row annotation = kNoRow;  ///< Of the file's own sample: the keyframe at or after it.
  geom::Box box_G;
};

/// The annotated boxes at the time of a sample_data row, as the devkit's get_boxes: those of its
/// sample; between two keyframes, centres are interpolated and rotations slerped from the previous
/// keyframe's, for instances that it has.
std::vector<SweepBox> BoxesAt(const Tables& tables, Row sample_data);

}  // namespace occvla::data::nuscenes
