#pragma once
#include "occvla/data/frame.h"
#include "occvla/data/image/image.h"
#include "occvla/data/prediction.h"

namespace occvla::cli {

/// What is true of a keyframe, in the form of a prediction. Throws DataError for damaged occupancy.
data::Prediction TruthOf(const data::Frame& frame);

/// Two of view's pictures of a frame: what the model says on the left, what is true on the right.
data::Image PictureBesideTruth(const data::Frame& frame, const data::Prediction& prediction,
                               const data::Prediction& truth);

}  // namespace occvla::cli
