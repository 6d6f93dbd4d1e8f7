#include "occvla/data/nuscenes/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/test_dataset.h"
#include "occvla/data/occ3d/layout.h"
#include "occvla/data/prediction.h"

namespace occvla::data::nuscenes {
namespace {

using ::testing::ElementsAre;

MATCHER_P2(Is, name, count, "") { return arg.name == name && arg.count == uint64_t(count); }

class StatisticsTest : public ::testing::Test {
 protected:
  StatisticsTest() {
    // 4 m/s straight on, and a scene that stands.
    made_.AddScene("scene-0001", {{0, 0, 0}, {2, 0, 0}, {4, 0, 0}});
    made_.AddTrack("vehicle.car",
                   {{.keyframe = 0, .place = {13, 0, 0}, .visibility = 4},
                    {.keyframe = 1, .place = {14, 0, 0}, .visibility = 1, .lidar_points = 0}});
    made_.AddTrack("human.pedestrian.adult",
                   {{.keyframe = 2, .place = {4, 150, 0}, .visibility = 2, .lidar_points = 700}});
    made_.AddScene("scene-0002", {{9, 9, 0}});
    made_.AddTrack("vehicle.car", {{.keyframe = 0, .place = {9, 12, 0}, .lidar_points = 4}});
  }

  Dataset Open() const {
    made_.WriteTables(folder_.path(), "v1.0-made");
    DatasetOptions options;
    options.dataroot = folder_.path();
    options.version = "v1.0-made";
    options.cache = CacheUse::kNone;
    return Dataset::Open(options);
  }

  TestFolder folder_;
  TestDataset made_;
};

TEST(DistributionTest, FarValuesGoToTheEndBins) {
  Distribution values(1, 2, 3);
  for (const double value : {-5.0, 1.0, 2.9, 3.0, 99.0}) values.Add(value);
  EXPECT_THAT(values.bins, ElementsAre(3, 1, 1));
  EXPECT_DOUBLE_EQ(values.Mean(), 100.9 / 5);
  EXPECT_EQ(values.smallest, -5);
  EXPECT_EQ(values.largest, 99);
}

TEST_F(StatisticsTest, CountsBoxesByEverythingThatIsSaidOfThem) {
  const Statistics all = MeasureDataset(Open(), {});
  EXPECT_EQ(all.scenes, 2u);
  EXPECT_EQ(all.keyframes, 4u);
  EXPECT_EQ(all.boxes, 4u);
  EXPECT_EQ(all.tracks, 3u);
  EXPECT_THAT(all.places, ElementsAre(Is("test-town", 2)));
  EXPECT_THAT(all.categories, ElementsAre(Is("vehicle.car", 3), Is("human.pedestrian.adult", 1)));
  EXPECT_THAT(all.attributes, ElementsAre(Is("vehicle.moving", 3)));
  EXPECT_THAT(all.visibility, ElementsAre(0, 1, 1, 0, 2));
  EXPECT_THAT(all.lidar_points,
              ElementsAre(Is("0", 1), Is("1-4", 1), Is("5-9", 0), Is("10-19", 1), Is("20-49", 0),
                          Is("50-99", 0), Is("100-199", 0), Is("200-499", 0), Is("500 on", 1)));
}

TEST_F(StatisticsTest, MeasuresSpeedsAndDistances) {
  const Statistics all = MeasureDataset(Open(), {});
  // The car's two sightings are 1 m and half a second apart; the others stand alone.
  EXPECT_EQ(all.box_speed.bins[2], 2u);
  EXPECT_EQ(all.box_speed.count, 2u);
  EXPECT_EQ(all.boxes_without_velocity, 2u);
  // 13, 12, 150 and 3 m away.
  EXPECT_EQ(all.box_distance.bins[2], 2u);
  EXPECT_EQ(all.box_distance.bins[19], 1u);
  EXPECT_EQ(all.box_distance.bins[0], 1u);
  EXPECT_EQ(all.ego_speed.bins[4], 2u);  // Not known at a scene's first keyframe.
  EXPECT_EQ(all.gap.count, 2u);
  EXPECT_EQ(all.gap.bins[10], 2u);
}

TEST_F(StatisticsTest, CountsTheSplitThatIsAskedFor) {
  made_.WriteTables(folder_.path(), "v1.0-made");
  TestDataset::Write(folder_ / "v1.0-made/splits.json", R"({"val": ["scene-0002"]})");
  const Statistics val = MeasureDataset(Open(), {.split = "val"});
  EXPECT_EQ(val.keyframes, 1u);
  EXPECT_THAT(val.categories, ElementsAre(Is("vehicle.car", 1)));
  EXPECT_THROW((void)MeasureDataset(Open(), {.split = "vat"}), ConfigError);
}

TEST_F(StatisticsTest, CountsMetaActionsAndOccupancy) {
  made_.WriteTables(folder_.path(), "v1.0-made");
  TestDataset::Write(folder_ / "v1.0-made/meta_actions.json",
                     "{\"" + TestDataset::Token("sample", 0) + "\": \"Accelerate, Turn Left\"}");
  occ3d::Labels labels;
  labels.semantics.assign(200 * 200 * 16, kFreeClass);
  labels.mask_lidar.assign(200 * 200 * 16, 1);
  labels.mask_camera = labels.mask_lidar;
  labels.semantics[7] = 4;
  for (const size_t sample : {0u, 1u}) {
    const auto path =
        occ3d::LabelsPath(folder_ / "gts", "scene-0001", TestDataset::Token("sample", sample));
    std::filesystem::create_directories(path.parent_path());
    occ3d::WriteLabels(path, labels);
  }
  const Statistics all = MeasureDataset(Open(), {.occupancy_frames = 1});
  EXPECT_EQ(all.meta_actions, 1u);
  EXPECT_EQ(all.meta_action[1][1], 1u);
  EXPECT_EQ(all.occupancy_frames, 2u);
  EXPECT_EQ(all.occupancy_read, 1u);
  EXPECT_EQ(all.occupancy.classes[4], 1);
  EXPECT_EQ(all.occupancy.SeenByCamera(), 200 * 200 * 16);
}

}  // namespace
}  // namespace occvla::data::nuscenes
