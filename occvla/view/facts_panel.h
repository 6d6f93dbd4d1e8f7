#pragma once
#include "occvla/data/prediction.h"
#include "occvla/view/canvas.h"

namespace occvla::view {

/// The prediction in words: meta action, answer (wrapped, cut with an ellipsis where it passes the
/// panel), the six points of the trajectory, timings and flags.
void DrawFacts(Canvas& canvas, const Box& box, const data::Prediction& prediction);

}  // namespace occvla::view
