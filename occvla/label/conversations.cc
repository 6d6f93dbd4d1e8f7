#include "occvla/label/conversations.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "occvla/label/cot_template.h"
#include "occvla/label/wording.h"

namespace occvla::label {
namespace {

constexpr size_t kMostWatched = 3;

std::string Point(const Eigen::Vector2d& p_E) {
  return fmt::format("({:+.1f}, {:+.1f})", p_E.x(), p_E.y());
}

std::string Name(const Thing& thing) {
  return std::string(kThingClasses[static_cast<size_t>(thing.thing_class)]);
}

std::string SectorWords(const Eigen::Vector2d& p_E) {
  return Where(kSectors[static_cast<size_t>(SectorOf(p_E))]);
}

// The sure things of each sector: "ahead: two cars and a truck".
std::string Surroundings(const SceneGraph& graph) {
  std::array<std::map<ThingClass, size_t>, kSectors.size()> counts;
  for (const Thing& thing : graph.things)
    if (thing.sure) ++counts[static_cast<size_t>(SectorOf(thing.p_E))][thing.thing_class];
  std::string text;
  for (size_t sector = 0; sector < counts.size(); ++sector) {
    if (counts[sector].empty()) continue;
    std::vector<std::string> parts;
    for (const auto& [thing_class, count] : counts[sector])
      parts.push_back(Counted(count, kThingClasses[static_cast<size_t>(thing_class)]));
    const bool one = counts[sector].size() == 1 && counts[sector].begin()->second == 1;
    text +=
        " " + Sentence(Where(kSectors[sector])) + (one ? " is " : " are ") + Listed(parts) + ".";
  }
  return text.empty() ? " Nothing that moves or could move is near." : text;
}

Pair Planning(const data::PlannedPath& plan_E, Choices& choices) {
  return {choices.Of({"Where should the car be over the next three seconds?",
                      "Plan the car's way for the next three seconds.",
                      "Which six points will the car pass, half a second apart?"}),
          choices.Of({"The planned path is ", "The car should follow ", "Its way: "}) +
              data::FormatPlan(plan_E) + "."};
}

Pair Speed(double speed, Choices& choices) {
  const std::string answer = speed < 0.5
                                 ? "The car is at rest."
                                 : fmt::format("The car drives at about {:.0f} m/s.", speed);
  return {choices.Of({"How fast is the car?", "What is the car's speed now?"}), answer};
}

Pair Lead(const SceneGraph& graph, Choices& choices) {
  const std::string question = choices.Of(
      {"Is there a vehicle ahead in the car's lane?", "What drives ahead of the car on its way?"});
  if (!graph.lead || graph.lead_gap > 45) return {question, "No vehicle is near ahead on its way."};
  const Thing& lead = graph.things[*graph.lead];
  return {question,
          "Yes, " + WithArticle(Name(lead)) + " at " + Point(lead.p_E) + ", " +
              (lead.speed() < 0.5 ? std::string("standing")
                                  : fmt::format("moving at about {:.0f} m/s", lead.speed())) +
              "."};
}

// What a driver watches: people on the way, the vehicle ahead, then what moves near the way ahead.
std::vector<std::pair<size_t, std::string>> Watched(const SceneGraph& graph) {
  std::vector<std::pair<size_t, std::string>> watched;
  const auto add = [&](size_t index, const std::string& why) {
    const bool known = std::any_of(watched.begin(), watched.end(),
                                   [&](const auto& one) { return one.first == index; });
    if (!known && watched.size() < kMostWatched) watched.emplace_back(index, why);
  };
  for (const size_t walker : graph.walkers) add(walker, "is on its way or walks into it");
  if (graph.lead && graph.lead_gap < 45) add(*graph.lead, "is ahead on its way");
  for (size_t i = 0; i < graph.things.size(); ++i) {
    const Thing& thing = graph.things[i];
    const bool near =
        thing.place.along > 0 && thing.place.along < 30 && std::abs(thing.place.across) < 8;
    if (thing.sure && near && thing.speed() > 0.5) add(i, "moves near its way");
  }
  return watched;
}

Pair Attention(const SceneGraph& graph, Choices& choices) {
  const std::string question =
      choices.Of({"What should the driver watch most?", "Which things need the driver's attention?",
                  "What around the car matters most for driving now?"});
  std::vector<std::string> parts;
  for (const auto& [index, why] : Watched(graph)) {
    const Thing& thing = graph.things[index];
    parts.push_back("the " + Name(thing) + " at " + Point(thing.p_E) + ", which " + why);
  }
  if (parts.empty()) {
    return {question, choices.Of({"Nothing near its way needs special attention.",
                                  "Nothing on or near its way moves."})};
  }
  std::string text = Sentence(parts[0]);
  for (size_t i = 1; i < parts.size(); ++i) text += "; " + parts[i];
  return {question, text + "."};
}

// "vehicle.car" -> "car"; what NuScenes-QA has no name for is "thing".
std::string Called(const SceneGraph& graph, const Hit& hit) {
  for (const Thing& thing : graph.things)
    if ((thing.p_E - hit.now_E).norm() < 0.05) return Name(thing);
  return "thing";
}

struct WhatIf {
  Pair pair;
  Verdict verdict;
};

// Nothing where the outcome is too close to call.
std::optional<WhatIf> Tell(const SceneGraph& graph, const data::Frame& frame,
                           const data::nuscenes::PlanningTruth& truth, const Manoeuvre& manoeuvre,
                           Choices& choices) {
  // What the text says is what was tried: two decimals.
  const std::string plan = data::FormatPlan(manoeuvre.path_E);
  const Outcome outcome = TryPath(frame, truth, *data::ParsePlan(plan));
  const std::string question =
      choices.Of({"What would happen if the car ", "Would it be safe if the car "}) +
      manoeuvre.words + ": " + plan + "?";
  const bool hit_first =
      outcome.hit && (!outcome.off_road || outcome.hit->seconds <= *outcome.off_road);
  if (!outcome.clear) return std::nullopt;
  if (hit_first) {
    return WhatIf{
        {question, fmt::format("That would not be safe: after about {:.1f} s it would "
                               "hit the {} that is now {}, at {}.",
                               outcome.hit->seconds, Called(graph, *outcome.hit),
                               SectorWords(outcome.hit->now_E), Point(outcome.hit->now_E))},
        Verdict::kHit};
  }
  if (outcome.off_road) {
    return WhatIf{{question, fmt::format("That would not be safe: after about {:.1f} s it would "
                                         "leave the drivable area.",
                                         *outcome.off_road)},
                  Verdict::kOffRoad};
  }
  if (!outcome.road_known) return std::nullopt;
  if (outcome.stop_line) {
    const auto& [kind, seconds] = *outcome.stop_line;
    const std::string line = kind == StopKind::kStopSign ? "a stop sign" : "a traffic light";
    return WhatIf{
        {question, fmt::format("Nothing would be hit and the car would stay on the road, but "
                               "after about {:.1f} s it would pass the stop line of {}{}.",
                               seconds, line,
                               kind == StopKind::kStopSign ? ", where it must stop first"
                                                           : ", so the light must allow it")},
        Verdict::kStopLine};
  }
  return WhatIf{{question, choices.Of({"That would be safe: nothing would be hit and the car would "
                                       "stay on the road.",
                                       "That would be fine: no collision, and the car stays on the "
                                       "drivable area."})},
                Verdict::kSafe};
}

// A few of them, of different outcomes first.
void AddWhatIfs(const SceneGraph& graph, const data::Frame& frame,
                const data::nuscenes::PlanningTruth& truth, Choices& choices, Conversations& out) {
  std::map<Verdict, std::vector<WhatIf>> by_verdict;
  for (const Manoeuvre& manoeuvre : ManoeuvresAt(graph.speed.value_or(0), truth))
    if (auto told = Tell(graph, frame, truth, manoeuvre, choices))
      by_verdict[told->verdict].push_back(std::move(*told));
  for (size_t i = 0; i < kWhatIfs && !by_verdict.empty(); ++i) {
    const auto found =
        std::next(by_verdict.begin(), static_cast<long>(choices.Below(by_verdict.size())));
    WhatIf& told = found->second[choices.Below(found->second.size())];
    out.vqa.push_back(std::move(told.pair));
    out.verdicts.push_back(told.verdict);
    by_verdict.erase(found);
  }
}

std::string Keywords(const data::MetaAction& action) {
  std::string text = ToString(action);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

}  // namespace

Conversations ConversationsAbout(const SceneGraph& graph, const data::Frame& frame,
                                 const data::nuscenes::PlanningTruth& truth, uint64_t seed) {
  Choices choices(seed, "conversations", graph.token);
  Conversations out;
  const bool whole =
      std::all_of(truth.valid.begin(), truth.valid.end(), [](bool valid) { return valid; });
  if (whole) out.conv.push_back(Planning(truth.positions_E, choices));
  if (graph.speed) out.conv.push_back(Speed(*graph.speed, choices));
  out.conv.push_back(Lead(graph, choices));
  out.vqa.push_back(Attention(graph, choices));
  if (whole) AddWhatIfs(graph, frame, truth, choices, out);
  if (frame.meta_action) {
    const data::MetaAction& action = *frame.meta_action;
    Conversations::Described described;
    described.description = DescribeScene(graph, choices) + Surroundings(graph);
    described.action = DescribeIntent(graph, frame.ego.past_meta_actions, action, choices);
    described.keywords = Keywords(action);
    out.described = std::move(described);
  }
  return out;
}

}  // namespace occvla::label
