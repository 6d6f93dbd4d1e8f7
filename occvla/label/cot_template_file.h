#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "occvla/label/cot_template.h"
#include "occvla/label/scene_graph_dataset.h"

namespace occvla::label {

/// What was written, for people.
struct CotReport {
  std::filesystem::path file;
  uint64_t keyframes = 0, labels = 0;       ///< Those without a meta action get none.
  std::map<std::string, uint64_t> actions;  ///< "Decelerate, Stop".
  std::map<std::string, uint64_t> reasons;  ///< By kReasonNames.
  uint64_t texts = 0;                       ///< Different ones.
};

/// Writes `chain_of_thought.json` (usually `<version>/`; `options.out` is the file) for every
/// keyframe of the split that has a meta action. Throws DataError when none has.
CotReport WriteTemplateCot(const data::nuscenes::Dataset& dataset, const MakeOptions& options);

}  // namespace occvla::label
