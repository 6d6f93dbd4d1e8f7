#pragma once
#include <string>
#include <utility>
#include <vector>

#include "occvla/eval/report/table.h"
#include "occvla/eval/scene_sums.h"

namespace occvla::eval {

/// Every model against the first: the difference of each metric that both have, with its 95 %
/// interval by paired bootstrap over the scenes that both have. A metric with fewer than two such
/// scenes has a row without an interval, and a note. No rows with fewer than two models.
Table DifferenceTable(const std::vector<std::pair<std::string, SceneSums>>& models);

}  // namespace occvla::eval
