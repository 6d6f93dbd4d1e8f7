#include "occvla/data/nuscenes/sweep_boxes.h"

#include <algorithm>
#include <cmath>

namespace occvla::data::nuscenes {
namespace {

using Quaternion = Eigen::Quaterniond;

Quaternion QuaternionOf(const std::array<double, 4>& q) {
  return Quaternion(q[0], q[1], q[2], q[3]).normalized();
}

// As pyquaternion's, which goes straight where the two are nearly the same; Eigen's changes over at
// another angle.
Quaternion Slerp(const Quaternion& from, const Quaternion& to, double share) {
  constexpr double kNearlySame = 0.9995;
  Eigen::Vector4d a = from.coeffs();
  const Eigen::Vector4d b = to.coeffs();
  double dot = a.dot(b);
  if (dot < 0) {
    a = -a;
    dot = -dot;
  }
  if (dot > kNearlySame) return Quaternion(Eigen::Vector4d(a + share * (b - a))).normalized();
  const double whole = std::acos(dot), part = whole * share;
  const double of_b = std::sin(part) / std::sin(whole);
  return Quaternion(Eigen::Vector4d((std::cos(part) - dot * of_b) * a + of_b * b)).normalized();
}

}  // namespace

geom::Pose PoseOf(const std::array<double, 3>& translation, const std::array<double, 4>& rotation) {
  geom::Pose pose = geom::Pose::Identity();
  pose.linear() = QuaternionOf(rotation).toRotationMatrix();
  pose.translation() << translation[0], translation[1], translation[2];
  return pose;
}

geom::Box BoxOf(const AnnotationRow& annotation) {
  const auto& [width, length, height] = annotation.size;
  return {.X_AB = PoseOf(annotation.translation, annotation.rotation),
          .size = {length, width, height}};
}

std::vector<SweepBox> BoxesAt(const Tables& tables, Row sample_data) {
  const auto& rows = tables.rows();
  const SampleDataRow& file = rows.sample_data[sample_data];
  const SampleRow& sample = rows.sample[file.sample];
  const auto annotations_of = [&](const SampleRow& row) {
    return rows.sample_annotation_rows.subspan(row.annotations.begin,
                                               row.annotations.end - row.annotations.begin);
  };
  std::vector<SweepBox> boxes;
  for (const Row annotation : annotations_of(sample))
    boxes.push_back({annotation, BoxOf(rows.sample_annotation[annotation])});
  if (sample.previous == kNoRow || file.is_key_frame) return boxes;

  const SampleRow& before = rows.sample[sample.previous];
  const auto time = std::clamp(file.timestamp_us, before.timestamp_us, sample.timestamp_us);
  const double share = static_cast<double>(time - before.timestamp_us) /
                       static_cast<double>(sample.timestamp_us - before.timestamp_us);
  std::vector<std::pair<Row, Row>> earlier;  // (instance, annotation)
  for (const Row annotation : annotations_of(before))
    earlier.emplace_back(rows.sample_annotation[annotation].instance, annotation);
  std::sort(earlier.begin(), earlier.end());
  for (SweepBox& box : boxes) {
    const AnnotationRow& now = rows.sample_annotation[box.annotation];
    const auto found =
        std::lower_bound(earlier.begin(), earlier.end(), std::pair{now.instance, Row{0}});
    if (found == earlier.end() || found->first != now.instance) continue;
    const AnnotationRow& then = rows.sample_annotation[found->second];
    box.box_G.X_AB.linear() =
        Slerp(QuaternionOf(then.rotation), QuaternionOf(now.rotation), share).toRotationMatrix();
    for (size_t i = 0; i < 3; ++i) {
      box.box_G.X_AB.translation()[static_cast<Eigen::Index>(i)] =
          then.translation[i] + share * (now.translation[i] - then.translation[i]);
    }
  }
  return boxes;
}

}  // namespace occvla::data::nuscenes
