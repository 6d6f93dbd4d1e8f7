#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "occvla/data/meta_action.h"
#include "occvla/data/text/prompt.h"
#include "occvla/label/scene_graph.h"
#include "occvla/label/wording.h"

/// Chain of thought from a scene graph and the action that the keyframe is labelled with: what a
/// driver would say, in sentences that the annotations and the map bear out.
namespace occvla::label {

/// Bump the number when the sentences change.
inline constexpr std::string_view kTemplateMaker = "template/1";
/// The past actions that the prompt tells, the newest.
inline constexpr size_t kPromptActions = 4;

/// Why the car does what its label says; facts of the graph, for counts and for words.
enum class Reason : uint8_t {
  kWalker,        ///< Someone is on the route or steps towards it.
  kLeadStands,    ///< The vehicle ahead stands.
  kLeadSlower,    ///< It is slower than the car.
  kLeadClose,     ///< It is close ahead.
  kStopLine,      ///< A stop line lies ahead.
  kTurn,          ///< The car turns.
  kBend,          ///< A turn begins within 30 m.
  kJunction,      ///< A junction lies ahead.
  kCrossing,      ///< A crossing for pedestrians lies ahead.
  kLeadMovesOff,  ///< The vehicle ahead moves, and the car starts.
  kLeadFaster,    ///< It draws away.
  kLeadSamePace,  ///< It keeps the car's speed.
  kFree,          ///< Nothing is ahead for 20 m.
  kNone           ///< The graph shows no reason.
};
inline constexpr std::array<std::string_view, 14> kReasonNames = {"person on the route",
                                                                  "vehicle ahead stands",
                                                                  "vehicle ahead is slower",
                                                                  "vehicle ahead close",
                                                                  "stop line",
                                                                  "turn",
                                                                  "turn ahead",
                                                                  "junction",
                                                                  "crossing",
                                                                  "vehicle moves off",
                                                                  "vehicle ahead faster",
                                                                  "vehicle ahead at same pace",
                                                                  "free road",
                                                                  "none seen"};

/// The reason for the label's velocity (of standing, where it stands).
Reason ReasonFor(const SceneGraph& graph, const data::MetaAction& action);

/// The scene in three to six sentences on one line.
std::string DescribeScene(const SceneGraph& graph, Choices& choices);
/// What the car did, why, and what it does: one line that agrees with `action`.
std::string DescribeIntent(const SceneGraph& graph, std::span<const data::MetaAction> past,
                           const data::MetaAction& action, Choices& choices);
/// "slows down and turns left", "stays at rest": the action as a verb, at the car's speed.
std::string ActionText(const SceneGraph& graph, const data::MetaAction& action, Choices& choices);
/// The reason as a clause: "the car ahead stands"; empty for kNone.
std::string ReasonText(const SceneGraph& graph, Reason reason, Choices& choices);

/// Both, with the label. The same graph, past, action and seed give the same text.
data::ChainOfThought TemplateChainOfThought(const SceneGraph& graph,
                                            std::span<const data::MetaAction> past,
                                            const data::MetaAction& action, uint64_t seed);

}  // namespace occvla::label
