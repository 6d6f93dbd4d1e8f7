#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/complaints.h"
#include "occvla/data/meta_action.h"
#include "occvla/data/text/prompt.h"

/// Labels of the chain of thought, `<version>/chain_of_thought.json`:
///
///   {"chain_of_thought": {
///     "<sample token>": {"past": ["Maintain speed, Go Straight", ...], "scene": "...",
///                        "intent": "...", "meta_action": "Decelerate, Stop", "maker":
///                        "template/1"},
///     ...}}
namespace occvla::data {

/// The label of one keyframe.
struct CotLabel {
  std::string token;             ///< Of the sample.
  std::vector<MetaAction> past;  ///< What the prompt says of the past, oldest first, at most 64.
  ChainOfThought text;
  std::string maker;  ///< Who wrote it and in which version: "template/1", "endpoint/<model>".
};

/// Hands out the labels in the file's order. Records with a complaint are left out; a syntax error
/// ends the reading with its complaint. `where` names the file.
void ReadChainOfThought(std::string_view text, const std::string& where,
                        const std::function<void(const CotLabel&)>& take, Complaints& complaints);

}  // namespace occvla::data
