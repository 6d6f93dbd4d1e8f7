#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "occvla/label/conversations.h"
#include "occvla/label/scene_graph_dataset.h"

namespace occvla::label {

/// What was written, for people.
struct ConversationsReport {
  std::filesystem::path folder;
  uint64_t keyframes = 0, described = 0;     ///< `described`: those with a meta action.
  std::map<std::string, uint64_t> texts;     ///< By file kind: "conv", ...
  std::map<std::string, uint64_t> verdicts;  ///< Of what-ifs.
};

/// Writes OmniDrive's folders `{conv,vqa,desc,keywords}/{train,val,test}/<sample token>.json`
/// (facts/data-and-metrics.md D.1) into `options.out` (usually `<version>/omnidrive`). The folder
/// appears whole or not at all; an old one is replaced only at the end.
ConversationsReport WriteConversations(const data::nuscenes::Dataset& dataset,
                                       const MakeOptions& options);

}  // namespace occvla::label
