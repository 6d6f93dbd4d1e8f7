#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "occvla/data/image/image.h"
#include "occvla/geom/camera.h"
#include "occvla/view/canvas.h"
#include "occvla/view/path.h"

namespace occvla::view {

/// One camera's image fitted into `cell`, its name in a corner, and, where the camera is
/// calibrated, the planned path as a ribbon on the ground with a dot each second.
void DrawCameraView(Canvas& canvas, const Box& cell, std::string_view name,
                    const data::Image& image, const std::optional<geom::PinholeCamera>& camera,
                    const std::vector<PathPoint>& path);

}  // namespace occvla::view
