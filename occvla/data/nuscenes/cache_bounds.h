#pragma once
#include "occvla/data/nuscenes/table_store.h"

namespace occvla::data::nuscenes {

/// True when every row index, range and text of the spans lies inside what it points into, flags
/// are 0 or 1, and no list of samples runs in a ring: reading through them is safe whatever wrote
/// them.
bool IsWithinBounds(const TablesAccess::Impl& tables, size_t threads);

}  // namespace occvla::data::nuscenes
