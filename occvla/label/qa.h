#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "occvla/data/text/nuscenes_qa.h"
#include "occvla/label/scene_graph.h"

/// Questions in NuScenes-QA's form with its thirty answers, made from a scene graph.
///
/// A question is asked only where its answer is beyond doubt: it must be the same whether the
/// things that are not `sure` count or not, whether what stands within 3 degrees of a sector's
/// border belongs to it or not, and "the car" must be the only one that it could mean. Answers of
/// one kind are drawn evenly: yes as often as no, each class and status as often as the others
/// where the scene allows; of counts, 0 is every tenth.
namespace occvla::label {

struct QaOptions {
  uint64_t seed = 0;
  size_t most = 16;  ///< Questions a keyframe; NuScenes-QA has 14 in the mean.
};

/// The questions of a keyframe, none twice; fewer than `most` where few can be asked. The same
/// graph and options give the same questions.
std::vector<data::NuscenesQaQuestion> QuestionsAbout(const SceneGraph& graph,
                                                     std::string_view split,
                                                     const QaOptions& options);

}  // namespace occvla::label
