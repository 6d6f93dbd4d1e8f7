#pragma once
#include <Eigen/Core>

#include "occvla/world/drive.h"

/// Sun, sky and what they do to colours.
namespace occvla::world {

/// The light of one drive: linear RGB, such that a white wall in full light is about 1.
struct Daylight {
  bool night = false;
  Eigen::Vector3f to_sun = Eigen::Vector3f::UnitZ();  ///< Where shadows come from.
  Eigen::Vector3f sun = Eigen::Vector3f::Zero();      ///< Its light.
  Eigen::Vector3f zenith, horizon;                    ///< Of the sky.
  Eigen::Vector3f above, below;                       ///< Light from the sky, from the ground.
  Eigen::Vector3f cloud;                              ///< Colour of the clouds.
  float cloud_cover = 0;                              ///< 0 to 1.
  float clear_distance = 900;  ///< Metres at which haze has taken 63 % of a colour.
  float sun_disc = 0;
  uint32_t key = 0;
};

Daylight DaylightOf(const Drive& drive);

/// The sky in a direction of unit length, clouds and sun included.
Eigen::Vector3f SkyColour(const Daylight& light, const Eigen::Vector3f& direction);
/// The same without clouds and sun; below the horizon the ground's light. For mirrors and haze.
Eigen::Vector3f PlainSky(const Daylight& light, const Eigen::Vector3f& direction);

}  // namespace occvla::world
