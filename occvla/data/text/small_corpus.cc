#include "occvla/data/text/small_corpus.h"

#include <algorithm>
#include <string_view>

#include "occvla/data/meta_action.h"

namespace occvla::data {
namespace {

struct Slot {
  std::string_view name;
  std::vector<std::string_view> values;
};

const std::vector<Slot>& Slots() {
  static const std::vector<Slot> slots = {
      {"velocity", {kVelocityNames.begin(), kVelocityNames.end()}},
      {"direction", {kDirectionNames.begin(), kDirectionNames.end()}},
      {"one", {"car",        "truck",      "bus",     "trailer",      "construction vehicle",
               "pedestrian", "motorcycle", "bicycle", "traffic cone", "barrier",
               "cyclist",    "van",        "vehicle", "object",       "thing",
               "worker",     "child",      "animal",  "scooter",      "taxi",
               "police car", "ambulance"}},
      {"many",
       {"cars", "trucks", "buses", "trailers", "construction vehicles", "pedestrians",
        "motorcycles", "bicycles", "traffic cones", "barriers", "cyclists", "vans", "vehicles",
        "objects", "things", "workers", "children", "people", "scooters"}},
      {"status",
       {"moving", "parked", "stopped", "standing", "sitting", "with rider", "without rider",
        "waiting", "turning", "crossing", "approaching", "stationary", "slowing down",
        "not standing"}},
      {"where",
       {"front", "back", "front left", "front right", "back left", "back right", "left", "right",
        "far left", "far right", "rear"}},
      {"side", {"left", "right"}},
      {"digit", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}},
      {"number",
       {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "several", "many", "few", "some"}},
      {"decimal", {"0.00", "1.25", "-3.50", "12.75", "8.40", "-0.62", "27.31", "5.9"}},
      {"color", {"red", "green", "yellow", "white", "black", "blue", "gray", "silver", "orange"}},
      {"time",
       {"sunny day", "cloudy afternoon", "rainy evening", "clear night", "foggy morning",
        "dark night", "bright day", "wet day"}},
      {"road",
       {"street", "road", "intersection", "crosswalk", "lane", "roundabout", "highway",
        "parking lot", "junction", "bridge", "tunnel", "sidewalk", "driveway", "corner",
        "bike lane", "bus stop", "T-junction", "one-way street", "construction zone"}},
      {"camera",
       {"front camera", "front left camera", "front right camera", "back camera",
        "back left camera", "back right camera"}},
      {"surface",
       {"driveable surface", "other flat", "sidewalk", "terrain", "manmade", "vegetation", "free",
        "others"}},
  };
  return slots;
}

constexpr std::string_view kTemplates[] = {
    // Answers in the fixed format.
    "Scene: There is a {status} {one} to the {where}.\nIntent: The ego car keeps its lane.\n"
    "Meta action: {velocity}, {direction}",
    "Past meta actions: {velocity}, {direction}; {velocity}, {direction}. Predict the next meta "
    "action.",
    "Meta action: {velocity}, {direction}",
    "Intent: The ego vehicle was told to {velocity} and {direction}, so it will {velocity} next.",
    "Scene: {number} {many} are {status} on the {road}, and the {road} is clear.",
    "Scene: The scene is a {road} on a {time}. A {color} {one} is {status} to the {where} of the "
    "ego car.",
    // Questions about objects and their short answers.
    "What is the status of the {one} that is to the {where} of the {one}?",
    "What status is the {one} to the {where} of me?",
    "There is a {one} to the {where} of the {status} {one}; what is its status?",
    "Are there any {status} {many} to the {where} of the {one}?",
    "Are there any other {many} of the same status as the {one}?",
    "Are any {many} visible?",
    "Is there another {one} that has the same status as the {status} {one}?",
    "Is the status of the {one} the same as the {one} that is to the {where} of me?",
    "Does the {one} have the same status as the {one}?",
    "Do the {one} and the {one} have the same status?",
    "How many {status} {many} are there?",
    "How many other {many} in the same status as the {one} are there?",
    "What number of {many} are to the {where} of the {one}?",
    "What number of other things are there of the same status as the {status} {one}?",
    "The {status} thing to the {where} of me is what?",
    "There is a {status} thing; what is it?",
    "What is the {status} thing that is both to the {where} of the {one} and the {where} of the "
    "{one}?",
    "yes",
    "no",
    "{digit}",
    "{one}",
    "{status}",
    // Descriptions of scenes.
    "The image shows a {time} on a {road} with {number} {many} and {number} {many}.",
    "The weather is {color}, the road is wet, and visibility is limited by the rain.",
    "A {color} traffic light is visible ahead, so the {many} are {status}.",
    "The traffic light is {color} and the {one} in front is {status}.",
    "The ego vehicle is driving straight in the {side} lane of a {road} at {decimal} m/s.",
    "The {one} ahead is braking, and the distance between it and us is about {decimal} meters.",
    "A {one} is parked along the {side} side of the {road}, partially blocking the lane.",
    "On the {side}, there are trees, buildings, fences and street lamps behind the {road}.",
    "In the {camera}, a {one} can be seen near the {road}, moving in the opposite direction.",
    "The {camera} shows {number} {many} at a distance of {decimal} m.",
    "The road curves to the {side} after the {road}, and its markings are faded.",
    "The lane markings, curb and stop line show where the {road} begins.",
    "There is a {color} sign on the {side} that says to yield to {many}.",
    "Oncoming traffic includes a {color} {one} and a {color} {one} with headlights on.",
    "The surrounding environment is an urban area with shops, offices and apartment buildings.",
    "The area around the {road} is residential, with houses, grass and a playground.",
    "Heavy traffic fills the {road}; most {many} are waiting in a queue.",
    "It is a quiet suburban {road} without other road users.",
    "The {road} ahead is narrow because of {many} on both sides.",
    "An open space follows the {road}, where the speed limit is {digit}{digit} km/h.",
    // Reasons and plans.
    "The ego car should slow down because a {one} is {status} in front of it.",
    "The ego car must stop since the light turned {color} and {many} are {status}.",
    "The ego car can accelerate safely, as the lane ahead is empty.",
    "The ego vehicle will keep going straight and maintain its current speed.",
    "The ego vehicle intends to turn {side} at the {road} and gives way to {many}.",
    "The ego vehicle changes to the {side} lane to overtake the slow {one}.",
    "What should the ego car do next, and why?",
    "Which object should the driver pay the most attention to?",
    "Why does the {one} need to yield to the {one} on the {side}?",
    "What would happen if the ego car continued at the same speed?",
    "If it accelerates now, it may collide with the {one} to the {where}.",
    "If it follows this trajectory, it would run off the {road} and hit the {one}.",
    "This trajectory is safe: it keeps enough distance from every {one} and stays in the lane.",
    "Driving through the {color} light would violate the traffic rules.",
    "The planned path passes the {one} on its {side} without any collision.",
    "Given the past motion, the car has been {status}; therefore it is likely to {velocity}.",
    "Because of the {many} near the {road}, caution is required and the speed must be reduced.",
    "The driver waits until the {one} has crossed, then starts to move again.",
    "No immediate danger is present; maintain a safe following distance.",
    "Please describe the current driving scene in detail.",
    "What are the important objects in the current scene, and what will they do?",
    "Describe what the {camera} sees, and where the {many} are heading.",
    "What is the future state of the {one} in the {camera}?",
    "Would the {one} be in the moving direction of the ego vehicle?",
    "What actions could the ego vehicle take based on this observation?",
    "In this scenario, what are safe actions to take for the ego vehicle?",
    "Keep going at the same speed, decelerate gradually without braking.",
    "Predict the future trajectory of the ego vehicle over the next three seconds.",
    "Predict the behavior of the ego vehicle.",
    "The ego vehicle is slightly steering to the {side}. It is driving fast.",
    "The ego vehicle is not moving; it is going to start, back up, or remain stopped.",
    // Numbers, places, occupancy.
    "Trajectory: ({decimal}, {decimal}), ({decimal}, {decimal}), ({decimal}, {decimal})",
    "The {one} at [{decimal}, {decimal}] moves with a velocity of {decimal} m/s.",
    "Its position is x = {decimal} m, y = {decimal} m and its heading is {decimal} rad.",
    "Within {digit}{digit} meters there are {digit} {many} and {digit} {many}.",
    "The voxels to the {where} are {surface}; those to the {where} are occupied by a {one}.",
    "The space ahead is {surface} up to {decimal} m, then {surface}.",
    "Occupancy shows {surface} on the {side} and {surface} on the other side.",
    "frame {digit}{digit}{digit}: speed {decimal} m/s, acceleration {decimal} m/s^2, yaw rate "
    "{decimal} rad/s",
    "Question: {number} {many}? Answer: {digit}.",
};

// Puts the `step`-th choice of values into a template. The n-th slot of a template walks its values
// with another stride than the first, so that slots of one kind differ.
std::string Filled(std::string_view text, size_t step) {
  std::string sentence;
  size_t nth = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t open = std::min(text.find('{', at), text.size());
    sentence += text.substr(at, open - at);
    if (open == text.size()) break;
    const size_t close = text.find('}', open);
    const std::string_view name = text.substr(open + 1, close - open - 1);
    const auto slot = std::find_if(Slots().begin(), Slots().end(),
                                   [&](const Slot& candidate) { return candidate.name == name; });
    sentence += slot->values[(step * (nth + 1) + nth) % slot->values.size()];
    ++nth;
    at = close + 1;
  }
  return sentence;
}

}  // namespace

std::vector<std::string> SmallCorpus() {
  constexpr size_t kSteps = 24;  // At least the longest list, so that each value is used.
  std::vector<std::string> sentences;
  for (const std::string_view text : kTemplates)
    for (size_t step = 0; step < kSteps; ++step) sentences.push_back(Filled(text, step));
  return sentences;
}

}  // namespace occvla::data
