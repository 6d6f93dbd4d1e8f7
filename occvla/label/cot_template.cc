#include "occvla/label/cot_template.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace occvla::label {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;

constexpr double kRest = 0.5;  // Metres a second.

bool Rests(const SceneGraph& graph) { return graph.speed && *graph.speed < kRest; }

std::string LeadName(const SceneGraph& graph) {
  const Thing& lead = graph.things[*graph.lead];
  return std::string(kThingClasses[static_cast<size_t>(lead.thing_class)]);
}

// What makes a driver brake or wait, the nearest first.
struct Obstacle {
  Reason reason;
  double gap;  // From the car's front.
};
std::vector<Obstacle> Obstacles(const SceneGraph& graph) {
  const double speed = graph.speed.value_or(0);
  // Two seconds more than the way to a stop at 2 m/s^2: what is farther is no reason yet.
  const double reach = std::max(12.0, 2 * speed + speed * speed / 4);
  std::vector<Obstacle> found;
  const auto add = [&](Reason reason, double gap) {
    if (gap <= reach) found.push_back({reason, std::max(gap, 0.0)});
  };
  if (!graph.walkers.empty()) {
    double nearest = 1e9;
    for (const size_t walker : graph.walkers)
      nearest = std::min(nearest, graph.things[walker].place.along - kFrontReach);
    add(Reason::kWalker, nearest);
  }
  if (graph.lead) {
    const double lead = graph.things[*graph.lead].speed();
    if (lead < kRest) {
      add(Reason::kLeadStands, graph.lead_gap);
    } else if (lead < speed - 1) {
      add(Reason::kLeadSlower, graph.lead_gap);
    }
  }
  if (graph.road.stop && graph.road.stop->kind != StopKind::kPedestrianCrossing &&
      graph.road.stop->kind != StopKind::kTurn) {
    add(Reason::kStopLine, graph.road.stop->along - kFrontReach);
  }
  std::sort(found.begin(), found.end(),
            [](const Obstacle& a, const Obstacle& b) { return a.gap < b.gap; });
  return found;
}

bool IsTurn(Direction direction) {
  return direction == Direction::kTurnLeft || direction == Direction::kTurnRight;
}

Reason ForSlowing(const SceneGraph& graph, const MetaAction& action) {
  const auto obstacles = Obstacles(graph);
  const bool stops = action.direction == Direction::kStop;
  if (!obstacles.empty() && (stops || !IsTurn(action.direction) || obstacles[0].gap < 10))
    return obstacles[0].reason;
  const Road& road = graph.road;
  if (!stops) {
    if (IsTurn(action.direction)) return Reason::kTurn;
    if (graph.lead && graph.lead_gap < 15) return Reason::kLeadClose;
    if (road.bend != Bend::kStraight) return Reason::kBend;
  }
  if (road.crossing && *road.crossing < 30) return Reason::kCrossing;
  if (road.junction && *road.junction > 0 && *road.junction < 40) return Reason::kJunction;
  return Reason::kNone;
}

Reason ForSpeedingUp(const SceneGraph& graph) {
  const double speed = graph.speed.value_or(0);
  if (!graph.lead || graph.lead_gap > 20) return Reason::kFree;
  const double lead = graph.things[*graph.lead].speed();
  if (speed < 1.5 && lead > 0.5) return Reason::kLeadMovesOff;
  if (lead > speed + 0.5) return Reason::kLeadFaster;
  return Reason::kNone;
}

Reason ForKeeping(const SceneGraph& graph) {
  if (!graph.lead || graph.lead_gap > 30) return Reason::kFree;
  const double lead = graph.things[*graph.lead].speed();
  return std::abs(lead - graph.speed.value_or(0)) < 1.5 ? Reason::kLeadSamePace : Reason::kNone;
}

Reason ForStanding(const SceneGraph& graph) {
  for (const Obstacle& obstacle : Obstacles(graph))
    if (obstacle.gap < 12) return obstacle.reason;
  return Reason::kNone;
}

std::string StopReason(const StopAhead& stop, Choices& choices) {
  const double gap = stop.along - kFrontReach;
  const std::string where = gap < 2 ? " right in front" : " about " + About(gap) + " ahead";
  switch (stop.kind) {
    case StopKind::kTrafficLight:
      return choices.Of({"the stop line of the traffic light is", "the traffic light's line is"}) +
             where;
    case StopKind::kStopSign:
      return choices.Of({"the stop sign's line is", "the line where it must stop is"}) + where;
    default:
      return choices.Of({"the line where it must give way is", "the give-way line is"}) + where;
  }
}

// "kept its speed and gone straight".
std::string Past(const MetaAction& action) {
  constexpr std::array<std::string_view, 3> kSpeed = {"kept its speed", "sped up", "slowed down"};
  constexpr std::array<std::string_view, 6> kWay = {"gone straight",
                                                    "turned left",
                                                    "turned right",
                                                    "changed to a lane on the left",
                                                    "changed to a lane on the right",
                                                    "stopped"};
  if (action.direction == Direction::kStop) {
    return action.velocity == Velocity::kDecelerate ? "slowed down to a stop" : "been at rest";
  }
  return std::string(kSpeed[static_cast<size_t>(action.velocity)]) + " and " +
         std::string(kWay[static_cast<size_t>(action.direction)]);
}

std::string History(const SceneGraph& graph, std::span<const MetaAction> past, Choices& choices) {
  if (past.empty()) {
    return Rests(graph) ? choices.Of({"The car is at rest. ", "The car stands. "})
                        : choices.Of({"The car is on its way. ", "The car is rolling. "});
  }
  past = past.last(std::min(past.size(), kPromptActions));
  const std::string opening = choices.Of(
      {"Over the last seconds the car has ", "So far the car has ", "Until now the car has "});
  if (past.front() == past.back()) return opening + Past(past.back()) + ". ";
  return opening + "first " + Past(past.front()) + ", then " + Past(past.back()) + ". ";
}

std::string Side(Direction direction) {
  return direction == Direction::kTurnLeft || direction == Direction::kChangeLaneLeft ? "left"
                                                                                      : "right";
}

// Why it leaves its way; empty where it goes on or stops.
std::string WayReason(const SceneGraph& graph, Direction direction, Choices& choices) {
  const std::string side = Side(direction);
  if (IsTurn(direction)) {
    const Bend bend = direction == Direction::kTurnLeft ? Bend::kLeft : Bend::kRight;
    if (graph.road.junction && *graph.road.junction < 2)
      return choices.Of({"its way through the junction leads ", "in the junction its way leads "}) +
             side;
    if (graph.road.bend == bend)
      return choices.Of({"its way at the junction leads ", "at the junction its route goes "}) +
             side;
    return "its way leads " + side;
  }
  if (direction == Direction::kChangeLaneLeft || direction == Direction::kChangeLaneRight) {
    const double speed = graph.speed.value_or(0);
    const bool slow = graph.lead && graph.lead_gap < 40 &&
                      graph.things[*graph.lead].speed() < std::max(kRest, speed - 1);
    if (slow) return "the lane on the " + side + " leads past the " + LeadName(graph);
    return "the car needs the lane on the " + side;
  }
  return "";
}

}  // namespace

Reason ReasonFor(const SceneGraph& graph, const MetaAction& action) {
  const bool stops = action.direction == Direction::kStop;
  if (stops && Rests(graph)) return ForStanding(graph);
  if (stops || action.velocity == Velocity::kDecelerate) return ForSlowing(graph, action);
  if (action.velocity == Velocity::kAccelerate) return ForSpeedingUp(graph);
  return ForKeeping(graph);
}

std::string ReasonText(const SceneGraph& graph, Reason reason, Choices& choices) {
  const Road& road = graph.road;
  const std::string lead = graph.lead ? "the " + LeadName(graph) + " ahead" : "";
  switch (reason) {
    case Reason::kWalker:
      return graph.walkers.size() == 1
                 ? choices.Of({"a pedestrian is on its way", "someone on foot is in its way"})
                 : choices.Of({"pedestrians are on its way", "people on foot are in its way"});
    case Reason::kLeadStands:
      return lead + choices.Of({" stands", " is at rest", " does not move"});
    case Reason::kLeadSlower:
      return lead + choices.Of({" is slower", " drives more slowly"});
    case Reason::kLeadClose:
      return lead + choices.Of({" is close", " is only a short way off"});
    case Reason::kStopLine:
      return StopReason(*road.stop, choices);
    case Reason::kTurn:
      return choices.Of({"a turn asks for less speed", "the turn needs less speed"});
    case Reason::kBend:
      return std::string("its way soon turns ") + (road.bend == Bend::kLeft ? "left" : "right");
    case Reason::kJunction:
      return "a junction lies about " + About(*road.junction - kFrontReach) + " ahead";
    case Reason::kCrossing:
      return *road.crossing - kFrontReach < 2 ? std::string("it is at a pedestrian crossing")
                                              : "a pedestrian crossing lies about " +
                                                    About(*road.crossing - kFrontReach) + " ahead";
    case Reason::kLeadMovesOff:
      return lead + choices.Of({" moves off", " begins to move"});
    case Reason::kLeadFaster:
      return lead + choices.Of({" draws away", " is faster"});
    case Reason::kLeadSamePace:
      return lead + choices.Of({" keeps about the same pace", " is about as fast"});
    case Reason::kFree:
      return choices.Of(
          {"the way ahead is free", "nothing blocks the lane ahead", "there is room ahead"});
    case Reason::kNone:
      break;
  }
  return "";
}

std::string ActionText(const SceneGraph& graph, const MetaAction& action, Choices& choices) {
  if (action.direction == Direction::kStop) {
    if (Rests(graph)) return choices.Of({"stays at rest", "keeps standing", "waits"});
    return action.velocity == Velocity::kDecelerate
               ? choices.Of({"slows down to a stop", "brakes and comes to a stop"})
               : "comes to a stop";
  }
  std::string text;
  switch (action.velocity) {
    case Velocity::kMaintain:
      text = choices.Of({"keeps its speed", "holds its speed"});
      break;
    case Velocity::kAccelerate:
      text = Rests(graph) ? choices.Of({"sets off", "starts and speeds up"})
                          : choices.Of({"speeds up", "accelerates"});
      break;
    case Velocity::kDecelerate:
      text = choices.Of({"slows down", "brakes"});
      break;
  }
  switch (action.direction) {
    case Direction::kGoStraight:
      return text + choices.Of({" and goes straight on", " and stays in its lane"});
    case Direction::kTurnLeft:
    case Direction::kTurnRight:
      return text + " and turns " + Side(action.direction);
    default:
      return text +
             choices.Of({" and moves to the lane on the ", " and changes to the lane on the "}) +
             Side(action.direction);
  }
}

std::string DescribeIntent(const SceneGraph& graph, std::span<const MetaAction> past,
                           const MetaAction& action, Choices& choices) {
  std::string text = History(graph, past, choices);
  const Reason reason = ReasonFor(graph, action);
  const std::string way = WayReason(graph, action.direction, choices);
  const bool changes = !way.empty() && !IsTurn(action.direction);
  // What lets it go on as before is no reason to change lanes.
  const bool idle = reason == Reason::kFree || reason == Reason::kLeadSamePace;
  const std::string why = changes && idle ? "" : ReasonText(graph, reason, choices);
  const std::string does = ActionText(graph, action, choices);
  const std::string both = why.empty() || way.empty() ? why + way : why + " and " + way;
  if (both.empty()) return text + Sentence("it " + does + ".");
  if (choices.Chance(0.5)) return text + Sentence(both) + ", so it " + does + ".";
  return text + "It " + does + ", because " + both + ".";
}

data::ChainOfThought TemplateChainOfThought(const SceneGraph& graph,
                                            std::span<const MetaAction> past,
                                            const MetaAction& action, uint64_t seed) {
  Choices choices(seed, "chain of thought", graph.token);
  data::ChainOfThought text;
  text.scene = DescribeScene(graph, choices);
  text.intent = DescribeIntent(graph, past, action, choices);
  text.meta_action = action;
  return text;
}

}  // namespace occvla::label
