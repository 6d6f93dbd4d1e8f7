#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/nuscenes/planning_export.h"
#include "occvla/label/conversations_whatif.h"
#include "occvla/label/scene_graph.h"

/// Texts in OmniDrive's form about a keyframe: description, attention, what-if and planning.
namespace occvla::label {

struct Pair {
  std::string question, answer;
};

/// What a counterfactual answer says; for counts.
enum class Verdict : uint8_t { kSafe, kHit, kOffRoad, kStopLine };
inline constexpr std::array<std::string_view, 4> kVerdictNames = {
    "safe", "collision", "leaves the drivable area", "passes a stop line"};

struct Conversations {
  std::vector<Pair> conv;         ///< The plan first, where six keyframes follow.
  std::vector<Pair> vqa;          ///< Attention, then what-ifs.
  std::vector<Verdict> verdicts;  ///< Of the what-ifs.
  /// Absent where the keyframe has no meta action: OmniDrive's files tell the action with it.
  struct Described {
    std::string description, action, keywords;
  };
  std::optional<Described> described;
};

inline constexpr size_t kWhatIfs = 2;  ///< A keyframe, at most.

/// All of them; the graph, the frame and the truth are of the same keyframe. Coordinates in texts
/// are in E as OmniDrive writes them. The same input and seed give the same texts.
Conversations ConversationsAbout(const SceneGraph& graph, const data::Frame& frame,
                                 const data::nuscenes::PlanningTruth& truth, uint64_t seed);

}  // namespace occvla::label
