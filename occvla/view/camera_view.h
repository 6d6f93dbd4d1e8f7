#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "occvla/data/image/image.h"
#include "occvla/geom/camera.h"
#include "occvla/view/camera_overlay.h"
#include "occvla/view/canvas.h"

namespace occvla::view {

/// One camera as it is drawn.
struct CameraPicture {
  std::string_view name;
  data::Image image = {};    ///< May be empty: `problem` says why.
  std::string problem = "";  ///< Drawn in the image's place.
  std::optional<geom::PinholeCamera> camera = std::nullopt;
};

/// The camera's image fitted into `cell`, its name in a corner, and, where the camera is
/// calibrated, the overlay. Without an image the overlay is drawn on an empty ground.
void DrawCameraView(Canvas& canvas, const Box& cell, const CameraPicture& picture,
                    const Overlay& overlay);

/// The six cells, three a row, each 16:9: ahead above, behind below, left to the left as in the
/// mirrors. `camera` counts in the order of data::kCameraNames.
struct CameraCell {
  size_t camera;
  std::string_view name;
  Box box;
};
std::array<CameraCell, 6> CameraCells(double x, double y, double width, double gap);

}  // namespace occvla::view
