#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "occvla/data/prediction.h"

namespace occvla::serve {

/// What every part of one chat completion repeats.
struct ChatHead {
  std::string id, model;
  int64_t created_s = 0;  ///< Unix time.
};

/// The whole answer as a `chat.completion`; ours is below "occvla".
std::string ChatCompletion(const ChatHead& head, const data::Prediction& prediction,
                           int64_t image_tokens);

/// `chat.completion.chunk`s as server-sent events ("data: {...}\n\n"). `with_usage`: the request
/// asked for usage, so that every other chunk has "usage": null.
std::string ChatOpening(const ChatHead& head, bool with_usage);
std::string ChatPiece(const ChatHead& head, std::string_view text, bool with_usage);
/// The last chunks, and [DONE].
std::string ChatEnding(const ChatHead& head, const data::Prediction& prediction,
                       int64_t image_tokens, bool with_usage);

}  // namespace occvla::serve
