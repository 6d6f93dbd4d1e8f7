#pragma once
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "occvla/base/rng.h"
#include "occvla/data/frame.h"

/// For tests only: answers to questions in our wording, worked out again from the boxes of a frame.
/// Shares no code with the makers: the text is parsed back, and geometry is by dot products.
namespace occvla::label::test {

struct Box {
  double x = 0, y = 0;  // In E.
  std::string name{}, status{};
  bool doubtful = false;
};

/// One way to read a scene: with or without doubtful boxes, sectors turned by some degrees.
struct Reading {
  bool all = false;
  double turn_deg = 0;
};
inline constexpr std::array<Reading, 6> kReadings = {
    {{false, -2.9}, {false, 0}, {false, 2.9}, {true, -2.9}, {true, 0}, {true, 2.9}}};

inline std::vector<Box> BoxesOf(const data::Frame& frame) {
  static const std::map<std::string, std::pair<std::string, bool>> kNames = {
      {"movable_object.barrier", {"barrier", false}},
      {"vehicle.bicycle", {"bicycle", false}},
      {"vehicle.bus.bendy", {"bus", false}},
      {"vehicle.bus.rigid", {"bus", false}},
      {"vehicle.car", {"car", false}},
      {"vehicle.emergency.police", {"car", true}},
      {"vehicle.construction", {"construction vehicle", false}},
      {"vehicle.motorcycle", {"motorcycle", false}},
      {"human.pedestrian.adult", {"pedestrian", false}},
      {"human.pedestrian.child", {"pedestrian", false}},
      {"human.pedestrian.construction_worker", {"pedestrian", false}},
      {"human.pedestrian.police_officer", {"pedestrian", false}},
      {"human.pedestrian.stroller", {"pedestrian", true}},
      {"human.pedestrian.wheelchair", {"pedestrian", true}},
      {"human.pedestrian.personal_mobility", {"pedestrian", true}},
      {"movable_object.trafficcone", {"traffic cone", false}},
      {"vehicle.trailer", {"trailer", false}},
      {"vehicle.truck", {"truck", false}},
      {"vehicle.emergency.ambulance", {"truck", true}}};
  static const std::map<std::string, std::string> kStatus = {
      {"vehicle.moving", "moving"},        {"vehicle.stopped", "stopped"},
      {"vehicle.parked", "parked"},        {"pedestrian.moving", "moving"},
      {"pedestrian.standing", "standing"}, {"pedestrian.sitting_lying_down", "not standing"},
      {"cycle.with_rider", "with rider"},  {"cycle.without_rider", "without rider"}};
  std::vector<Box> boxes;
  const Eigen::Matrix3d R = frame.now->X_GE.linear();
  for (const data::Annotation& one : frame.annotations) {
    const auto name = kNames.find(one.category);
    if (name == kNames.end()) continue;
    const Eigen::Vector3d d = one.box_G.X_AB.translation() - frame.now->X_GE.translation();
    Box box{.x = d.dot(R.col(0)), .y = d.dot(R.col(1)), .name = name->second.first};
    const double far = std::hypot(box.x, box.y);
    if (far > 55) continue;
    box.doubtful = name->second.second || far > 50 || one.visibility == 1 || one.lidar_points == 0;
    if (!one.attributes.empty()) box.status = kStatus.at(one.attributes[0]);
    boxes.push_back(box);
  }
  return boxes;
}

/// "moving cars", "bicycle with rider": what it names.
struct Noun {
  std::string name, status;  // Empty: any.
  bool Fits(const Box& box) const {
    return (name.empty() || box.name == name) && (status.empty() || box.status == status);
  }
};

inline Noun ParseNoun(std::string text) {
  Noun noun;
  const auto cut_end = [&](const std::string& end) {
    if (!text.ends_with(end)) return false;
    text.resize(text.size() - end.size());
    return true;
  };
  if (cut_end(" that are not standing") || cut_end(" that is not standing"))
    noun.status = "not standing";
  else if (cut_end(" with rider"))
    noun.status = "with rider";
  else if (cut_end(" without rider"))
    noun.status = "without rider";
  for (const char* status : {"moving", "stopped", "parked", "standing"}) {
    if (!text.starts_with(std::string(status) + " ")) continue;
    noun.status = status;
    text = text.substr(noun.status.size() + 1);
  }
  if (text == "buses") text = "bus";
  if (text != "bus" && text.ends_with("s")) text.pop_back();
  if (text != "thing") noun.name = text;
  return noun;
}

class Reader {
 public:
  Reader(const data::Frame& frame, const Reading& reading) : reading_(reading) {
    for (const Box& box : BoxesOf(frame))
      if (reading.all || !box.doubtful) boxes_.push_back(box);
  }

  /// Throws std::runtime_error for what it cannot read or what has no single answer.
  std::string Answer(const std::string& question) const {
    std::smatch part;
    const auto is = [&](const char* form) {
      static std::map<std::string, std::regex> forms;  // Making one takes longer than a match.
      const auto made = forms.try_emplace(form, form).first;
      return std::regex_match(question, part, made->second);
    };
    const std::string same = "(?: with| have)? the same status as the (.+)\\?";
    if (is(("(?:Are there any|Is there at least one|Do any) other (.+?)" + same).c_str()))
      return YesNo(Others(part[1], part[2]) > 0);
    if (is(("(?:How many|What is the number of) other (.+?)(?: can be seen)?" + same).c_str()))
      return std::to_string(Others(part[1], part[2]));
    if (is("Can any (.+) be seen(.*)\\?") || is("(?:Are there any|Is there at least one) (.+?)(|"
                                                " to the .+)\\?"))
      return YesNo(!Set(part[1], part[2]).empty());
    if (is("How many (.+) (?:are there|can be seen)(.*)\\?") ||
        is("What is the number of (.+?)(| to the .+)\\?"))
      return std::to_string(Set(part[1], part[2]).size());
    if (is("Do the (.+) and the (.+?)(| to the .+) have the same status\\?") ||
        is("Is the status of the (.+) the same as that of the (.+?)(| to the .+)\\?") ||
        is("Does the (.+) have the same status as the (.+?)(| to the .+)\\?"))
      return YesNo(The(part[1], "").status == The(part[2], part[3]).status);
    if (is("What is the status of the (.+?)(| to the .+)\\?") ||
        is("In which state is the (.+?)(| to the .+)\\?") ||
        is("What status does the (.+?)(| to the .+) have\\?"))
      return The(part[1], part[2]).status;
    if (is("What kind of thing is the (.+?)(| to the .+)\\?") ||
        is("Which class does the (.+?)(| to the .+) belong to\\?") ||
        is("What is the (.+?)(| to the .+)\\?"))
      return The(part[1], part[2]).name;
    throw std::runtime_error("unreadable: " + question);
  }

 private:
  static std::string YesNo(bool yes) { return yes ? "yes" : "no"; }

  // Sectors by the angle's cosine with their middle, 30 degrees to each side.
  bool IsIn(const std::string& sector, double x, double y) const {
    static const std::map<std::string, double> kMiddle = {
        {"front", 0},  {"front left", 60},  {"back left", 120},
        {"back", 180}, {"back right", 240}, {"front right", 300}};
    const double middle = (kMiddle.at(sector) + reading_.turn_deg) * M_PI / 180;
    return x * std::cos(middle) + y * std::sin(middle) > std::hypot(x, y) * std::cos(M_PI / 6);
  }

  std::vector<const Box*> Set(const std::string& noun, const std::string& relation) const {
    std::smatch part;
    const Noun wanted = ParseNoun(noun);
    const Box* anchor = nullptr;
    std::string sector;
    if (!relation.empty()) {
      const std::regex form(
          " to the (front left|front right|front|back left|back right|back) of "
          "(me|the (.+))");
      if (!std::regex_match(relation, part, form))
        throw std::runtime_error("unreadable relation: " + relation);
      sector = part[1];
      if (part[2] != "me") anchor = &The(part[3], "");
    }
    std::vector<const Box*> found;
    for (const Box& box : boxes_) {
      if (!wanted.Fits(box) || &box == anchor) continue;
      const double x = box.x - (anchor ? anchor->x : 0), y = box.y - (anchor ? anchor->y : 0);
      if (sector.empty() || IsIn(sector, x, y)) found.push_back(&box);
    }
    return found;
  }

  const Box& The(const std::string& noun, const std::string& relation) const {
    const auto found = Set(noun, relation);
    if (found.size() != 1)
      throw std::runtime_error(std::to_string(found.size()) + " of the " + noun + relation);
    return *found[0];
  }

  size_t Others(const std::string& noun, const std::string& anchor) const {
    const Box& like = The(anchor, "");
    if (like.status.empty()) throw std::runtime_error("no status: " + anchor);
    const Noun wanted{ParseNoun(noun).name, like.status};
    size_t count = 0;
    for (const Box& box : boxes_) count += &box != &like && wanted.Fits(box);
    return count;
  }

  Reading reading_;
  std::vector<Box> boxes_;
};

/// A frame of boxes strewn around a car that stands anywhere.
inline data::Frame StrewnFrame(uint64_t seed, size_t count) {
  static const std::vector<std::pair<const char*, std::vector<const char*>>> kKinds = {
      {"vehicle.car", {"vehicle.moving", "vehicle.stopped", "vehicle.parked", ""}},
      {"vehicle.truck", {"vehicle.moving", "vehicle.parked"}},
      {"vehicle.bus.rigid", {"vehicle.moving", "vehicle.stopped"}},
      {"vehicle.trailer", {"vehicle.parked"}},
      {"vehicle.construction", {"vehicle.stopped"}},
      {"vehicle.emergency.police", {"vehicle.moving"}},
      {"vehicle.bicycle", {"cycle.with_rider", "cycle.without_rider"}},
      {"vehicle.motorcycle", {"cycle.with_rider", "cycle.without_rider"}},
      {"human.pedestrian.adult",
       {"pedestrian.moving", "pedestrian.standing", "pedestrian.sitting_lying_down"}},
      {"human.pedestrian.stroller", {"pedestrian.moving"}},
      {"movable_object.barrier", {""}},
      {"movable_object.trafficcone", {""}},
      {"animal", {""}}};
  Rng rng(seed, "strewn");
  const auto between = [&](double low, double high) { return low + (high - low) * rng.Uniform(); };
  data::Frame frame;
  char token[33];
  snprintf(token, sizeof token, "%032llx", static_cast<unsigned long long>(seed + 1));
  frame.token = token;
  data::EgoMoment now;
  now.X_GE.translation() = Eigen::Vector3d(between(100, 900), between(100, 900), 0);
  now.X_GE.linear() =
      Eigen::AngleAxisd(between(-3, 3), Eigen::Vector3d::UnitZ()).toRotationMatrix();
  frame.now = now;
  for (size_t i = 0; i < count; ++i) {
    const auto& [category, attributes] = kKinds[rng.Below(kKinds.size())];
    data::Annotation one;
    one.token = "box" + std::to_string(i);
    one.category = category;
    const std::string attribute = attributes[rng.Below(attributes.size())];
    if (!attribute.empty()) one.attributes = {attribute};
    one.visibility = rng.Below(8) == 0 ? 1 : 4;
    one.lidar_points = rng.Below(10) == 0 ? 0 : 7;
    one.box_G.X_AB = now.X_GE * Eigen::Translation3d(between(-45, 45), between(-45, 45), 1);
    one.box_G.size = {4, 2, 1.5};
    frame.annotations.push_back(one);
  }
  return frame;
}

}  // namespace occvla::label::test
