#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace occvla::train {

/// A text about the world mirrored at the car's x-z plane, as it would be written there:
///
///   - the words left and right, in any case, alone or in leftmost, rightward(s), left-hand,
///     CAM_FRONT_LEFT, ..., where they are directions;
///   - y of "(x, y)" where both are decimal numbers and y has a sign or is 0.0, as OmniDrive and
///   our
///     own texts write places in E. y = 0.0 stays.
///
/// Left and right that are no directions stay: "right away", "right of way", "right in front" (but
/// not "on the right in front"), "left the lane". Nothing where a text cannot be mirrored beyond
/// doubt: other coordinates (three numbers, pairs without signs or brackets, DriveLM's
/// "<c1,CAM_FRONT,1088.3,497.5>"), compass and clock directions, corners of images ("top left"), a
/// word that may be either ("has left"), and whatever would not give the same text when mirrored
/// again.
std::optional<std::string> MirrorText(std::string_view text);

}  // namespace occvla::train
