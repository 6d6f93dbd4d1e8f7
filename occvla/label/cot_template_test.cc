#include "occvla/label/cot_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "occvla/label/test_answers.h"

namespace occvla::label {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr std::string_view kToken = "00000000000000000000000000000007";

// On a straight road at 8 m/s, alone.
SceneGraph Alone() {
  SceneGraph graph;
  graph.token = kToken;
  graph.road.known = true;
  for (int i = 0; i <= 120; ++i) graph.road.route_E.push_back({0.5 * i, 0});
  graph.speed = 8;
  return graph;
}

SceneGraph WithLead(double gap, double speed, ThingClass thing_class = ThingClass::kTruck) {
  SceneGraph graph = Alone();
  Thing lead;
  lead.token = "lead";
  lead.thing_class = thing_class;
  lead.length = 4;
  lead.p_E = {gap + kFrontReach + 2, 0};
  lead.distance = lead.p_E.x();
  lead.place = {lead.p_E.x(), 0};
  lead.velocity_E = Eigen::Vector2d(speed, 0);
  lead.sure = true;
  graph.things = {lead};
  graph.lead = 0;
  graph.lead_gap = gap;
  return graph;
}

std::string Intent(const SceneGraph& graph, const MetaAction& action, uint64_t seed = 1) {
  return TemplateChainOfThought(graph, {}, action, seed).intent;
}

// The words that tell an action in the present; the past is told in other forms.
bool Says(const std::string& text, const std::vector<std::string>& any) {
  for (const std::string& one : any)
    if (text.find(one) != std::string::npos) return true;
  return false;
}
const std::vector<std::string> kFaster = {"speeds up", "accelerates", "sets off"},
                               kSlower = {"slows down", "brakes", "comes to a stop"},
                               kSame = {"keeps its speed", "holds its speed"},
                               kRest = {"stays at rest", "keeps standing", "waits"};

TEST(CotTemplateTest, IntentTellsTheLabelAndNoOtherAction) {
  const std::vector<SceneGraph> graphs = {Alone(), WithLead(10, 0), WithLead(12, 8),
                                          WithLead(30, 12)};
  for (const SceneGraph& graph : graphs) {
    for (int v = 0; v < 3; ++v) {
      for (int d = 0; d < 6; ++d) {
        for (uint64_t seed = 0; seed < 4; ++seed) {
          const MetaAction action{static_cast<Velocity>(v), static_cast<Direction>(d)};
          const auto thought = TemplateChainOfThought(graph, {}, action, seed);
          const std::string& text = thought.intent;
          SCOPED_TRACE(ToString(action) + ": " + text);
          EXPECT_EQ(thought.meta_action, action);
          const bool stops = action.direction == Direction::kStop;
          EXPECT_EQ(Says(text, kFaster), !stops && action.velocity == Velocity::kAccelerate);
          EXPECT_EQ(Says(text, kSlower), stops || action.velocity == Velocity::kDecelerate);
          EXPECT_EQ(Says(text, kSame), !stops && action.velocity == Velocity::kMaintain);
          EXPECT_EQ(Says(text, {"turns left"}), action.direction == Direction::kTurnLeft);
          EXPECT_EQ(Says(text, {"turns right"}), action.direction == Direction::kTurnRight);
          EXPECT_EQ(Says(text, {"to the lane on the left"}),
                    action.direction == Direction::kChangeLaneLeft);
          EXPECT_EQ(Says(text, {"to the lane on the right"}),
                    action.direction == Direction::kChangeLaneRight);
          EXPECT_EQ(Says(text, {"straight on", "stays in its lane"}),
                    action.direction == Direction::kGoStraight);
        }
      }
    }
  }
}

TEST(CotTemplateTest, ReasonIsWhatBearsOnTheAction) {
  const MetaAction slow{Velocity::kDecelerate, Direction::kGoStraight};
  const MetaAction fast{Velocity::kAccelerate, Direction::kGoStraight};
  const MetaAction same{Velocity::kMaintain, Direction::kGoStraight};
  EXPECT_EQ(ReasonFor(WithLead(15, 0), slow), Reason::kLeadStands);
  EXPECT_EQ(ReasonFor(WithLead(15, 4), slow), Reason::kLeadSlower);
  EXPECT_EQ(ReasonFor(WithLead(10, 8), slow), Reason::kLeadClose);
  EXPECT_EQ(ReasonFor(WithLead(15, 8), same), Reason::kLeadSamePace);
  EXPECT_EQ(ReasonFor(WithLead(15, 11), fast), Reason::kLeadFaster);
  EXPECT_EQ(ReasonFor(Alone(), fast), Reason::kFree);
  EXPECT_EQ(ReasonFor(Alone(), slow), Reason::kNone);
  SceneGraph graph = WithLead(20, 0);
  graph.road.stop = StopAhead{StopKind::kTrafficLight, 15};
  EXPECT_EQ(ReasonFor(graph, slow), Reason::kStopLine) << "the nearer one counts";
  graph.lead_gap = 5;
  EXPECT_EQ(ReasonFor(graph, slow), Reason::kLeadStands);
  graph.speed = 0;
  EXPECT_EQ(ReasonFor(graph, {Velocity::kMaintain, Direction::kStop}), Reason::kLeadStands);
  graph.road.stop->along = 100;
  graph.lead.reset();
  EXPECT_EQ(ReasonFor(graph, {Velocity::kDecelerate, Direction::kStop}), Reason::kNone)
      << "a line 96 m away is no reason to stand";
}

TEST(CotTemplateTest, MentionsWhatMatters) {
  SceneGraph graph = WithLead(15, 0, ThingClass::kBus);
  graph.road.stop = StopAhead{StopKind::kTrafficLight, 23.5};
  graph.road.crossing = 28.5;
  graph.road.junction = 33.5;
  graph.road.lanes_right = 1;
  graph.notes.night = true;
  Choices choices(1, "test", kToken);
  const std::string scene = DescribeScene(graph, choices);
  EXPECT_THAT(scene, HasSubstr("A bus "));
  EXPECT_THAT(scene, HasSubstr("about 15 m ahead"));
  EXPECT_THAT(scene, HasSubstr("traffic light"));
  EXPECT_THAT(scene, HasSubstr("a pedestrian crossing about 25 m ahead"));
  EXPECT_THAT(scene, HasSubstr("a junction about 30 m ahead"));
  EXPECT_THAT(scene, HasSubstr("the left lane of"));
  EXPECT_THAT(scene, MatchesRegex("It is (night|dark)\\..*"));
  EXPECT_THAT(Intent(graph, {Velocity::kDecelerate, Direction::kStop}), HasSubstr("the bus ahead"));
}

TEST(CotTemplateTest, TellsThePastFromThePromptsActions) {
  const std::vector<MetaAction> past = {{Velocity::kAccelerate, Direction::kTurnRight},
                                        {Velocity::kMaintain, Direction::kGoStraight},
                                        {Velocity::kMaintain, Direction::kGoStraight},
                                        {Velocity::kMaintain, Direction::kGoStraight},
                                        {Velocity::kDecelerate, Direction::kStop}};
  const auto text =
      TemplateChainOfThought(Alone(), past, {Velocity::kMaintain, Direction::kGoStraight}, 1);
  EXPECT_THAT(
      text.intent,
      HasSubstr("has first kept its speed and gone straight, then slowed down to a stop. "));
  EXPECT_THAT(text.intent, Not(HasSubstr("turned right"))) << "the prompt tells four actions";
}

TEST(CotTemplateTest, WordingChangesWithTheKeyAndOnlyWithIt) {
  const MetaAction action{Velocity::kDecelerate, Direction::kGoStraight};
  std::set<std::string> texts;
  for (uint64_t seed = 0; seed < 12; ++seed) texts.insert(Intent(WithLead(15, 0), action, seed));
  EXPECT_GT(texts.size(), 5u);
  EXPECT_EQ(Intent(WithLead(15, 0), action, 3), Intent(WithLead(15, 0), action, 3));
}

TEST(CotTemplateTest, AnySceneGivesAnAnswerThatParsesBack) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const SceneGraph graph = GraphOf(test::StrewnFrame(seed, seed % 30), {});
    const MetaAction action{static_cast<Velocity>(seed % 3), static_cast<Direction>(seed % 6)};
    const auto thought = TemplateChainOfThought(graph, {}, action, seed);
    const auto parsed = data::ParseChainOfThought(data::FormatChainOfThought(thought), {});
    EXPECT_EQ(parsed.meta_action, action);
    EXPECT_EQ(parsed.scene, thought.scene);
    EXPECT_EQ(parsed.intent, thought.intent);
    EXPECT_THAT(thought.scene, MatchesRegex("[A-Z].*[^ .]\\."));
    EXPECT_THAT(thought.scene + thought.intent, Not(HasSubstr("  ")));
  }
}

}  // namespace
}  // namespace occvla::label
