#include "occvla/label/conversations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>

#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/test_map.h"
#include "occvla/label/test_answers.h"

namespace occvla::label {
namespace {

using data::nuscenes::Map;
using data::nuscenes::PlanningAgent;
using data::nuscenes::PlanningTruth;
using data::nuscenes::TestMap;
using testing::HasSubstr;

// The car on the test map's first lane at x, heading east; its way is as in `truth`.
struct Site {
  TestMap records;
  Map map{records.map};
  data::Frame frame;
  PlanningTruth truth;

  explicit Site(double x, double speed = 8) {
    frame.token = "0000000000000000000000000000000a";
    data::EgoMoment now;
    now.X_GE.translation() = Eigen::Vector3d(x, 10, 0);
    frame.now = now;
    frame.ego.velocity_E = std::array<double, 2>{speed, 0};
    frame.map = &map;
    truth.valid.fill(true);
    for (size_t i = 0; i < 6; ++i) {
      truth.positions_E[i] = {speed * 0.5 * static_cast<double>(i + 1), 0};
      data::EgoMoment later = now;
      later.X_GE.translation().x() += truth.positions_E[i][0];
      later.timestamp_us = 500'000 * static_cast<int64_t>(i + 1);
      frame.future[i] = later;
    }
  }

  /// Something that moves steadily, in E.
  void Add(const std::string& category, double x, double y, double vx, double vy) {
    const std::string id = "thing" + std::to_string(truth.agents_now.size());
    const auto at = [&](double t) {
      return PlanningAgent{.x_E = x + vx * t,
                           .y_E = y + vy * t,
                           .length = 4,
                           .width = 2,
                           .yaw_E = std::atan2(vy, vx),
                           .category = category,
                           .id = id,
                           .lidar_points = 9};
    };
    truth.agents_now.push_back(at(0));
    for (size_t i = 0; i < 6; ++i) truth.agents[i].push_back(at(0.5 * static_cast<double>(i + 1)));
    data::Annotation box;
    box.token = box.instance_token = id;
    box.category = category;
    box.visibility = 4;
    box.lidar_points = 9;
    box.box_G.size = {4, 2, 1.5};
    box.box_G.X_AB = frame.now->X_GE * Eigen::Translation3d(x, y, 0.75) *
                     Eigen::AngleAxisd(std::atan2(vy, vx), Eigen::Vector3d::UnitZ());
    box.velocity_G = Eigen::Vector3d(vx, vy, 0);
    frame.annotations.push_back(box);
  }

  Conversations Talk(uint64_t seed = 1) const {
    return ConversationsAbout(GraphOf(frame, {}), frame, truth, seed);
  }
};

data::PlannedPath Straight(double speed) {
  data::PlannedPath path{};
  for (size_t i = 0; i < 6; ++i) path[i] = {speed * 0.5 * static_cast<double>(i + 1), 0};
  return path;
}

// A car stands 20 m ahead, its rear at 18 m. The front, 3.53 m ahead of the origin, at 10 m/s gets
// there after 1.447 s; the smaller car's, 0.3 m back, after 1.477 s, so at the trial of 1.5 s.
TEST(WhatIfTest, HitsAtTheMomentWorkedOutByHand) {
  Site site(5);
  site.frame.map = nullptr;
  site.Add("vehicle.car", 20, 0, 0, 0);
  const Outcome outcome = PathTrial(site.frame, site.truth).Try(Straight(10));
  ASSERT_TRUE(outcome.hit);
  EXPECT_TRUE(outcome.clear);
  EXPECT_NEAR(outcome.hit->seconds, 1.5, 1e-9);
  EXPECT_EQ(outcome.hit->category, "vehicle.car");
  EXPECT_FALSE(outcome.road_known);
  const Outcome slow = PathTrial(site.frame, site.truth).Try(Straight(4));
  EXPECT_FALSE(slow.hit);
  EXPECT_TRUE(slow.clear) << "ends 2.5 m before it";
}

TEST(WhatIfTest, WhatPassesWithinACentimetreIsTooCloseToCall) {
  Site site(5);
  site.Add("vehicle.car", 20, 1.93, 0, 0);  // Sides at 0.925 and 0.93 m.
  const Outcome outcome = PathTrial(site.frame, site.truth).Try(Straight(10));
  EXPECT_FALSE(outcome.hit);
  EXPECT_FALSE(outcome.clear);
}

TEST(WhatIfTest, MovingThingsAreWhereTheyWillBe) {
  Site site(5);
  site.Add("human.pedestrian.adult", 20, -8, 0, 5);  // In the way from 0.9 s to 2.5 s.
  EXPECT_TRUE(PathTrial(site.frame, site.truth).Try(Straight(10)).hit);
  Site gone(5);
  gone.Add("human.pedestrian.adult", 20, -3, 0, 8);  // Past before the car comes.
  const Outcome outcome = PathTrial(gone.frame, gone.truth).Try(Straight(8));
  EXPECT_FALSE(outcome.hit);
  EXPECT_TRUE(outcome.clear);
}

TEST(WhatIfTest, LeavesTheDrivableAreaAndPassesTheLightsLine) {
  // The area ends at y = 20; at 4 m/s to the left of the lane on y = 10 the car's left corner is
  // out.
  Site site(30);
  data::PlannedPath left{};
  for (size_t i = 0; i < 6; ++i) left[i] = {0.5, 2.0 * static_cast<double>(i + 1)};
  const Outcome off = PathTrial(site.frame, site.truth).Try(left);
  EXPECT_TRUE(off.off_road);
  const Outcome ahead = PathTrial(site.frame, site.truth).Try(Straight(8));
  EXPECT_FALSE(ahead.off_road);
  EXPECT_TRUE(ahead.road_known);
  // The line begins at x = 43: the front is there after 9.5 m, 1.2 s.
  ASSERT_TRUE(ahead.stop_line);
  EXPECT_EQ(ahead.stop_line->first, StopKind::kTrafficLight);
  EXPECT_NEAR(ahead.stop_line->second, 1.2, 1e-9);
}

// An island 0.69 m long, which the corners of a car at 10 m/s step over.
TEST(WhatIfTest, AnIslandBetweenTheCornersIsOffTheRoad) {
  Site site(5);
  site.frame.now->X_GE.translation().y() = 13;
  EXPECT_FALSE(PathTrial(site.frame, site.truth).Try(Straight(4)).off_road);
  site.records.map.polygons[0].holes[0] = site.records.Ring(24.14, 13.2, 24.83, 15);
  const Map with_island(site.records.map);
  site.frame.map = &with_island;
  const Outcome outcome = PathTrial(site.frame, site.truth).Try(Straight(10));
  EXPECT_TRUE(outcome.off_road);
}

// --- A second computation: points of the car's rectangle, from the text alone. ---

struct Trial {
  double x, y, yaw;
};
Trial At(const data::PlannedPath& path, int tenth) {
  double px = 0, py = 0, yaw = 0;
  for (int k = 0; k < 6; ++k) {
    const double qx = path[static_cast<size_t>(k)][0], qy = path[static_cast<size_t>(k)][1];
    if (std::hypot(qx - px, qy - py) > 0.3) yaw = std::atan2(qy - py, qx - px);
    if (tenth <= 5 * (k + 1)) {
      const double f = (tenth - 5 * k) / 5.0;
      return {px + f * (qx - px), py + f * (qy - py), yaw};
    }
    px = qx;
    py = qy;
  }
  return {px, py, yaw};
}

std::vector<std::array<double, 2>> Points(const Trial& car, double grow) {
  std::vector<std::array<double, 2>> points;
  const double half_length = 2.042 + grow, half_width = 0.925 + grow;
  for (int i = -20; i <= 20; ++i) {
    for (int j = -10; j <= 10; ++j) {
      const double a = 1.485793 + half_length * i / 20, b = half_width * j / 10;
      points.push_back({car.x + a * std::cos(car.yaw) - b * std::sin(car.yaw),
                        car.y + a * std::sin(car.yaw) + b * std::cos(car.yaw)});
    }
  }
  return points;
}

// The number of the thing that has a point of the car at a tenth of a second; -1 = none.
int HitAt(const Site& site, const data::PlannedPath& path, int tenth, double grow) {
  const int step = (tenth - 1) / 5;
  const double f = (tenth - 5 * step) / 5.0;
  const auto& before =
      step == 0 ? site.truth.agents_now : site.truth.agents[static_cast<size_t>(step) - 1];
  const auto& after = site.truth.agents[static_cast<size_t>(step)];
  for (size_t n = 0; n < before.size(); ++n) {
    const double x = before[n].x_E + f * (after[n].x_E - before[n].x_E);
    const double y = before[n].y_E + f * (after[n].y_E - before[n].y_E);
    const double c = std::cos(before[n].yaw_E), s = std::sin(before[n].yaw_E);
    for (const auto& [px, py] : Points(At(path, tenth), grow)) {
      const double along = c * (px - x) + s * (py - y), across = -s * (px - x) + c * (py - y);
      if (std::abs(along) <= 2 && std::abs(across) <= 1) return static_cast<int>(n);
    }
  }
  return -1;
}

// The test map's drivable area: 100 m x 20 m with a hole, written down again.
bool OnRoad(const Site& site, const data::PlannedPath& path, int tenth, double grow) {
  const double x0 = site.frame.now->X_GE.translation().x();
  for (const auto& [px, py] : Points(At(path, tenth), grow)) {
    const double x = x0 + px, y = 10 + py;
    const bool in = x >= 0 && x <= 100 && y >= 0 && y <= 20;
    const bool hole = x > 20 && x < 30 && y > 14 && y < 18;
    if (!in || hole) return false;
  }
  return true;
}

bool Matches(const std::string& text, std::smatch& part, const std::string& form) {
  static std::map<std::string, std::regex> forms;  // Making one takes longer than a match.
  return std::regex_match(text, part, forms.try_emplace(form, form).first->second);
}

void Check(const Site& site, const Pair& pair, std::map<std::string, int>& seen) {
  SCOPED_TRACE(pair.question + " -> " + pair.answer);
  const auto plan = data::ParsePlan(pair.question);
  ASSERT_TRUE(plan);
  std::smatch part;
  const auto time = [&] { return static_cast<int>(std::lround(10 * std::stod(part[1]))); };
  const auto quiet_before = [&](int until) {
    for (int t = 1; t < until; ++t) {
      EXPECT_EQ(HitAt(site, *plan, t, -0.3), -1) << t;
      EXPECT_TRUE(OnRoad(site, *plan, t, -0.6)) << t;
    }
  };
  if (Matches(pair.answer, part,
              ".*after about (.*) s it would hit the (.*) that is now (.*), at "
              "\\((.*), (.*)\\)\\.")) {
    ++seen["hit"];
    quiet_before(time());
    const int thing = HitAt(site, *plan, time(), -0.3);
    ASSERT_GE(thing, 0);
    const PlanningAgent& agent = site.truth.agents_now[static_cast<size_t>(thing)];
    EXPECT_NEAR(agent.x_E, std::stod(part[4]), 0.051);
    EXPECT_NEAR(agent.y_E, std::stod(part[5]), 0.051);
    EXPECT_THAT(agent.category, HasSubstr(part[2] == "thing" ? "" : part[2].str()));
  } else if (Matches(pair.answer, part, ".*after about (.*) s it would leave the drivable .*")) {
    ++seen["off"];
    EXPECT_FALSE(OnRoad(site, *plan, time(), -0.4));
    quiet_before(time());
  } else {
    for (int t = 1; t <= 30; ++t) {
      EXPECT_EQ(HitAt(site, *plan, t, 0.39), -1) << t;
      EXPECT_TRUE(OnRoad(site, *plan, t, 0.2)) << t;
    }
    const bool line =
        Matches(pair.answer, part, ".*after about (.*) s it would pass the stop line of .*");
    ++seen[line ? "line" : "safe"];
    const double x0 = site.frame.now->X_GE.translation().x() + 3.5;
    int passes = 0;
    for (int t = 1; t <= 30 && passes == 0 && (x0 < 43 || x0 > 44); ++t) {
      const Trial car = At(*plan, t);
      const double x = site.frame.now->X_GE.translation().x() + car.x + 3.5 * std::cos(car.yaw);
      const double y = 10 + car.y + 3.5 * std::sin(car.yaw);
      if (x >= 43 && x <= 44 && y >= 8 && y <= 12) passes = t;
    }
    EXPECT_EQ(passes, line ? time() : 0);
  }
}

TEST(ConversationsTest, WhatIfsHoldInASecondComputationFromTheirText) {
  std::map<std::string, int> seen;
  Rng rng(4, "what if test");
  const auto between = [&](double low, double high) { return low + (high - low) * rng.Uniform(); };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Site site(between(4, 60), between(1, 12));
    for (int i = 0; i < 3; ++i) {
      site.Add(i == 0 ? "human.pedestrian.adult" : "vehicle.car", between(6, 35), between(-9, 9),
               between(-3, 6), between(-2, 2));
    }
    const Conversations talk = site.Talk(seed);
    ASSERT_EQ(talk.vqa.size(), 1 + talk.verdicts.size());
    for (size_t i = 1; i < talk.vqa.size(); ++i) Check(site, talk.vqa[i], seen);
  }
  for (const char* kind : {"hit", "off", "line", "safe"}) EXPECT_GT(seen[kind], 1) << kind;
}

TEST(ConversationsTest, PlansWhereTheCarWentAndNamesWhatIsAhead) {
  Site site(5);
  site.Add("vehicle.truck", 25, 0, 6, 0);
  const Conversations talk = site.Talk();
  ASSERT_EQ(talk.conv.size(), 3u);
  const auto plan = data::ParsePlan(talk.conv[0].answer);
  ASSERT_TRUE(plan);
  EXPECT_EQ(*plan, site.truth.positions_E);
  EXPECT_EQ(talk.conv[1].answer, "The car drives at about 8 m/s.");
  EXPECT_EQ(talk.conv[2].answer, "Yes, a truck at (+25.0, +0.0), moving at about 6 m/s.");
  EXPECT_THAT(talk.vqa[0].answer,
              HasSubstr("he truck at (+25.0, +0.0), which is ahead on its way"));
  EXPECT_FALSE(talk.described) << "no meta action, no action to tell";
}

TEST(ConversationsTest, LabelledKeyframesAreDescribed) {
  Site site(5);
  site.frame.meta_action = {data::Velocity::kDecelerate, data::Direction::kStop};
  const Conversations talk = site.Talk();
  ASSERT_TRUE(talk.described);
  EXPECT_EQ(talk.described->keywords, "decelerate, stop");
  EXPECT_THAT(talk.described->action, HasSubstr("to a stop"));
  EXPECT_THAT(talk.described->description, HasSubstr("Nothing that moves or could move is near."));
  EXPECT_EQ(talk.described->description, site.Talk().described->description);
}

TEST(ConversationsTest, SceneEndsHaveNoPlanAndNoWhatIfs) {
  Site site(5);
  site.truth.valid[5] = false;
  const Conversations talk = site.Talk();
  EXPECT_EQ(talk.conv.size(), 2u);
  EXPECT_EQ(talk.vqa.size(), 1u);
}

}  // namespace
}  // namespace occvla::label
