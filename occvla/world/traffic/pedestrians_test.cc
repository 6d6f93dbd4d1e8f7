#include "occvla/world/traffic/pedestrians.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/world/traffic/test_roads.h"

namespace occvla::world::traffic {
namespace {

Rectangle RectangleOf(const Person& person) {
  return {person.p_G, person.yaw, person.size.x(), person.size.y()};
}

struct Scene {
  explicit Scene(Town t) : town(std::move(t)), roads(town), flow(roads), people(roads) {}
  void Step() {
    people.Step(time_s, 0.05, flow);
    flow.Step(time_s, 0.05);
    time_s += 0.05;
  }

  Town town;
  Roads roads;
  Flow flow;
  People people;
  double time_s = 0;
};

Town ZebraRoad() {
  Town town = StraightRoad(2, 160);
  AddCrossing(town, 80);
  return town;
}

TEST(PeopleTest, ACrowdNeverOverlapsAndKeepsToWalksAndCrossings) {
  Scene scene(ZebraRoad());
  Rng rng(3, "people");
  const std::vector<Eigen::Vector2d> way_G{{70, 0}, {90, 0}};
  scene.people.obstacles = {{{60, -3.8}, 0, 0.7, 0.6}};
  scene.people.Populate(way_G, 4, {kStroller, kWheelchair, kPersonalMobility, kAnimal}, rng);
  ASSERT_GT(scene.people.persons.size(), 25u);
  const auto& persons = scene.people.persons;
  for (int k = 0; k < 400; ++k) {
    scene.Step();
    for (size_t i = 0; i < persons.size(); ++i) {
      for (size_t j = i + 1; j < persons.size(); ++j)
        ASSERT_FALSE(Overlap(RectangleOf(persons[i]), RectangleOf(persons[j]))) << k;
      ASSERT_FALSE(Overlap(RectangleOf(persons[i]), scene.people.obstacles[0]));
      const auto& p_G = persons[i].p_G;
      const bool on_road = p_G.y() > -1.75 && p_G.y() < 5.25;
      if (on_road) {
        EXPECT_NEAR(p_G.x(), 80, 2.2);
      }
    }
  }
}

TEST(PeopleTest, APersonCrossesAndTheCarWaits) {
  Scene scene(ZebraRoad());
  Rng rng(1, "people");
  const std::vector<Eigen::Vector2d> way_G{{74, -3}};
  scene.people.Populate(way_G, 0, {kAdult}, rng);
  ASSERT_EQ(scene.people.persons.size(), 1u);
  Person& person = scene.people.persons[0];
  person.mode = Person::Mode::kApproach;
  person.crossing = 0;
  person.from_from = true;
  person.p_G = {78.5, -3.2};
  Vehicle car;
  car.category = kCar;
  car.size = {4.5, 1.9, 1.6};
  car.legs = {{0, 0}};
  car.front = 45;
  car.speed = 9;
  scene.flow.Add(car);
  bool crossed = false, claimed = false;
  for (int k = 0; k < 500; ++k) {
    scene.Step();
    crossed |= person.p_G.y() > 5.25;
    claimed |= scene.flow.claims[0] > 0;
    const BodyPose body = BodyOf(scene.flow.vehicles[0]);
    ASSERT_FALSE(Overlap({body.p_G, body.yaw, 4.5, 1.9}, RectangleOf(person))) << k;
  }
  EXPECT_TRUE(crossed);
  EXPECT_TRUE(claimed);
  EXPECT_GT(scene.flow.vehicles[0].front, 100);
}

TEST(PeopleTest, ARedLightForCarsIsWaitedFor) {
  Town town = ZebraRoad();
  town.lanes[0].connector = true;
  town.lanes[0].junction = 0;
  Junction junction;
  junction.control = Control::kLights;
  junction.connectors = {0};
  junction.phases = {{0}, {}};
  junction.green_s = 12;
  town.junctions = {junction};
  town.crossings[0].junction = 0;
  Scene scene(std::move(town));
  Rng rng(1, "people");
  const std::vector<Eigen::Vector2d> way_G{{74, -3}};
  scene.people.Populate(way_G, 0, {kAdult}, rng);
  Person& person = scene.people.persons.at(0);
  person.mode = Person::Mode::kWait;
  person.crossing = 0;
  // Green for 12 s, amber for 3 s, then red for long enough.
  while (scene.time_s < 14.9) {
    scene.Step();
    ASSERT_EQ(person.mode, Person::Mode::kWait) << scene.time_s;
    ASSERT_EQ(scene.flow.wishes[0], 0);  // No car need wait for who waits for a light.
  }
  while (scene.time_s < 15.5) scene.Step();
  EXPECT_EQ(person.mode, Person::Mode::kCross);
}

TEST(PeopleTest, NobodyStepsOutBeforeACarThatCannotStop) {
  Scene scene(ZebraRoad());
  Rng rng(1, "people");
  const std::vector<Eigen::Vector2d> way_G{{74, -3}};
  scene.people.Populate(way_G, 0, {kAdult}, rng);
  Person& person = scene.people.persons.at(0);
  person.mode = Person::Mode::kWait;
  person.crossing = 0;
  Vehicle car;
  car.category = kCar;
  car.size = {4.5, 1.9, 1.6};
  car.legs = {{0, 0}};
  car.front = 68;  // 9 m before the zebra's halt at 12 m/s.
  car.speed = 12;
  scene.flow.Add(car);
  while (scene.flow.vehicles[0].rear() < 80) {
    scene.Step();
    ASSERT_EQ(person.mode, Person::Mode::kWait);
  }
}

}  // namespace
}  // namespace occvla::world::traffic
