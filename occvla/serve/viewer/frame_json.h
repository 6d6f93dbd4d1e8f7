#pragma once
#include <nlohmann/json_fwd.hpp>

#include "occvla/data/frame.h"
#include "occvla/data/text/chain_of_thought.h"

namespace occvla::serve::viewer {

/// What a frame itself knows, as the page reads it (docs/VIEWER.md): time, ego state and pose,
/// cameras, boxes, map and ways, all in E; metres to the centimetre.
nlohmann::ordered_json FrameToJson(const data::Frame& frame);

/// {"past", "scene", "intent", "meta_action", "maker"}.
nlohmann::ordered_json ChainOfThoughtToJson(const data::CotLabel& label);

}  // namespace occvla::serve::viewer
