#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/meta_action.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/geom/camera.h"

namespace occvla::train {

/// One question with its answer as ids.
struct Dialogue {
  std::vector<int64_t> prefix;  ///< [BOS] prompt "\n": data::PrefixIds.
  std::vector<int64_t> suffix;  ///< answer [EOS]: data::SuffixIds.
  std::string kind;             ///< As data::QuestionAnswer::kind.
};

/// What a stage wants of a keyframe; what is not wished is not decoded.
struct Wish {
  bool images = false;       ///< rgb.
  bool occupancy = false;    ///< labels.
  bool text = false;         ///< dialogues, at least one.
  bool trajectory = false;   ///< trajectory_E with at least one valid step.
  bool meta_action = false;  ///< The label of the next three seconds.
  bool calibration = false;  ///< cameras.
};

/// Everything that a training step wants of one keyframe.
struct Example {
  std::string token;
  uint64_t position = 0;  ///< In the endless walk over epochs; keys every draw below.
  int size_px = 0;
  std::vector<uint8_t> rgb;  ///< [6][size][size][3] by kCameraNames; empty when not wished.
  std::optional<data::occ3d::Labels> labels;
  std::vector<Dialogue> dialogues;
  size_t dialogues_too_long = 0;  ///< Drawn, but left out for their length.
  data::EgoState ego;
  std::optional<data::MetaAction> meta_action;
  /// Where the car is at 0.5, 1.0, ... 3.0 s, metres, in E at the frame's time: the next keyframes'
  /// places. Zero where `valid` is false.
  std::array<std::array<double, 2>, 6> trajectory_E{};
  std::array<bool, 6> valid{};  ///< There is a keyframe within 0.25 s of that moment.
  /// Of the whole images, before they were made square: scale u and v by size / width, / height.
  std::optional<std::array<geom::PinholeCamera, 6>> cameras;
  bool flipped = false;       ///< Left and right are swapped in all of the above.
  bool flip_refused = false;  ///< Drawn to be, but a text could not be mirrored.
};

}  // namespace occvla::train
