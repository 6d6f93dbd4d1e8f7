#pragma once
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/text/nuscenes_qa.h"
#include "occvla/label/scene_graph.h"

/// Every question that a scene graph answers beyond doubt, before words are chosen.
namespace occvla::label {

/// "moving cars": what a question speaks of. Without a class: things.
struct Description {
  std::optional<ThingClass> thing_class;
  std::optional<Status> status;
};

/// "to the front left of the truck": a sector seen from one thing or, without one, from the car.
struct Relation {
  Sector sector = Sector::kFront;
  std::optional<Description> anchor;
};

struct Candidate {
  data::NuscenesQaType type = data::NuscenesQaType::kExist;
  Description what;
  std::optional<Relation> relation = std::nullopt;  ///< Of `what`; one hop.
  /// Of exist and count: only others with the status of this one (one hop). Of comparison: the
  /// thing that `what` is compared with.
  std::optional<Description> other = std::nullopt;
  std::string answer{};

  int hops() const {
    return relation || (other && type != data::NuscenesQaType::kComparison) ? 1 : 0;
  }
};

/// In an order that depends on the graph alone.
std::vector<Candidate> CandidatesOf(const SceneGraph& graph);

/// "moving car", "bicycle with rider", "pedestrian that is not standing"; many: their plural.
enum class Many { kOne, kSeveral };
std::string NameOf(const Description& what, Many many);

}  // namespace occvla::label
