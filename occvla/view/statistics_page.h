#pragma once
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/statistics.h"

namespace occvla::view {

/// A page of plots of what a data set holds, 1600 pixels wide; what it has none of is left out.
data::Image DrawStatistics(const data::nuscenes::Statistics& statistics);

}  // namespace occvla::view
