#include "occvla/label/qa.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "occvla/label/qa_candidates.h"
#include "occvla/label/wording.h"

namespace occvla::label {
namespace {

using data::NuscenesQaType;

struct Kind {
  NuscenesQaType type;
  int hops;
  double share;  // Of NuScenes-QA's questions, percent (facts/data-and-metrics.md C.2).
};
constexpr std::array<Kind, 10> kKinds = {{{NuscenesQaType::kExist, 0, 14.1},
                                          {NuscenesQaType::kExist, 1, 16.3},
                                          {NuscenesQaType::kCount, 0, 9.6},
                                          {NuscenesQaType::kCount, 1, 10.1},
                                          {NuscenesQaType::kObject, 0, 3.0},
                                          {NuscenesQaType::kObject, 1, 17.5},
                                          {NuscenesQaType::kStatus, 0, 4.1},
                                          {NuscenesQaType::kStatus, 1, 9.9},
                                          {NuscenesQaType::kComparison, 0, 1.1},
                                          {NuscenesQaType::kComparison, 1, 14.3}}};

std::string RelationText(const std::optional<Relation>& relation) {
  if (!relation) return "";
  const std::string from = relation->anchor ? "the " + NameOf(*relation->anchor, Many::kOne) : "me";
  return " to the " + std::string(kSectors[static_cast<size_t>(relation->sector)]) + " of " + from;
}

std::string SetText(const Candidate& about, Choices& choices) {
  const bool same = about.other.has_value();
  const std::string many = (same ? "other " : "") + NameOf(about.what, Many::kSeveral);
  const std::string one = (same ? "other " : "") + NameOf(about.what, Many::kOne);
  const std::string rest = same
                               ? " the same status as the " + NameOf(*about.other, Many::kOne) + "?"
                               : RelationText(about.relation) + "?";
  if (about.type == NuscenesQaType::kExist) {
    switch (choices.Below(3)) {
      case 0:
        return "Are there any " + many + (same ? " with" : "") + rest;
      case 1:
        return "Is there at least one " + one + (same ? " with" : "") + rest;
      default:
        return same ? "Do any " + many + " have" + rest : "Can any " + many + " be seen" + rest;
    }
  }
  switch (choices.Below(3)) {
    case 0:
      return "How many " + many + (same ? " have" : " are there") + rest;
    case 1:
      return "What is the number of " + many + (same ? " with" : "") + rest;
    default:
      return "How many " + many + " can be seen" + (same ? " with" : "") + rest;
  }
}

std::string OneText(const Candidate& about, Choices& choices) {
  const std::string what = "the " + NameOf(about.what, Many::kOne) + RelationText(about.relation);
  if (about.type == NuscenesQaType::kObject) {
    switch (choices.Below(3)) {
      case 0:
        return "What is " + what + "?";
      case 1:
        return "What kind of thing is " + what + "?";
      default:
        return "Which class does " + what + " belong to?";
    }
  }
  switch (choices.Below(3)) {
    case 0:
      return "What is the status of " + what + "?";
    case 1:
      return "In which state is " + what + "?";
    default:
      return "What status does " + what + " have?";
  }
}

std::string ComparisonText(const Candidate& about, Choices& choices) {
  const std::string what = "the " + NameOf(about.what, Many::kOne) + RelationText(about.relation);
  const std::string other = "the " + NameOf(*about.other, Many::kOne);
  switch (choices.Below(3)) {
    case 0:
      return "Do " + other + " and " + what + " have the same status?";
    case 1:
      return "Is the status of " + other + " the same as that of " + what + "?";
    default:
      return "Does " + other + " have the same status as " + what + "?";
  }
}

std::string Text(const Candidate& about, Choices& choices) {
  switch (about.type) {
    case NuscenesQaType::kExist:
    case NuscenesQaType::kCount:
      return SetText(about, choices);
    case NuscenesQaType::kObject:
    case NuscenesQaType::kStatus:
      return OneText(about, choices);
    case NuscenesQaType::kComparison:
      break;
  }
  return ComparisonText(about, choices);
}

// Candidates of one kind by answer, then by class: drawn level by level, so that neither an answer
// nor a class that allows many questions crowds out the others.
class Pool {
 public:
  void Add(const Candidate* candidate) {
    const auto& what = candidate->what.thing_class;
    by_answer_[candidate->answer][what ? static_cast<int>(*what) : -1].push_back(candidate);
  }
  bool empty() const { return by_answer_.empty(); }

  const Candidate* Draw(Choices& choices) {
    std::vector<const Classes*> answers;
    const Classes* zero = nullptr;
    for (const auto& [answer, classes] : by_answer_) {
      if (answer == "0") {
        zero = &classes;
      } else {
        answers.push_back(&classes);
      }
    }
    const Classes* classes = zero;
    if (!answers.empty() && !(zero && choices.Chance(0.1)))
      classes = answers[choices.Below(answers.size())];
    const size_t at = choices.Below(classes->size());
    const auto& candidates = std::next(classes->begin(), static_cast<long>(at))->second;
    return candidates[choices.Below(candidates.size())];
  }

 private:
  using Classes = std::map<int, std::vector<const Candidate*>>;
  std::map<std::string, Classes> by_answer_;
};

const Kind& DrawKind(Choices& choices) {
  size_t at = choices.Below(1000);
  for (const Kind& kind : kKinds) {
    const auto share = static_cast<size_t>(kind.share * 10 + 0.5);
    if (at < share) return kind;
    at -= share;
  }
  return kKinds.back();
}

}  // namespace

std::vector<data::NuscenesQaQuestion> QuestionsAbout(const SceneGraph& graph,
                                                     std::string_view split,
                                                     const QaOptions& options) {
  const std::vector<Candidate> candidates = CandidatesOf(graph);
  std::map<std::pair<NuscenesQaType, int>, Pool> pools;
  for (const Candidate& one : candidates) pools[{one.type, one.hops()}].Add(&one);
  Choices choices(options.seed, "qa", graph.token);
  std::vector<data::NuscenesQaQuestion> questions;
  std::set<const Candidate*> asked;
  // A scene with two cones has few questions: those drawn again are passed over.
  for (size_t tries = 0; tries < 8 * options.most && questions.size() < options.most; ++tries) {
    const Kind& kind = DrawKind(choices);
    const auto pool = pools.find({kind.type, kind.hops});
    if (pool == pools.end()) continue;
    const Candidate* const candidate = pool->second.Draw(choices);
    if (!asked.insert(candidate).second) continue;
    questions.push_back({.split = std::string(split),
                         .sample_token = graph.token,
                         .question = Text(*candidate, choices),
                         .answer = candidate->answer,
                         .num_hop = kind.hops,
                         .type = kind.type});
  }
  return questions;
}

}  // namespace occvla::label
