#pragma once
#include <string>
#include <vector>

#include "occvla/data/prediction.h"
#include "occvla/serve/asking.h"
#include "occvla/serve/predict_request.h"

namespace occvla::serve {

/// What a reply to /v1/predict needs of its request, which by then is the engine's.
struct PredictHead {
  std::string id, model, frame;
  std::vector<std::string> questions, flags;
  bool drives = true;
  std::optional<OccupancyEncoding> occupancy;
  int64_t image_tokens = 0;

  /// Whether the first prediction is the drive's (or its occupancy's), not a question's.
  bool has_first() const { return drives || occupancy.has_value(); }
};

/// The whole answer. `predictions` in the order of the request's.
std::string PredictReply(const PredictHead& head, const std::vector<data::Prediction>& predictions);

/// A progress or text event as a server-sent event.
std::string PredictEvent(const PredictHead& head, const AskEvent& event);
/// The last event: the whole answer.
std::string PredictEnding(const PredictHead& head,
                          const std::vector<data::Prediction>& predictions);

}  // namespace occvla::serve
