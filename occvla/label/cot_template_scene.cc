#include <algorithm>
#include <cmath>
#include <vector>

#include "occvla/label/cot_template.h"

namespace occvla::label {
namespace {

std::string Name(const Thing& thing) {
  return std::string(kThingClasses[static_cast<size_t>(thing.thing_class)]);
}

bool IsVehicle(const Thing& thing) {
  switch (thing.thing_class) {
    case ThingClass::kBus:
    case ThingClass::kCar:
    case ThingClass::kConstructionVehicle:
    case ThingClass::kTrailer:
    case ThingClass::kTruck:
      return true;
    default:
      return false;
  }
}

std::string Light(const SceneGraph& graph, Choices& choices) {
  const SceneNotes& notes = graph.notes;
  std::string text = notes.night  ? choices.Of({"It is night", "It is dark"})
                     : notes.dusk ? choices.Of({"The light is low", "It is twilight"})
                                  : "";
  if (notes.rain) text += text.empty() ? "It is raining" : " and it is raining";
  return text.empty() ? "" : text + ". ";
}

// Which lane, out of how many in the car's direction.
std::string Lanes(const SceneGraph& graph, Choices& choices) {
  const Road& road = graph.road;
  const int lanes = road.lanes_left + road.lanes_right + 1;
  if (lanes == 1) {
    return choices.Of(
        {"in the only lane of its direction", "on a road with a single lane in its direction"});
  }
  const std::string which = road.lanes_left == 0    ? "the left lane"
                            : road.lanes_right == 0 ? "the right lane"
                                                    : "a middle lane";
  const std::string several(Counted(static_cast<size_t>(lanes), "lane"));
  return choices.Chance(0.5) ? "in " + which + " of " + several.substr(0, several.find(' '))
                             : "in " + which + " of a road with " + several + " in its direction";
}

std::string Setting(const SceneGraph& graph, Choices& choices) {
  const Road& road = graph.road;
  const bool rests = graph.speed && *graph.speed < 0.5;
  const std::string is = rests ? choices.Of({"The car stands", "The car is at rest"})
                               : choices.Of({"The car drives", "The car is driving"});
  if (!road.known) return is + " where the map knows no lane. ";
  if (road.junction && *road.junction < 2) {
    return is + choices.Of({" within a junction. ", " inside a junction. "});
  }
  return is + " " + Lanes(graph, choices) + ". ";
}

std::string Doing(const Thing& thing, Choices& choices) {
  if (thing.speed() < 0.5) return choices.Of({"stands", "is at rest"});
  return choices.Of({"drives", "is moving"});
}

std::string Ahead(const SceneGraph& graph, Choices& choices) {
  if (graph.lead && graph.lead_gap < 45) {
    const Thing& lead = graph.things[*graph.lead];
    // One choice a statement: the order within an expression is the compiler's.
    const std::string doing = Doing(lead, choices);
    const std::string where =
        choices.Of({"in the same lane. ", "on the car's way. ", "in its lane. "});
    return Sentence(WithArticle(Name(lead))) + " " + doing + " about " + About(graph.lead_gap) +
           " ahead " + where;
  }
  if (!graph.walkers.empty()) return "";
  return choices.Of({"No vehicle is near ahead in its lane. ",
                     "Its lane is free of vehicles ahead. ",
                     "There is no vehicle close ahead on its way. "});
}

std::string StopText(const StopAhead& stop, Choices& choices) {
  switch (stop.kind) {
    case StopKind::kTrafficLight:
      return choices.Of({"a stop line with a traffic light", "the stop line of a traffic light"});
    case StopKind::kStopSign:
      return choices.Of({"a stop line with a stop sign", "the stop line of a stop sign"});
    case StopKind::kYield:
      return choices.Of({"a line where the car must give way", "a give-way line"});
    case StopKind::kPedestrianCrossing:
      return choices.Of(
          {"the stop line of a pedestrian crossing", "a line before a pedestrian crossing"});
    case StopKind::kTurn:
      break;
  }
  return "a line where turning traffic waits";
}

std::string Marks(const SceneGraph& graph, Choices& choices) {
  const Road& road = graph.road;
  std::vector<std::string> marks;
  if (road.stop && road.stop->along - kFrontReach < 35) {
    const double gap = road.stop->along - kFrontReach;
    marks.push_back(StopText(*road.stop, choices) +
                    (gap < 2 ? std::string(" right in front") : " about " + About(gap) + " ahead"));
  }
  const bool told = road.stop && road.stop->kind == StopKind::kPedestrianCrossing;
  if (road.crossing && !told && *road.crossing > kFrontReach && *road.crossing < 35) {
    marks.push_back("a pedestrian crossing about " + About(*road.crossing - kFrontReach) +
                    " ahead");
  }
  if (road.junction && *road.junction >= 5 && *road.junction < 45) {
    marks.push_back("a junction about " + About(std::max(1.0, *road.junction - kFrontReach)) +
                    " ahead");
  }
  if (marks.empty()) return "";
  return Sentence(choices.Of({"there is ", "the road has ", "on its way there is "})) +
         Listed(marks) + ". ";
}

std::string People(const SceneGraph& graph, Choices& choices) {
  if (!graph.walkers.empty()) {
    const Thing& first = graph.things[graph.walkers.front()];
    const double gap = std::max(1.0, first.place.along - kFrontReach);
    const std::string who = graph.walkers.size() == 1
                                ? "a pedestrian is"
                                : Counted(graph.walkers.size(), "pedestrian") + " are";
    return Sentence(who) + " on the car's way or walking into it" +
           (graph.walkers.size() == 1 ? ", about " : ", the first about ") + About(gap) +
           " ahead. ";
  }
  size_t left = 0, right = 0;
  for (const Thing& thing : graph.things) {
    if (thing.thing_class != ThingClass::kPedestrian || !thing.sure) continue;
    if (thing.place.along < 0 || thing.place.along > 30) continue;
    if (std::abs(thing.place.across) > 12) continue;
    ++(thing.place.across > 0 ? left : right);
  }
  if (left + right == 0) return "";
  const size_t most = std::max(left, right);
  const std::string side = left > right ? "left" : "right";
  const std::string verb = left + right == 1 ? " is" : " are";
  if (left > 0 && right > 0) {
    return Sentence(Counted(left + right, "pedestrian")) +
           " are beside the road ahead, on both sides. ";
  }
  return Sentence(Counted(most, "pedestrian")) + verb +
         choices.Of({" beside its way on the ", " on the "}) + side + ". ";
}

// Traffic towards the car, beside it and at the kerb; at most two kinds are told.
std::string Others(const SceneGraph& graph, Choices& choices) {
  size_t parked_left = 0, parked_right = 0, oncoming = 0, behind = 0, cones = 0;
  size_t cyclists = 0, motorcyclists = 0;
  for (size_t i = 0; i < graph.things.size(); ++i) {
    const Thing& thing = graph.things[i];
    if (!thing.sure || thing.distance > 35 || i == graph.lead) continue;
    const bool ahead = thing.place.along > 0;
    const double across = thing.place.across;
    if (IsVehicle(thing) && thing.status == Status::kParked && ahead && std::abs(across) < 12)
      ++(across > 0 ? parked_left : parked_right);
    const bool moves = IsVehicle(thing) && thing.speed() > 1;
    const bool towards = thing.velocity_E && thing.velocity_E->x() < -0.7 * thing.speed();
    if (moves && ahead && towards && std::abs(across) < 15) ++oncoming;
    if (moves && !ahead && std::abs(across) < 1.8 && !towards) ++behind;
    if (thing.status == Status::kWithRider && ahead)
      ++(thing.thing_class == ThingClass::kBicycle ? cyclists : motorcyclists);
    if (thing.thing_class == ThingClass::kTrafficCone && ahead && std::abs(across) < 8) ++cones;
  }
  std::vector<std::string> told;
  const auto tell = [&](size_t count, std::string_view noun, const std::string& rest) {
    if (count > 0 && told.size() < 2)
      told.push_back(Counted(count, noun) + (count == 1 ? " is " : " are ") + rest);
  };
  tell(cyclists, "cyclist", choices.Of({"ahead", "in sight ahead"}));
  tell(motorcyclists, "motorcyclist", choices.Of({"ahead", "in sight ahead"}));
  tell(oncoming, "vehicle", choices.Of({"coming the other way", "oncoming"}));
  tell(behind, "vehicle", "following behind");
  tell(cones, "traffic cone", "set up near the way ahead");
  tell(parked_right, "vehicle", "parked on the right");
  tell(parked_left, "vehicle", "parked on the left");
  return told.empty() ? "" : Sentence(Listed(told)) + ". ";
}

}  // namespace

std::string DescribeScene(const SceneGraph& graph, Choices& choices) {
  std::string text = Light(graph, choices);
  text += Setting(graph, choices);
  text += Ahead(graph, choices);
  text += Marks(graph, choices);
  text += People(graph, choices);
  text += Others(graph, choices);
  text.pop_back();  // The blank after the last full stop.
  return text;
}

}  // namespace occvla::label
