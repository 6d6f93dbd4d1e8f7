#include "occvla/data/nuscenes/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/sweep_boxes.h"
#include "occvla/data/nuscenes/test_map.h"
#include "occvla/data/nuscenes/test_tables.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class DatasetTest : public ::testing::Test {
 protected:
  Dataset Open(const std::string& version = "v1.0-test") {
    made_.Write(folder_.path(), version);
    DatasetOptions options;
    options.dataroot = folder_.path();
    options.version = version;
    options.cache = CacheUse::kNone;
    return Dataset::Open(options);
  }
  void Put(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  template <typename Kind, typename Work>
  static std::string ComplaintOf(const Work& work) {
    try {
      work();
    } catch (const Kind& error) {
      return error.what();
    }
    return "nothing of this kind";
  }
  static std::string SampleToken(int row) { return TestTables::Token("sample", row); }

  TestFolder folder_;
  TestTables made_;
};

// The pose of a row of ego_pose, straight from its JSON.
geom::Pose PoseOfRow(const TestTables::Json& row) {
  const std::vector<double> t = row["translation"], q = row["rotation"];
  geom::Pose pose = geom::Pose::Identity();
  pose.linear() = Eigen::Quaterniond(q[0], q[1], q[2], q[3]).toRotationMatrix();
  pose.translation() << t[0], t[1], t[2];
  return pose;
}

TEST_F(DatasetTest, AFrameHoldsTheSensorsOfItsKeyframe) {
  const Dataset dataset = Open();
  const Frame frame = dataset.FrameOf(SampleToken(1));
  EXPECT_EQ(frame.token, SampleToken(1));
  EXPECT_EQ(frame.scene, "scene-0001");
  EXPECT_EQ(frame.location, "test-town");
  std::map<std::string, size_t> keyframes;  // Channel -> row.
  for (size_t i = 0; i < made_["sample_data"].size(); ++i) {
    const auto& row = made_["sample_data"][i];
    if (row["sample_token"] != SampleToken(1) || !row["is_key_frame"]) continue;
    const std::string name = row["filename"];
    keyframes[name.substr(8, name.rfind('/') - 8)] = i;
  }
  ASSERT_EQ(keyframes.size(), 7);
  const geom::Pose X_GE = PoseOfRow(made_["ego_pose"][keyframes["LIDAR_TOP"]]);
  ASSERT_TRUE(frame.now);
  EXPECT_TRUE(frame.now->X_GE.isApprox(X_GE, 1e-12));
  EXPECT_EQ(frame.now->timestamp_us, TestTables::TimeOf(0, 1));
  EXPECT_EQ(frame.lidar.timestamp_us, TestTables::TimeOf(0, 1));
  EXPECT_NEAR(frame.lidar.X_EL.translation().x(), 0.9, 1e-12);
  for (size_t i = 0; i < kCameraNames.size(); ++i) {
    const size_t row = keyframes.at(std::string(kCameraNames[i]));
    const auto& file = made_["sample_data"][row];
    const CameraImage& image = frame.images[i];
    EXPECT_EQ(image.path, folder_ / file["filename"].get<std::string>());
    EXPECT_EQ(image.timestamp_us, file["timestamp"]);
    ASSERT_TRUE(image.camera && image.X_GEc && image.X_EcC);
    EXPECT_TRUE(image.X_GEc->isApprox(PoseOfRow(made_["ego_pose"][row]), 1e-12));
    // A camera's mount is the row of calibrated_sensor of its channel in the tables' order.
    const auto& channels = TestTables::kChannels;
    const auto mount =
        static_cast<size_t>(std::find(std::begin(channels), std::end(channels), kCameraNames[i]) -
                            std::begin(channels));
    EXPECT_TRUE(image.X_EcC->isApprox(PoseOfRow(made_["calibrated_sensor"][mount]), 1e-12));
    EXPECT_TRUE((X_GE * image.camera->X_EC).isApprox(*image.X_GEc * *image.X_EcC, 1e-9))
        << "through the world";
    EXPECT_EQ(image.camera->K(0, 0), 800.5);
    EXPECT_EQ(image.camera->K(1, 2), 225);
    EXPECT_EQ(image.camera->width_px, 800);
    EXPECT_EQ(image.camera->height_px, 450);
  }
}

TEST_F(DatasetTest, AFrameKnowsWhereTheCarWasAndWillBe) {
  const Dataset dataset = Open();
  const Frame frame = dataset.FrameOf(SampleToken(2));
  ASSERT_TRUE(frame.past[0] && frame.past[1] && frame.future[0]);
  EXPECT_FALSE(frame.past[2]);
  EXPECT_FALSE(frame.future[1]) << "the scene has four keyframes";
  EXPECT_EQ(frame.past[0]->timestamp_us, TestTables::TimeOf(0, 1));
  EXPECT_EQ(frame.past[1]->timestamp_us, TestTables::TimeOf(0, 0));
  EXPECT_EQ(frame.future[0]->timestamp_us, TestTables::TimeOf(0, 3));
  // The car moves by (8, 2) m/s in G and turns by 0.1 rad/s from 0.3 rad: seen in E by hand.
  const double now = 1.002, before = 0.501, yaw = 0.3 + 0.1 * now;
  ASSERT_TRUE(frame.ego.velocity_E);
  EXPECT_NEAR((*frame.ego.velocity_E)[0], 8 * std::cos(yaw) + 2 * std::sin(yaw), 1e-6);
  EXPECT_NEAR((*frame.ego.velocity_E)[1], -8 * std::sin(yaw) + 2 * std::cos(yaw), 1e-6);
  ASSERT_EQ(frame.ego.past_positions_E.size(), 2);
  EXPECT_NEAR(frame.ego.past_positions_E[0][0],
              -(now - before) * (8 * std::cos(yaw) + 2 * std::sin(yaw)), 1e-6);
  EXPECT_NEAR(frame.ego.past_positions_E[1][1], -now * (-8 * std::sin(yaw) + 2 * std::cos(yaw)),
              1e-6);
  const Frame first = dataset.FrameOf(SampleToken(0));
  EXPECT_FALSE(first.ego.velocity_E);
  EXPECT_TRUE(first.ego.past_positions_E.empty());
  EXPECT_TRUE(first.future[2]);
  EXPECT_FALSE(first.future[3]);
}

TEST_F(DatasetTest, AFrameHoldsItsAnnotations) {
  const Dataset dataset = Open();
  const Frame frame = dataset.FrameOf(SampleToken(1));
  ASSERT_EQ(frame.annotations.size(), 3);
  const Annotation& car = frame.annotations[1];
  EXPECT_EQ(car.token, TestTables::Token("sample_annotation", 5));
  EXPECT_EQ(car.instance_token, TestTables::Token("instance", 1));
  EXPECT_EQ(car.category, "vehicle.car");
  EXPECT_THAT(car.attributes, ElementsAre("vehicle.parked"));
  EXPECT_EQ(car.visibility, 2);
  EXPECT_EQ(car.box_G.size, Eigen::Vector3d(4.5, 2.9, 1.6)) << "length before width";
  EXPECT_EQ(car.box_G.X_AB.translation(), Eigen::Vector3d(623.5, 1601.25, 1.1));
  EXPECT_NEAR(std::atan2(car.box_G.X_AB.linear()(1, 0), car.box_G.X_AB.linear()(0, 0)), 1.2, 1e-12);
  EXPECT_EQ(car.lidar_points, 10);
  EXPECT_EQ(car.radar_points, 1);
  ASSERT_TRUE(car.velocity_G);
  EXPECT_NEAR(car.velocity_G->x(), 7 / 1.002, 1e-5);
  EXPECT_EQ(frame.annotations[0].visibility, 0);
  EXPECT_THAT(frame.annotations[2].attributes, ElementsAre());
}

TEST_F(DatasetTest, CompanionsAreTakenFromTheirUsualPlaces) {
  const std::string labels = "gts/scene-0001/" + SampleToken(1) + "/labels.npz";
  Put(labels, "not opened");
  Put("v1.0-test/meta_actions.json", "{\"" + SampleToken(1) + "\": \"Decelerate, Turn Left\"}");
  WriteMap(folder_ / "map.json", TestMap().map);
  fs::create_directories(folder_ / "maps/expansion");
  fs::rename(folder_ / "map.json", folder_ / "maps/expansion/test-town.json");
  const Dataset dataset = Open();
  const Frame frame = dataset.FrameOf(SampleToken(1)), other = dataset.FrameOf(SampleToken(2));
  EXPECT_EQ(frame.occupancy, folder_ / labels);
  EXPECT_EQ(other.occupancy, "");
  ASSERT_TRUE(frame.meta_action);
  EXPECT_EQ(ToString(*frame.meta_action), "Decelerate, Turn Left");
  EXPECT_FALSE(other.meta_action);
  EXPECT_NE(frame.map, nullptr);
  EXPECT_EQ(frame.map, other.map) << "read once";
  EXPECT_EQ(dataset.MapOf("elsewhere"), nullptr);
  EXPECT_EQ(dataset.MapOf("../expansion/test-town"), nullptr);
}

// A label tells of the three seconds after its keyframe.
TEST_F(DatasetTest, OnlyMetaActionsThatAreOverCountAsPast) {
  for (int k = 1; k < TestTables::kKeyFrames; ++k)
    made_["sample"][static_cast<size_t>(k)]["timestamp"] = TestTables::TimeOf(0, 0) + 1'500'000 * k;
  std::string labels = "{";
  for (int k = 0; k < 4; ++k) {
    labels += fmt::format("{}\"{}\": \"{}, Go Straight\"", k > 0 ? "," : "", SampleToken(k),
                          k == 0 ? "Accelerate" : "Decelerate");
  }
  Put("v1.0-test/meta_actions.json", labels + "}");
  const Dataset dataset = Open();
  const auto& late = dataset.FrameOf(SampleToken(3)).ego.past_meta_actions;
  ASSERT_EQ(late.size(), 2);
  EXPECT_EQ(late[0].velocity, Velocity::kAccelerate) << "oldest first";
  EXPECT_EQ(late[1].velocity, Velocity::kDecelerate);
  EXPECT_TRUE(dataset.FrameOf(SampleToken(1)).ego.past_meta_actions.empty());
}

TEST_F(DatasetTest, WrongMetaActionsAreListed) {
  const std::string path = (folder_ / "v1.0-test/meta_actions.json").string();
  Put("v1.0-test/meta_actions.json",
      "{\"abc\": \"Accelerate, Stop\", \"" + SampleToken(1) + "\": \"Faster\"}");
  EXPECT_EQ(ComplaintOf<DataError>([this] { (void)Open(); }),
            path + ": meta actions:\n  - " + SampleToken(1) +
                " must be \"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\", but "
                "is \"Faster\"\n  - \"abc\" must be a sample token of 32 hex digits\nMake the file "
                "again with `occvla label meta-actions`.");
  Put("v1.0-test/meta_actions.json",
      "{\"" + TestTables::Token("nowhere", 1) + "\": \"Accelerate, Go Straight\"}");
  EXPECT_EQ(ComplaintOf<DataError>([this] { (void)Open(); }),
            path +
                ": none of its 1 tokens is a keyframe of this data set. Name the file made for "
                "it.");
}

TEST_F(DatasetTest, SplitsAreTheVersionsAndThoseOfItsFile) {
  EXPECT_THAT(Open("v1.0-mini").Splits(), ElementsAre("all", "mini_train", "mini_val"));
  EXPECT_THAT(Open("v1.0-trainval").Splits(),
              ElementsAre("all", "train", "val", "train_detect", "train_track"));
  made_["scene"][0]["name"] = "scene-0102";
  made_["scene"][1]["name"] = "scene-0101";
  Put("v1.0-trainval/splits.json",
      R"({"val": ["scene-0102", "scene-0777"], "night": ["scene-0001"]})");
  const Dataset dataset = Open("v1.0-trainval");
  EXPECT_THAT(dataset.Splits(),
              ElementsAre("all", "train", "val", "train_detect", "train_track", "night"));
  EXPECT_THAT(dataset.Scenes("all"), ElementsAre(1, 0)) << "by name";
  EXPECT_THAT(dataset.Scenes("val"), ElementsAre(0)) << "the file wins";
  EXPECT_THAT(dataset.KeyFrames("all"), ElementsAre(4, 5, 6, 7, 0, 1, 2, 3));
  const std::string where = folder_.path().string() + "/v1.0-trainval";
  EXPECT_EQ(ComplaintOf<DataError>([&] { (void)dataset.Scenes("night"); }),
            where +
                ": none of the 1 scenes of split night is in its tables, which hold 2 scenes. "
                "Check --version and --split.");
  EXPECT_EQ(ComplaintOf<ConfigError>([&] { (void)dataset.Scenes("vla"); }),
            "v1.0-trainval of " + folder_.path().string() +
                " has no split \"vla\"; it has all, train, val, train_detect, train_track, night. "
                "Did you mean val?");
  Put("v1.0-trainval/splits.json", R"({"all": []})");
  EXPECT_EQ(
      ComplaintOf<DataError>([this] { (void)Open("v1.0-trainval"); }),
      where + "/splits.json: all must have another name: \"all\" is every scene of the tables");
}

TEST_F(DatasetTest, AKeyframeWithoutASensorIsNamed) {
  made_["sensor"][0]["channel"] = "CAM_MIDDLE";
  const Dataset dataset = Open();
  EXPECT_EQ(
      ComplaintOf<DataError>([&] { (void)dataset.FrameOf(Row{0}); }),
      "v1.0-test/sample_data.json: sample " + SampleToken(0) +
          " of scene-0001 has no keyframe of CAM_FRONT. Unpack the metadata archive again, or "
          "leave the scene out of the split.");
  EXPECT_EQ(ComplaintOf<DataError>([&] { (void)dataset.FrameOf("xyz"); }),
            folder_.path().string() +
                "/v1.0-test: has no sample \"xyz\". Check the token and --version.");
}

// Halfway between two keyframes: centre and turn halfway, by hand.
TEST_F(DatasetTest, BoxesOfASweepLieBetweenTheKeyframes) {
  for (auto& row : made_["sample_data"])
    if (row["token"] == TestTables::Token("sample_data", 4))  // Between keyframes 1 and 2.
      row["timestamp"] = (TestTables::TimeOf(0, 1) + TestTables::TimeOf(0, 2)) / 2;
  const Dataset dataset = Open();
  const Tables& tables = dataset.tables();
  EXPECT_EQ(tables.rows().sample_data[4].sample, 2) << "the keyframe that follows";
  const auto boxes = BoxesAt(tables, 4);
  ASSERT_EQ(boxes.size(), 2);
  EXPECT_NEAR(boxes[1].box_G.X_AB.translation().x(), 620 + 3.5 * 1.5, 1e-5);
  EXPECT_NEAR(boxes[1].box_G.X_AB.translation().y(), 1601 + 0.25 * 1.5, 1e-6);
  const auto& R = boxes[1].box_G.X_AB.linear();
  EXPECT_NEAR(std::atan2(R(1, 0), R(0, 0)), 1 + 0.2 * 1.5, 1e-5);
  // At keyframes, and before the second one, the boxes are the keyframe's own.
  EXPECT_EQ(BoxesAt(tables, 3)[0].box_G.X_AB.translation().x(), 623.5);
  EXPECT_EQ(BoxesAt(tables, 0).size(), 3);
}

// The third instance is new in the second keyframe here: nothing to go between.
TEST_F(DatasetTest, AnInstanceThatThePreviousKeyframeLacksStaysWhereItIs) {
  made_["sample_annotation"][8]["sample_token"] = SampleToken(1);
  made_["sample_annotation"][9]["sample_token"] = SampleToken(2);
  const Dataset dataset = Open();
  const auto boxes = BoxesAt(dataset.tables(), 1);
  ASSERT_EQ(boxes.size(), 3);
  EXPECT_EQ(boxes[2].box_G.X_AB.translation().x(), 620);
  EXPECT_NE(boxes[1].box_G.X_AB.translation().x(), 623.5);
}

TEST(OfficialScenesTest, AreAsManyAsTheDevkitLists) {
  EXPECT_EQ(OfficialScenes("train").size(), 700);
  EXPECT_EQ(OfficialScenes("val").size(), 150);
  EXPECT_EQ(OfficialScenes("test").size(), 150);
  EXPECT_EQ(OfficialScenes("train_detect").size(), 350);
  EXPECT_EQ(OfficialScenes("train_track").size(), 350);
  EXPECT_THAT(OfficialScenes("mini_val"), ElementsAre("scene-0103", "scene-0916"));
  EXPECT_THAT(OfficialScenes("mini_train"),
              ElementsAre("scene-0061", "scene-0553", "scene-0655", "scene-0757", "scene-0796",
                          "scene-1077", "scene-1094", "scene-1100"));
  EXPECT_TRUE(OfficialScenes("vall").empty());
  std::set<std::string> all;
  for (const char* split : {"train_detect", "train_track", "val", "test"})
    for (const std::string& name : OfficialScenes(split)) EXPECT_TRUE(all.insert(name).second);
  EXPECT_EQ(all.size(), 1000) << "no scene is in two of them";
}

TEST(LidarTest, ReadsPointsAndRefusesWhatIsNone) {
  const TestFolder folder;
  const fs::path path = folder / "sweep.pcd.bin";
  const float values[10] = {1, 2, 3, 40, 0, -1.5f, 2.5f, 0.25f, 7, 31};
  const auto write = [&](size_t bytes) {
    WriteFileAtomically(path, std::as_bytes(std::span(values)).first(bytes));
  };
  write(40);
  const auto points = ReadLidar(path);
  ASSERT_EQ(points.size(), 2);
  EXPECT_EQ(points[1], (std::array<float, 5>{-1.5f, 2.5f, 0.25f, 7, 31}));
  const auto complaint = [&] {
    try {
      (void)ReadLidar(path);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  write(23);
  EXPECT_EQ(complaint(), path.string() +
                             ": must be points of 20 bytes (x, y, z, intensity, ring as "
                             "float32), but has 23 bytes, 3 too many. Copy or unpack it "
                             "again.");
  float damaged[10];
  std::memcpy(damaged, values, sizeof damaged);
  damaged[7] = std::numeric_limits<float>::quiet_NaN();
  WriteFileAtomically(path, std::as_bytes(std::span(damaged)));
  EXPECT_EQ(complaint(),
            path.string() + ": point 1: z must be finite, but is nan. Copy or unpack it again.");
  write(0);
  EXPECT_TRUE(ReadLidar(path).empty());
}

// The ten tables of v1.0-mini as shipped, with made-up rows in the three that are not: 404
// keyframes whose LIDAR_TOP and cameras fire at the sample's time, and one annotation list an
// instance.
class RealMiniTest : public ::testing::Test {
 protected:
  static constexpr const char* kTables = "../shared/realdata/nuscenes_mini_tables";

  void SetUp() override {
    if (!fs::exists(kTables)) GTEST_SKIP() << kTables << " is not there";
    fs::create_directories(folder_ / "v1.0-mini");
    for (const auto& entry : fs::directory_iterator(kTables))
      fs::copy_file(entry.path(), folder_ / "v1.0-mini" / entry.path().filename());
  }
  nlohmann::json Table(const std::string& name) const {
    return ReadJsonFile(fs::path(kTables) / (name + ".json"));
  }
  void Put(const std::string& name, const nlohmann::json& rows) const {
    std::ofstream(folder_ / "v1.0-mini" / (name + ".json")) << rows.dump(0);
  }
  void MakeFiles() const {
    const nlohmann::json samples = Table("sample"), mounts = Table("calibrated_sensor");
    std::map<std::string, std::vector<std::string>> mounts_by_sensor;
    for (const auto& mount : mounts)
      mounts_by_sensor[mount["sensor_token"]].push_back(mount["token"]);
    nlohmann::json poses = nlohmann::json::array(), files = nlohmann::json::array();
    for (const auto& sensor : Table("sensor")) {
      const bool camera = sensor["modality"] == "camera";
      if (sensor["modality"] == "radar") continue;
      for (const auto& sample : samples) {
        const std::string token =
            TestTables::Token(sensor["channel"], static_cast<int>(files.size()));
        poses.push_back({{"token", token},
                         {"timestamp", sample["timestamp"]},
                         {"rotation", {1, 0, 0, 0}},
                         {"translation", {100, 200, 0}}});
        files.push_back({{"token", token},
                         {"sample_token", sample["token"]},
                         {"ego_pose_token", token},
                         {"calibrated_sensor_token", mounts_by_sensor[sensor["token"]].front()},
                         {"timestamp", sample["timestamp"]},
                         {"fileformat", camera ? "jpg" : "pcd"},
                         {"is_key_frame", true},
                         {"height", camera ? 900 : 0},
                         {"width", camera ? 1600 : 0},
                         {"filename", "samples/" + token},
                         {"prev", ""},
                         {"next", ""}});
      }
    }
    Put("ego_pose", poses);
    Put("sample_data", files);
  }
  // Each instance from the first keyframe of a scene that is long enough.
  void MakeAnnotations() const {
    const nlohmann::json samples = Table("sample");
    std::map<std::string, std::vector<std::string>> by_scene;
    for (const auto& sample : samples) by_scene[sample["scene_token"]].push_back(sample["token"]);
    nlohmann::json rows = nlohmann::json::array();
    int serial = 0;
    for (const auto& instance : Table("instance")) {
      const size_t count = instance["nbr_annotations"];
      const auto scene = std::find_if(by_scene.begin(), by_scene.end(),
                                      [&](const auto& s) { return s.second.size() >= count; });
      ASSERT_NE(scene, by_scene.end());
      std::vector<std::string> tokens;
      for (size_t k = 0; k < count; ++k) tokens.push_back(TestTables::Token("made", serial++));
      tokens.front() = instance["first_annotation_token"];
      tokens.back() = instance["last_annotation_token"];
      for (size_t k = 0; k < count; ++k) {
        rows.push_back({{"token", tokens[k]},
                        {"sample_token", scene->second[k]},
                        {"instance_token", instance["token"]},
                        {"visibility_token", "4"},
                        {"attribute_tokens", nlohmann::json::array()},
                        {"translation", {1, 2, 3}},
                        {"size", {1, 2, 3}},
                        {"rotation", {1, 0, 0, 0}},
                        {"prev", k > 0 ? tokens[k - 1] : ""},
                        {"next", k + 1 < count ? tokens[k + 1] : ""},
                        {"num_lidar_pts", 1},
                        {"num_radar_pts", 0}});
      }
    }
    Put("sample_annotation", rows);
  }
  TestFolder folder_;
};

TEST_F(RealMiniTest, TheTenTablesAreReadAsTheyAre) {
  MakeFiles();
  MakeAnnotations();
  DatasetOptions options;
  options.dataroot = folder_.path();
  options.version = "v1.0-mini";
  options.cache = CacheUse::kNone;
  const Dataset dataset = Dataset::Open(options);
  const auto& rows = dataset.tables().rows();
  EXPECT_EQ(rows.scene.size(), 10);
  EXPECT_EQ(rows.sample.size(), 404);
  EXPECT_EQ(rows.instance.size(), 911);
  EXPECT_EQ(rows.sample_annotation.size(), 18'538);
  EXPECT_EQ(rows.calibrated_sensor.size(), 120);
  EXPECT_EQ(rows.category.size(), 23);
  EXPECT_EQ(dataset.tables().facts().dangling_map_logs, 75) << "maps name logs of trainval too";
  EXPECT_EQ(dataset.KeyFrames("mini_train").size(), 323);
  EXPECT_EQ(dataset.KeyFrames("mini_val").size(), 81);
  EXPECT_EQ(rows.scene[*dataset.tables().FindScene("scene-0061")].sample_count, 39);
  const Frame frame = dataset.FrameOf("ca9a282c9e77460f8360f564131a8af5");
  EXPECT_EQ(frame.scene, "scene-0061");
  EXPECT_EQ(frame.location, "singapore-onenorth");
  EXPECT_EQ(frame.now->timestamp_us, 1532402927647951);
}

}  // namespace
}  // namespace occvla::data::nuscenes
