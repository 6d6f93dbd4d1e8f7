#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "occvla/cli/verbs.h"
#include "occvla/data/meta_action.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/eval/occupancy/evaluate.h"

/// What the metrics compare predictions with, taken from a data set.
namespace occvla::cli {

/// The keyframes of a split that have occupancy labels, with the lidar's places from the scene's
/// poses; predictions are `<predictions>/<token>.npz`, not looked at. Empty without labels. Throws
/// DataError for a keyframe without a LIDAR_TOP pose.
std::vector<eval::OccupancyCase> OccupancyCasesOf(const data::nuscenes::Dataset& dataset,
                                                  const std::string& split,
                                                  const std::filesystem::path& predictions);

/// The labels of a split's keyframes.
struct MetaActionTruth {
  std::map<std::string, data::MetaAction> labels;
  std::map<std::string, std::vector<data::MetaAction>> past;
  std::vector<std::string> unlabelled;  ///< Tokens of keyframes without a label.
};
MetaActionTruth MetaActionTruthOf(const data::nuscenes::Dataset& dataset, const std::string& split,
                                  const Context& context);

}  // namespace occvla::cli
