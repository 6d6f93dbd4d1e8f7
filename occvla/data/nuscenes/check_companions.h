#pragma once
#include <string>
#include <vector>

#include "occvla/data/nuscenes/check.h"

namespace occvla::data::nuscenes {

/// What lies beside the tables: splits.json, maps, CAN bus, occupancy, questions, meta actions.
std::vector<CheckPart> CheckCompanions(const Tables& tables, const CheckOptions& options,
                                       std::vector<std::string>& absent);

}  // namespace occvla::data::nuscenes
