#include "occvla/data/occ3d/annotations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/occ3d/layout.h"

namespace occvla::data::occ3d {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kA(32, 'a'), kB(32, 'b'), kCamera(32, 'c');

json Pose() { return {{"translation", {1, 2, 0}}, {"rotation", {1, 0, 0, 0}}}; }

json Frame(int timestamp, const std::string& token, const json& previous, const json& next) {
  return {{"timestamp", std::to_string(timestamp)},
          {"camera_sensor",
           {{kCamera,
             {{"img_path", "imgs/CAM_FRONT/x.jpg"},
              {"intrinsic", {{1266.4, 0, 816.3}, {0, 1266.4, 491.5}, {0, 0, 1}}},
              {"extrinsic", Pose()},
              {"ego_pose", Pose()}}}}},
          {"ego_pose", Pose()},
          {"gt_path", "gts/scene-0001/" + token + "/labels.npz"},
          {"prev", previous},
          {"next", next}};
}

json File() {
  return {{"train_split", {"scene-0001"}},
          {"val_split", json::array()},
          {"scene_infos",
           {{"scene-0001", {{kA, Frame(100, kA, "", kB)}, {kB, Frame(200, kB, kA, nullptr)}}}}}};
}

struct Result {
  AnnotationSplits splits;
  std::vector<AnnotatedFrame> frames;
  std::string complaints;
};

Result Read(const std::string& text) {
  Complaints complaints;
  Result result;
  result.splits = ReadAnnotations(
      text, "annotations.json",
      [&](const AnnotatedFrame& frame) { result.frames.push_back(frame); }, complaints);
  try {
    complaints.Throw("a", "end");
    result.complaints = "none";
  } catch (const DataError& error) {
    result.complaints = error.what();
  }
  return result;
}

TEST(AnnotationsTest, ReadsKeyframesAndSplits) {
  const Result result = Read(File().dump());
  ASSERT_EQ(result.complaints, "none");
  EXPECT_THAT(result.splits.train, ElementsAre("scene-0001"));
  EXPECT_THAT(result.splits.val, IsEmpty());
  ASSERT_EQ(result.frames.size(), 2u);
  const AnnotatedFrame& frame = result.frames[1];
  EXPECT_EQ(frame.scene, "scene-0001");
  EXPECT_EQ(frame.sample_token, kB);
  EXPECT_EQ(frame.timestamp_us, 200);
  EXPECT_EQ(frame.labels, "gts/scene-0001/" + kB + "/labels.npz");
  EXPECT_EQ(frame.previous, kA);
  EXPECT_EQ(frame.next, "");
  EXPECT_THAT(frame.ego_in_global.translation, ElementsAre(1, 2, 0));
  ASSERT_EQ(frame.cameras.size(), 1u);
  EXPECT_EQ(frame.cameras[0].image, "imgs/CAM_FRONT/x.jpg");
  EXPECT_THAT(frame.cameras[0].intrinsic, ElementsAre(1266.4, 0, 816.3, 0, 1266.4, 491.5, 0, 0, 1));
}

TEST(AnnotationsTest, TheTestSplitHasNoLabelsAndNoSplits) {
  json file = File();
  file.erase("train_split");
  file.erase("val_split");
  for (auto& frame : file["scene_infos"]["scene-0001"]) frame.erase("gt_path");
  const Result result = Read(file.dump());
  EXPECT_EQ(result.complaints, "none");
  ASSERT_EQ(result.frames.size(), 2u);
  EXPECT_EQ(result.frames[0].labels, "");
}

TEST(AnnotationsTest, GathersEveryComplaintOfARecord) {
  json file = File();
  json& frame = file["scene_infos"]["scene-0001"][kA];
  frame["timestamp"] = "soon";
  frame["gt_path"] = "../../etc/passwd";
  frame["ego_pose"]["rotation"] = {1, 1, 0, 0};
  frame["camera_sensor"][kCamera]["img_path"] = "/x.jpg";
  frame["camera_sensor"][kCamera]["intrinsic"] = {{1, 0, 0}, {0, 1}, {0, 0, 1}};
  frame["camera_sensor"][kCamera].erase("extrinsic");
  frame["camera_sensor"]["front"] = 5;
  frame["next"] = "later";
  const Result result = Read(file.dump());
  const std::string here = "  - annotations.json: scene \"scene-0001\", keyframe \"" + kA + "\"";
  const std::string camera = here + ", camera_sensor \"" + kCamera + "\"";
  EXPECT_EQ(result.complaints,
            "a: 9 problems:\n" + here +
                ": \"timestamp\" must be microseconds as an integer above "
                "0, but is \"soon\"\n" +
                camera +
                ": \"img_path\" must be a path below the file's folder, but is "
                "\"/x.jpg\"\n" +
                camera +
                ": \"intrinsic\" must be 3 rows of 3 numbers, but is "
                "[[1,0,0],[0,1],[0,0,1]]\n" +
                camera + ": lacks the field \"extrinsic\"; it has \"intrinsic\"\n" + here +
                ", camera_sensor \"front\": must be an object, but is 5\n" + here +
                ", camera_sensor \"front\": is not a token of 32 hex digits\n" + here +
                ", ego_pose: \"rotation\" must be a unit quaternion, but is [1,1,0,0]\n" + here +
                ": \"gt_path\" must be a path below the file's folder, but is "
                "\"../../etc/passwd\"\n" +
                here + ": \"next\" must be a token of 32 hex digits, but is \"later\"\nend");
  EXPECT_EQ(result.frames.size(), 1u);
}

TEST(AnnotationsTest, NeighboursNameEachOtherInTheOrderOfTime) {
  json file = File();
  json& frames = file["scene_infos"]["scene-0001"];
  frames[kA]["next"] = "";
  frames[kA]["prev"] = kB;
  frames[kB]["next"] = std::string(32, 'd');
  file["val_split"] = {"scene-0001", "scene-0002"};
  const std::string a = "  - annotations.json: scene \"scene-0001\", keyframe \"" + kA + "\": ";
  const std::string b = "  - annotations.json: scene \"scene-0001\", keyframe \"" + kB + "\": ";
  EXPECT_EQ(Read(file.dump()).complaints,
            "a: 6 problems:\n" + a + "\"prev\" is \"" + kB + "\", which is not earlier\n" + a +
                "\"prev\" is \"" + kB + "\", which does not name this keyframe as its \"next\"\n" +
                b + "\"next\" is \"" + std::string(32, 'd') + "\", which this scene lacks\n" + b +
                "\"prev\" is \"" + kA +
                "\", which does not name this keyframe as its \"next\"\n"
                "  - annotations.json: val_split names \"scene-0001\", which the splits already "
                "have\n"
                "  - annotations.json: val_split names \"scene-0002\", which scene_infos lacks\n"
                "end");
}

TEST(AnnotationsTest, SaysWhereACutFileEnds) {
  const std::string whole = File().dump();
  const std::string cut = whole.substr(0, whole.find("\"timestamp\""));
  EXPECT_EQ(Read(cut).complaints,
            "a: 1 problem:\n  - annotations.json: not usable as JSON at byte " +
                std::to_string(cut.size()) + ": the file ends within a value\nend");
}

TEST(LayoutTest, FindsScenesBesideTheTablesAndInTheArchive) {
  const TestFolder folder;
  EXPECT_EQ(FindScenes(folder.path()), "");
  std::filesystem::create_directories(folder / "Occpancy3D-nuScenes-V1.0/trainval/gts");
  EXPECT_EQ(FindScenes(folder.path()), folder / "Occpancy3D-nuScenes-V1.0/trainval/gts");
  std::filesystem::create_directories(folder / "gts");
  EXPECT_EQ(FindScenes(folder.path()), folder / "gts");
}

TEST(LayoutTest, ListsLabelsByScene) {
  const TestFolder folder;
  for (const auto& [scene, token] :
       {std::pair{"scene-0002", kA}, std::pair{"scene-0001", kB}, std::pair{"scene-0001", kA}})
    std::filesystem::create_directories(folder / scene / token);
  std::vector<std::string> listed;
  for (const LabelsFile& file : ListLabels(folder.path())) {
    listed.push_back(file.scene + "/" + file.sample_token);
    EXPECT_EQ(file.path, LabelsPath(folder.path(), file.scene, file.sample_token));
  }
  EXPECT_THAT(listed, ElementsAre("scene-0001/" + kA, "scene-0001/" + kB, "scene-0002/" + kA));
}

TEST(LayoutTest, ListsWhatDoesNotBelongThere) {
  const TestFolder folder;
  std::filesystem::create_directories(folder / "scene-0001/labels");
  std::ofstream(folder / "notes.txt") << "x";
  try {
    (void)ListLabels(folder.path());
    FAIL() << "foreign files were accepted";
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(), "Occ3D labels: 2 problems:\n  - " + folder.path().string() +
                                ": holds \"notes.txt\", expected a folder for each scene\n  - " +
                                (folder / "scene-0001").string() +
                                ": holds the folder \"labels\", expected a token of 32 hex "
                                "digits\nUnpack the archive again.");
  }
}

}  // namespace
}  // namespace occvla::data::occ3d
