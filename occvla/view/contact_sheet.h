#pragma once
#include <string>
#include <vector>

#include "occvla/data/image/image.h"
#include "occvla/view/scene_above.h"

namespace occvla::view {

/// One key frame on a contact sheet.
struct ContactCell {
  data::Image front;    ///< What CAM_FRONT sees; without pixels `problem` is written instead.
  std::string problem;  ///< Why there is no image.
  Surroundings around;  ///< Drawn from above, 30 m each way.
  std::string title, caption;
};

/// Key frames side by side, three a row, each as the front camera's image beside the scene from
/// above: what a data set looks like on one page, 1920 pixels wide.
data::Image DrawContactSheet(const std::vector<ContactCell>& cells);

}  // namespace occvla::view
