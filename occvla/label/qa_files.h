#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "occvla/label/qa.h"
#include "occvla/label/scene_graph_dataset.h"

namespace occvla::label {

/// What was written, for people.
struct QaReport {
  std::vector<std::filesystem::path> files;
  uint64_t keyframes = 0, questions = 0, without = 0;  ///< `without`: keyframes with no question.
  std::map<std::string, uint64_t> kinds;               ///< "exist, zero-hop".
  std::map<std::string, uint64_t> answers;             ///< Of all kinds.
  std::map<std::string, uint64_t> yes, no;             ///< By type.
};

/// Writes `NuScenes_{train,val,test}_questions.json`, each for the keyframes of `split` in that
/// part, into `options.out` (usually `<version>/questions`), each atomically. The seed of `options`
/// counts. The same data set and seed give the same bytes.
QaReport WriteQuestions(const data::nuscenes::Dataset& dataset, const MakeOptions& options,
                        size_t most = QaOptions{}.most);

}  // namespace occvla::label
