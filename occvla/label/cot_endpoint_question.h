#pragma once
#include <string>

#include "occvla/label/cot_endpoint.h"

/// The question about one keyframe, and its name in the cache.
namespace occvla::label {

/// Why an answer before could not be used, for the next ask.
struct CotAsk {
  int64_t number = 0;  ///< 0 = the first.
  CotVerdict before = CotVerdict::kGood;
};

/// The texts; images are added by `AddImages` when nothing is cached. `frame` has a meta action.
ChatQuestion CotQuestion(const data::Frame& frame, const CotEndpointConfig& config,
                         const CotAsk& ask);
/// Decodes, resizes and encodes the six images. Throws DataError.
void AddImages(const data::Frame& frame, const CotEndpointConfig& config, ChatQuestion& question);

/// SHA-256 of each image file's bytes, in the cameras' order, as one text. Throws DataError.
std::string HashOfImages(const data::Frame& frame);
/// The name in the cache: SHA-256 over all that decides the answer.
std::string HashOfQuestion(const ChatQuestion& question, const std::string& images,
                           const CotEndpointConfig& config, const CotAsk& ask);

}  // namespace occvla::label
