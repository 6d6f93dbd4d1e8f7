#pragma once
#include <cstddef>
#include <string>

#include "occvla/data/frame.h"
#include "occvla/data/image/image.h"
#include "occvla/data/prediction.h"
#include "occvla/view/frame_sheet.h"

namespace occvla::view {

/// What a page of a drive shows beside its key frame.
struct DriveNotes {
  std::string dataset = {}, description = {};    ///< As in FrameNotes.
  size_t index = 0, count = 0;                   ///< This is key frame `index` (from 0) of `count`.
  const data::Prediction* prediction = nullptr;  ///< Not owned; null = truth alone.
};

/// One key frame as a page of 1920 x 1080 pixels, made to be shown one after the other as a film:
/// six views and the scene from above with boxes, map and the way that the car drove; occupancy;
/// the labels in words. With a prediction, the planned path as a ribbon beside the driven line,
/// predicted occupancy beside the true, and what the model said. What is missing is named where it
/// would stand. The same input gives the same pixels.
data::Image DrawDrivePage(const data::Frame& frame, const FrameParts& parts,
                          const DriveNotes& notes);

}  // namespace occvla::view
