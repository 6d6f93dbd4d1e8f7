#include "occvla/world/synth/annotate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/json.h"
#include "occvla/data/nuscenes/category.h"

namespace occvla::world::synth {
namespace {

using ::testing::IsEmpty;

uint8_t Category(std::string_view name) { return *data::nuscenes::CategoryIndex(name); }

TEST(AnnotateTest, AttributesGoWithTheCategory) {
  EXPECT_EQ(AttributeOf(Category("vehicle.car"), Activity::kMoving), "vehicle.moving");
  EXPECT_EQ(AttributeOf(Category("vehicle.truck"), Activity::kStopped), "vehicle.stopped");
  EXPECT_EQ(AttributeOf(Category("vehicle.trailer"), Activity::kParked), "vehicle.parked");
  EXPECT_EQ(AttributeOf(Category("vehicle.bicycle"), Activity::kWithRider), "cycle.with_rider");
  EXPECT_EQ(AttributeOf(Category("vehicle.motorcycle"), Activity::kMoving), "cycle.with_rider");
  EXPECT_EQ(AttributeOf(Category("vehicle.bicycle"), Activity::kParked), "cycle.without_rider");
  EXPECT_EQ(AttributeOf(Category("human.pedestrian.adult"), Activity::kMoving),
            "pedestrian.moving");
  EXPECT_EQ(AttributeOf(Category("human.pedestrian.child"), Activity::kSitting),
            "pedestrian.sitting_lying_down");
  EXPECT_EQ(AttributeOf(Category("human.pedestrian.adult"), Activity::kStanding),
            "pedestrian.standing");
  EXPECT_EQ(AttributeOf(Category("movable_object.barrier"), Activity::kNone), "");
  EXPECT_EQ(AttributeOf(Category("movable_object.trafficcone"), Activity::kStanding), "");
}

TEST(AnnotateTest, VisibilityLevelsAreThoseOfTheTable) {
  EXPECT_EQ(VisibilityOf(0), "1");
  EXPECT_EQ(VisibilityOf(0.39), "1");
  EXPECT_EQ(VisibilityOf(0.4), "2");
  EXPECT_EQ(VisibilityOf(0.6), "3");
  EXPECT_EQ(VisibilityOf(0.8), "4");
  EXPECT_EQ(VisibilityOf(1), "4");
}

class ChainTest : public ::testing::Test {
 protected:
  ChainTest() {
    drive_.actors = {{17, {4, 2, 1.5}, 0}, {2, {0.6, 0.7, 1.8}, 0}, {12, {0.4, 0.5, 1}, 0}};
    for (int k = 0; k < 4; ++k) {
      auto& keyframe = sightings_.emplace_back(3);
      for (size_t a = 0; a < 3; ++a) {
        keyframe[a].box_G.size = drive_.actors[a].size;
        keyframe[a].box_G.X_AB.translation() = Eigen::Vector3d(k, static_cast<double>(a), 0.75);
      }
      keyframe[0].activity = Activity::kMoving;
    }
    // The car is out of sight for a keyframe; nobody ever sees the cone.
    for (const size_t k : {0u, 1u, 3u}) sightings_[k][0].annotated = true;
    sightings_[2][1].annotated = true;
    sightings_[1][0].lidar_points = 7;
    sightings_[1][0].visible_share = 0.5;
    AddAnnotations(drive_, sightings_, {.seed = 1, .scene = 2, .samples = samples_}, &record_);
  }

  nlohmann::json Row(Part part, size_t i) const { return ParseJson(record_[part][i], "row"); }

  Drive drive_;
  Sightings sightings_;
  std::vector<std::string> samples_ = {"s0", "s1", "s2", "s3"};
  SceneRecord record_;
};

TEST_F(ChainTest, InstancesCountTheirAnnotations) {
  ASSERT_EQ(record_[Part::kInstance].size(), 2u);
  ASSERT_EQ(record_[Part::kSampleAnnotation].size(), 4u);
  const auto car = Row(Part::kInstance, 0);
  EXPECT_EQ(car["nbr_annotations"], 3);
  EXPECT_EQ(car["category_token"], CategoryToken(17));
  EXPECT_EQ(car["first_annotation_token"], Row(Part::kSampleAnnotation, 0)["token"]);
  EXPECT_EQ(car["last_annotation_token"], Row(Part::kSampleAnnotation, 2)["token"]);
}

TEST_F(ChainTest, ChainPassesOverKeyframesWithoutSight) {
  const auto first = Row(Part::kSampleAnnotation, 0), second = Row(Part::kSampleAnnotation, 1),
             third = Row(Part::kSampleAnnotation, 2);
  EXPECT_EQ(first["prev"], "");
  EXPECT_EQ(first["next"], second["token"]);
  EXPECT_EQ(second["next"], third["token"]);
  EXPECT_EQ(third["prev"], second["token"]);
  EXPECT_EQ(third["next"], "");
  EXPECT_EQ(third["sample_token"], "s3");
}

TEST_F(ChainTest, RowHoldsTheBoxAsNuScenesWritesIt) {
  const auto row = Row(Part::kSampleAnnotation, 1);
  EXPECT_EQ(row["translation"], (nlohmann::json{1.0, 0.0, 0.75}));
  EXPECT_EQ(row["size"], (nlohmann::json{2.0, 4.0, 1.5}));  // Width, length, height.
  EXPECT_EQ(row["rotation"], (nlohmann::json{1.0, 0.0, 0.0, 0.0}));
  EXPECT_EQ(row["num_lidar_pts"], 7);
  EXPECT_EQ(row["visibility_token"], "2");
  EXPECT_EQ(row["attribute_tokens"], nlohmann::json{AttributeToken("vehicle.moving")});
  EXPECT_THAT(Row(Part::kSampleAnnotation, 3)["attribute_tokens"], IsEmpty());
}

}  // namespace
}  // namespace occvla::world::synth
