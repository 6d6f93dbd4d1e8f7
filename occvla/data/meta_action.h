#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace occvla::data {

/// What the car does next along its path (paper section 3.3; facts/model.md C19).
enum class Velocity { kMaintain, kAccelerate, kDecelerate };
/// Where it goes.
enum class Direction {
  kGoStraight,
  kTurnLeft,
  kTurnRight,
  kChangeLaneLeft,
  kChangeLaneRight,
  kStop
};

inline constexpr std::array<std::string_view, 3> kVelocityNames = {"Maintain speed", "Accelerate",
                                                                   "Decelerate"};
inline constexpr std::array<std::string_view, 6> kDirectionNames = {
    "Go Straight", "Turn Left", "Turn Right", "Change Lane Left", "Change Lane Right", "Stop"};

struct MetaAction {
  Velocity velocity = Velocity::kMaintain;
  Direction direction = Direction::kGoStraight;
  friend bool operator==(const MetaAction&, const MetaAction&) = default;
};

/// "Decelerate, Turn Left".
std::string ToString(const MetaAction& action);
/// Reads "<velocity>, <direction>", case-insensitive, surrounding blanks and a final full stop
/// ignored; nothing for anything else.
std::optional<MetaAction> ParseMetaAction(std::string_view text);

}  // namespace occvla::data
