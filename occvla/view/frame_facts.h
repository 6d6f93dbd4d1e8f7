#pragma once
#include <cstdint>
#include <string>

#include "occvla/data/frame.h"
#include "occvla/view/canvas.h"

namespace occvla::view {

/// What a data set knows of a frame beside the frame itself.
struct FrameNotes {
  std::string dataset;        ///< "v1.0-mini"; may be empty.
  std::string description;    ///< The scene's; may be empty.
  int64_t lidar_points = -1;  ///< Negative = not read.
};

/// A key frame in words: scene, place, time (UTC), what happens, the car's motion, the meta action,
/// what is annotated, and as many questions with their answers as the box has room for.
void DrawFrameFacts(Canvas& canvas, const Box& box, const data::Frame& frame,
                    const FrameNotes& notes);

/// "2018-07-24 03:28:47 UTC"; empty for 0.
std::string UtcText(int64_t timestamp_us);

}  // namespace occvla::view
