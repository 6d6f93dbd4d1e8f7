#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/world/town.h"

/// Paint on the roads, found quickly.
namespace occvla::world {

/// How much of a pixel's patch of road is painted, and in which colour.
struct PaintCover {
  float cover = 0;  ///< 0 to 1.
  bool yellow = false;
};

/// A pixel's patch on the ground: it reaches `across` metres to the side and `along` metres in the
/// direction of view.
struct Patch {
  float x = 0, y = 0;            ///< Middle, in the index's frame.
  float view_x = 1, view_y = 0;  ///< Unit length.
  float across = 0.01f, along = 0.01f;
};

class Paint {
 public:
  /// Markings of a town, relative to `origin_G`, within `reach` of it.
  Paint(const Town& town, const Eigen::Vector2d& origin_G, const Eigen::Vector2d& reach);

  PaintCover At(const Patch& patch) const;

 private:
  struct Band {
    Eigen::Vector2f a, along;                     ///< Start, unit direction.
    float length = 0, half_width = 0, start = 0;  ///< `start`: arc length at a.
    float dash = 0, gap = 0;
    bool yellow = false;
  };
  void Put(const Eigen::Vector2f& low, const Eigen::Vector2f& high, uint32_t item);
  float CoverOf(const Band& band, const Patch& patch) const;

  Eigen::Vector2f low_;
  int columns_ = 0, rows_ = 0;
  std::vector<Band> bands_;
  std::vector<std::vector<uint32_t>> building_;  // Per cell, while the index is made.
  std::vector<uint32_t> first_;                  // Per cell, into items_; one more at the end.
  std::vector<uint32_t> items_;                  // Bands.
};

}  // namespace occvla::world
