#include <cmath>

#include "occvla/data/nuscenes/tables.h"

namespace occvla::data::nuscenes {
namespace {

// The devkit's max_time_diff between two neighbours; twice that across three.
constexpr double kMostSeconds = 1.5;

}  // namespace

std::optional<std::array<double, 3>> Velocity(const Tables& tables, Row annotation) {
  const auto& rows = tables.rows();
  const AnnotationRow& current = rows.sample_annotation[annotation];
  const bool has_previous = current.previous != kNoRow, has_next = current.next != kNoRow;
  if (!has_previous && !has_next) return std::nullopt;
  const AnnotationRow& first = has_previous ? rows.sample_annotation[current.previous] : current;
  const AnnotationRow& last = has_next ? rows.sample_annotation[current.next] : current;
  // Seconds are subtracted, not microseconds: the rounding is the devkit's.
  const double seconds = 1e-6 * static_cast<double>(rows.sample[last.sample].timestamp_us) -
                         1e-6 * static_cast<double>(rows.sample[first.sample].timestamp_us);
  if (seconds > (has_previous && has_next ? 2 : 1) * kMostSeconds) return std::nullopt;
  std::array<double, 3> velocity_G;
  for (size_t i = 0; i < 3; ++i)
    velocity_G[i] = (last.translation[i] - first.translation[i]) / seconds;
  return velocity_G;
}

}  // namespace occvla::data::nuscenes
