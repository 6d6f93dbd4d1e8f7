#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/eval/planning/obstacles.h"

/// The nine published protocols of open-loop planning as rows of one table.
namespace occvla::eval {

/// Six points of the ego origin in E, metres, 0.5 s apart from 0.5 s on.
using Track = std::array<std::array<double, 2>, 6>;

/// How a collision is counted: an obstacle image and the ego cells that are looked up in it.
/// `occworld` serves two protocols.
enum class EventRule : uint8_t {
  kStp3,
  kUniad,
  kVad,
  kOccWorld,
  kBevPlanner,
  kOmniDrive,
  kOpenDriveVlaStp3,
  kOpenDriveVlaUniad
};
inline constexpr size_t kEventRules = 8;
inline constexpr std::array<std::string_view, kEventRules> kEventRuleNames = {"stp3",
                                                                              "uniad",
                                                                              "vad",
                                                                              "occworld",
                                                                              "bev-planner",
                                                                              "omnidrive",
                                                                              "opendrivevla-stp3",
                                                                              "opendrivevla-uniad"};
/// The image that an event rule looks at.
ObstacleRule ImageOf(EventRule rule);

/// Which predicted frames a protocol counts.
enum class SampleSet : uint8_t {
  kTwoBeforeSixValid,
  kSixValid,
  kFiveBeforeSevenAfter,
  kEveryPredicted
};
enum class Aggregation : uint8_t { kUpToHorizon, kAtHorizon };
enum class CollisionRate : uint8_t { kStepsUpToHorizon, kAtHorizon, kAnyUpToHorizon };

struct Protocol {
  std::string_view name;
  SampleSet samples;
  Aggregation l2;
  CollisionRate collision;
  EventRule events;
};

inline constexpr std::array<Protocol, 9> kProtocols = {{
    {"stp3", SampleSet::kTwoBeforeSixValid, Aggregation::kUpToHorizon,
     CollisionRate::kStepsUpToHorizon, EventRule::kStp3},
    {"vad", SampleSet::kSixValid, Aggregation::kUpToHorizon, CollisionRate::kStepsUpToHorizon,
     EventRule::kVad},
    {"uniad", SampleSet::kEveryPredicted, Aggregation::kAtHorizon, CollisionRate::kAtHorizon,
     EventRule::kUniad},
    {"bev-planner", SampleSet::kSixValid, Aggregation::kUpToHorizon, CollisionRate::kAnyUpToHorizon,
     EventRule::kBevPlanner},
    {"occworld-averaged", SampleSet::kFiveBeforeSevenAfter, Aggregation::kUpToHorizon,
     CollisionRate::kStepsUpToHorizon, EventRule::kOccWorld},
    {"occworld-single", SampleSet::kFiveBeforeSevenAfter, Aggregation::kAtHorizon,
     CollisionRate::kAtHorizon, EventRule::kOccWorld},
    {"omnidrive", SampleSet::kSixValid, Aggregation::kUpToHorizon, CollisionRate::kAnyUpToHorizon,
     EventRule::kOmniDrive},
    {"opendrivevla-stp3", SampleSet::kEveryPredicted, Aggregation::kUpToHorizon,
     CollisionRate::kStepsUpToHorizon, EventRule::kOpenDriveVlaStp3},
    {"opendrivevla-uniad", SampleSet::kEveryPredicted, Aggregation::kAtHorizon,
     CollisionRate::kAtHorizon, EventRule::kOpenDriveVlaUniad},
}};

}  // namespace occvla::eval
