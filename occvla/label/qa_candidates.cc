#include "occvla/label/qa_candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "occvla/label/wording.h"

namespace occvla::label {
namespace {

using data::NuscenesQaType;
using Eigen::Vector2d;

constexpr size_t kMostCounted = 10;             // The largest number among the answers.
constexpr double kNearThing = 1, kNearCar = 3;  // Closer than this, "to the left of" is a quibble.

// Ordered: the truth of "both" is the smaller one.
enum class Truth : uint8_t { kNo, kMaybe, kYes };

constexpr std::array<double, 6> kCentre_deg = {0, 60, -60, 180, 120, -120};

Truth IsIn(Sector sector, const Vector2d& direction_E, double near) {
  if (direction_E.norm() < near) return Truth::kMaybe;
  const double angle = std::atan2(direction_E.y(), direction_E.x()) * 180 / std::numbers::pi;
  const double off =
      std::abs(std::remainder(angle - kCentre_deg[static_cast<size_t>(sector)], 360));
  return off <= 27 ? Truth::kYes : off < 33 ? Truth::kMaybe : Truth::kNo;
}

bool CanHave(ThingClass thing_class, Status status) {
  switch (thing_class) {
    case ThingClass::kBarrier:
    case ThingClass::kTrafficCone:
      return false;
    case ThingClass::kBicycle:
    case ThingClass::kMotorcycle:
      return status == Status::kWithRider || status == Status::kWithoutRider;
    case ThingClass::kPedestrian:
      return status == Status::kMoving || status == Status::kStanding ||
             status == Status::kNotStanding;
    default:
      return status == Status::kMoving || status == Status::kStopped || status == Status::kParked;
  }
}

bool HasStatuses(ThingClass thing_class) {
  return thing_class != ThingClass::kBarrier && thing_class != ThingClass::kTrafficCone;
}

Truth Fits(const Thing& thing, const Description& what) {
  if (what.thing_class && *what.thing_class != thing.thing_class) return Truth::kNo;
  const Truth best = thing.sure ? Truth::kYes : Truth::kMaybe;
  if (!what.status || thing.status == what.status) return best;
  // Something whose attribute nobody noted may be in any state.
  return !thing.status && HasStatuses(thing.thing_class) ? Truth::kMaybe : Truth::kNo;
}

std::vector<Description> AllDescriptions() {
  std::vector<Description> all;
  for (size_t c = 0; c < kThingClasses.size(); ++c) {
    const auto thing_class = static_cast<ThingClass>(c);
    all.push_back({thing_class, std::nullopt});
    for (size_t s = 0; s < kStatuses.size(); ++s)
      if (CanHave(thing_class, static_cast<Status>(s)))
        all.push_back({thing_class, static_cast<Status>(s)});
  }
  all.push_back({});
  for (size_t s = 0; s < kStatuses.size(); ++s)
    all.push_back({std::nullopt, static_cast<Status>(s)});
  return all;
}

// True if everything that fits `what` fits `anchor` too. Of an anchor there is one: whether others
// are beside it needs no look at the scene.
bool IsWithin(const Description& what, const Description& anchor) {
  return what.thing_class == anchor.thing_class && (!anchor.status || what.status == anchor.status);
}

// How many of a set there are, and the one if it can only be one.
struct Tally {
  size_t yes = 0, maybe = 0, last = 0;
  void Add(Truth truth, size_t index) {
    if (truth == Truth::kYes) {
      ++yes;
      last = index;
    }
    if (truth == Truth::kMaybe) ++maybe;
  }
  bool IsOne() const { return yes == 1 && maybe == 0; }
};

class Maker {
 public:
  explicit Maker(const SceneGraph& graph) : things_(graph.things) {}

  std::vector<Candidate> Make() {
    FindAnchors();
    Ask(std::nullopt, std::vector<Truth>(things_.size(), Truth::kYes));
    for (size_t s = 0; s < kSectors.size(); ++s) {
      const auto sector = static_cast<Sector>(s);
      std::vector<Truth> in(things_.size());
      for (size_t i = 0; i < things_.size(); ++i) in[i] = IsIn(sector, things_[i].p_E, kNearCar);
      Ask(Relation{sector, std::nullopt}, in);
      for (const auto& [what, index] : anchors_) {
        for (size_t i = 0; i < things_.size(); ++i) {
          in[i] = i == index ? Truth::kNo
                             : IsIn(sector, things_[i].p_E - things_[index].p_E, kNearThing);
        }
        Ask(Relation{sector, what}, in);
      }
    }
    AskSameStatus();
    return std::move(candidates_);
  }

 private:
  struct Anchor {
    Description what;
    size_t index;
  };

  void FindAnchors() {
    for (const Description& what : descriptions_) {
      Tally tally;
      for (size_t i = 0; i < things_.size(); ++i) tally.Add(Fits(things_[i], what), i);
      if (tally.IsOne() && what.thing_class) anchors_.push_back({what, tally.last});
    }
  }

  void Ask(const std::optional<Relation>& relation, const std::vector<Truth>& in) {
    for (const Description& what : descriptions_) {
      Tally tally;
      for (size_t i = 0; i < things_.size(); ++i)
        tally.Add(std::min(in[i], Fits(things_[i], what)), i);
      // A set that a question bounds by nothing ("are there any things?") asks nothing.
      const bool bounded = what.thing_class || what.status || relation;
      const bool known = relation && relation->anchor && IsWithin(what, *relation->anchor);
      if (bounded && !known) AskSet({.what = what, .relation = relation}, tally);
      if (tally.IsOne()) AskOne(what, relation, tally.last);
    }
  }

  void Add(Candidate candidate, NuscenesQaType type, std::string_view answer) {
    candidate.type = type;
    candidate.answer = answer;
    candidates_.push_back(std::move(candidate));
  }

  void AskSet(const Candidate& about, const Tally& tally) {
    if (tally.yes > 0 || tally.maybe == 0)
      Add(about, NuscenesQaType::kExist, tally.yes > 0 ? "yes" : "no");
    if (tally.maybe == 0 && tally.yes <= kMostCounted)
      Add(about, NuscenesQaType::kCount, std::to_string(tally.yes));
  }

  void AskOne(const Description& what, const std::optional<Relation>& relation, size_t index) {
    const Thing& thing = things_[index];
    const Candidate about{.what = what, .relation = relation};
    if (!what.thing_class && (what.status || relation)) {
      Add(about, NuscenesQaType::kObject, kThingClasses[static_cast<size_t>(thing.thing_class)]);
    }
    if (what.status || !thing.status || !what.thing_class) return;
    Add(about, NuscenesQaType::kStatus, kStatuses[static_cast<size_t>(*thing.status)]);
    for (const Anchor& anchor : anchors_) {
      const Thing& other = things_[anchor.index];
      if (anchor.what.status || anchor.index == index || !other.status) continue;
      // Two classes without a relation are the same question either way round.
      if (!relation && *anchor.what.thing_class <= *what.thing_class) continue;
      Candidate pair = about;
      pair.other = anchor.what;
      Add(pair, NuscenesQaType::kComparison, other.status == thing.status ? "yes" : "no");
    }
  }

  void AskSameStatus() {
    for (const Anchor& anchor : anchors_) {
      const Thing& same = things_[anchor.index];
      if (anchor.what.status || !same.status) continue;
      for (const Description& what : descriptions_) {
        if (what.status || IsWithin(what, anchor.what)) continue;
        if (what.thing_class && !CanHave(*what.thing_class, *same.status)) continue;
        Tally tally;
        for (size_t i = 0; i < things_.size(); ++i)
          if (i != anchor.index) tally.Add(Fits(things_[i], {what.thing_class, same.status}), i);
        AskSet({.what = what, .other = anchor.what}, tally);
      }
    }
  }

  const std::vector<Thing>& things_;
  const std::vector<Description> descriptions_ = AllDescriptions();
  std::vector<Anchor> anchors_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::vector<Candidate> CandidatesOf(const SceneGraph& graph) { return Maker(graph).Make(); }

std::string NameOf(const Description& what, Many many) {
  const std::string_view noun =
      what.thing_class ? kThingClasses[static_cast<size_t>(*what.thing_class)] : "thing";
  const std::string name = many == Many::kSeveral ? Plural(noun) : std::string(noun);
  if (!what.status) return name;
  const std::string status(kStatuses[static_cast<size_t>(*what.status)]);
  switch (*what.status) {
    case Status::kNotStanding:
      return name + (many == Many::kSeveral ? " that are " : " that is ") + status;
    case Status::kWithRider:
    case Status::kWithoutRider:
      return name + " " + status;
    default:
      return status + " " + name;
  }
}

}  // namespace occvla::label
