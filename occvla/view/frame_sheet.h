#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/image/image.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/data/prediction.h"
#include "occvla/view/frame_facts.h"
#include "occvla/view/scene_above.h"

namespace occvla::view {

/// Which occupied voxels are drawn.
enum class VoxelsShown { kAll, kSeenByCameras, kSeenByLidar };

/// A frame's parts, read. What is absent says why in words ("not in this data set").
struct FrameParts {
  struct Picture {
    data::Image image;
    std::string problem;  ///< Empty = the image is there.
  };
  std::array<Picture, 6> images;  ///< In the order of data::kCameraNames.
  Surroundings around;            ///< Map, boxes, lidar points and way, all in E.
  std::string map_problem, lidar_problem, occupancy_problem;
  std::optional<data::occ3d::Labels> occupancy;
};

/// The labels with what the mask hides set free.
data::OccupancyGrid ShownVoxels(const data::occ3d::Labels& labels, VoxelsShown voxels);

/// Reads everything that the frame names. A file that is missing or damaged becomes a problem in
/// words, never an error: the picture shows what there is.
FrameParts ReadFrameParts(const data::Frame& frame);

/// One page, 1920 pixels wide: six views with boxes, map and way; the same from above; occupancy as
/// solid voxels with its legend; the facts in words. What is missing is named where it would stand.
data::Image DrawFrameSheet(const data::Frame& frame, const FrameParts& parts,
                           const FrameNotes& notes, VoxelsShown voxels = VoxelsShown::kAll);

}  // namespace occvla::view
