#pragma once
#include <array>

#include "occvla/view/canvas.h"

namespace occvla::view {

/// Colours of the occupancy classes in the order of data::kOccupancyClasses. They are the ones that
/// nuScenes' devkit gives the same lidarseg classes (nuscenes/utils/color_map.py, Apache-2.0), so
/// that pictures look like everyone else's; "others" is its noise colour lifted from black to grey
/// to stay visible on a dark ground. "free" is never drawn.
inline constexpr std::array<Colour, 18> kOccupancyColours = {
    Rgb(0x6b6b6b), Rgb(0x708090), Rgb(0xdc143c), Rgb(0xff7f50), Rgb(0xff9e00), Rgb(0xe99646),
    Rgb(0xff3d63), Rgb(0x0000e6), Rgb(0x2f4f4f), Rgb(0xff8c00), Rgb(0xff6347), Rgb(0x00cfbf),
    Rgb(0xaf004b), Rgb(0x4b004b), Rgb(0x70b43c), Rgb(0xdeb887), Rgb(0x00af00), Rgb(0x000000)};

/// The page: dark, so that camera images stand out.
inline constexpr Colour kBackground = Rgb(0x101418);
inline constexpr Colour kPanel = Rgb(0x1a2027);
inline constexpr Colour kLineColour = Rgb(0x39424e);
inline constexpr Colour kText = Rgb(0xe9edf1);
inline constexpr Colour kMutedText = Rgb(0x97a3b0);
inline constexpr Colour kWarning = Rgb(0xffb454);

/// The planned path from now to its end.
inline constexpr Colour kPathNear = Rgb(0xfff36b);
inline constexpr Colour kPathFar = Rgb(0xff4fa3);
inline constexpr Colour kPathEdge = Rgb(0x10141a);
/// The way that the car came.
inline constexpr Colour kPathPast = Rgb(0x8fd3ff);
/// The border of the drivable area.
inline constexpr Colour kBorder = Rgb(0x54e08c);

}  // namespace occvla::view
