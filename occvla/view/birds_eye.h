#pragma once
#include <array>
#include <optional>
#include <vector>

#include "occvla/data/prediction.h"
#include "occvla/view/canvas.h"
#include "occvla/view/path.h"

namespace occvla::view {

/// The scene from above, forward up, left to the left: occupancy where given (each column's topmost
/// voxel that is not free, higher ones brighter), range rings, the car and the planned path. With
/// occupancy the view is its grid, 80 m wide; without, it reaches far enough for the path.
void DrawBirdsEye(Canvas& canvas, const Box& box,
                  const std::optional<data::OccupancyGrid>& occupancy,
                  const std::vector<PathPoint>& path);

/// The grid seen from above, one pixel a column, [200][200]: row 0 is the farthest ahead, column 0
/// the farthest left. Columns that are free throughout take `empty`.
data::Image OccupancyFromAbove(const data::OccupancyGrid& occupancy, const Colour& empty);

/// Voxels of each class.
std::array<int64_t, 18> CountClasses(const data::OccupancyGrid& occupancy);

/// Swatch, name and count for each class but "free" that occurs, largest first, in as many columns
/// as the box has room for.
void DrawLegend(Canvas& canvas, const Box& box, const data::OccupancyGrid& occupancy);

}  // namespace occvla::view
