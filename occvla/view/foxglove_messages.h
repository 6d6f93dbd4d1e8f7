#pragma once
#include <Eigen/Geometry>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/prediction.h"
#include "occvla/view/canvas.h"
#include "occvla/view/local_map.h"
#include "occvla/view/path.h"

/// Foxglove's messages as JSON text. Times are nanoseconds since 1970.
namespace occvla::view {

/// Names of the frames of reference.
inline constexpr std::string_view kMapFrame = "map", kEgoFrame = "ego";

/// `bytes` are those of a JPEG, PNG or WebP file; `format` is "jpeg", "png" or "webp".
std::string ImageMessage(uint64_t time_ns, std::string_view camera, std::string_view bytes,
                         std::string_view format);
std::string CalibrationMessage(uint64_t time_ns, std::string_view camera,
                               const geom::PinholeCamera& calibration);

struct FramePlace {
  std::string parent, child;
  geom::Pose X_ParentChild;
};
std::string TransformsMessage(uint64_t time_ns, std::span<const FramePlace> places);

/// Annotated boxes: a cube each, an arrow along its motion, its category; replaces the previous
/// ones. The frame has an ego pose.
std::string BoxesMessage(uint64_t time_ns, const data::Frame& frame);
std::string MapMessage(uint64_t time_ns, const LocalMap& map);
/// A line along the path with a ball at each mark; replaces the previous one.
std::string PathMessage(uint64_t time_ns, std::string_view id, std::span<const PathPoint> path,
                        std::span<const PathPoint> marks, const Colour& colour);

/// A point at the centre of each voxel that is not free and has a free one, or the grid's outside,
/// at one of its six faces (what lies inside of a solid cannot be seen, and would be most of it):
/// x, y, z float32, red, green, blue, alpha and class uint8. `labels` is the Occ3D grid,
/// [200][200][16].
std::string VoxelsMessage(uint64_t time_ns, std::span<const uint8_t> labels);

enum class LogLevel { kInfo = 2, kWarning = 3 };
std::string LogMessage(uint64_t time_ns, LogLevel level, std::string_view name,
                       std::string_view text);

}  // namespace occvla::view
