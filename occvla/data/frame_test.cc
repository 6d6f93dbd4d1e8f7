#include "occvla/data/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

namespace fs = std::filesystem;

class FrameTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "frameXXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  void WriteImages(const std::string& before = "", const std::string& after = ".png") {
    const std::string png = EncodePng({.width_px = 2, .height_px = 1, .rgb = {1, 2, 3, 4, 5, 6}});
    for (const std::string_view camera : kCameraNames) {
      Write(before + std::string(camera) + after, png);
    }
  }
  // What reading the folder or its ego.json complains about, the folder's own path as FOLDER.
  template <typename Function>
  std::string ComplaintOf(Function&& function) {
    try {
      function();
    } catch (const Error& error) {
      std::string text = error.what();
      for (size_t at; (at = text.find(folder_.string())) != std::string::npos;) {
        text.replace(at, folder_.string().size(), "FOLDER");
      }
      return text;
    }
    return "read";
  }
  std::string FolderComplaint() {
    return ComplaintOf([&] { FrameFromFolder(folder_); });
  }

  fs::path folder_;
};

constexpr const char* kCamera =
    R"({"intrinsic": [[1266, 0, 816], [0, 1266, 491], [0, 0, 1]], "width": 1600, "height": 900,
        "camera_in_ego": {"rotation": [0.5, -0.5, 0.5, -0.5], "translation": [1.7, 0, 1.5]}})";

std::string Calibration(const std::string& from = "", const std::string& to = "") {
  std::string camera = kCamera;
  if (!from.empty()) camera.replace(camera.find(from), from.size(), to);
  return R"({"CAM_FRONT": )" + camera + "}";
}

TEST_F(FrameTest, FolderWithPlainNamesIsAFrameNamedAfterIt) {
  WriteImages();
  Write("notes.txt", "CAM_FRONT");
  const Frame frame = FrameFromFolder(folder_ / "");
  EXPECT_EQ(frame.token, folder_.filename());
  EXPECT_EQ(frame.images[4].path.filename(), "CAM_BACK_LEFT.png");
  EXPECT_FALSE(frame.images[0].camera.has_value());
}

TEST_F(FrameTest, CamerasAreToldApartInNuScenesNames) {
  WriteImages("n015-2018__", "__153.JPG");
  const Frame frame = FrameFromFolder(folder_);
  EXPECT_EQ(frame.images[0].path.filename(), "n015-2018__CAM_FRONT__153.JPG");
  EXPECT_EQ(frame.images[2].path.filename(), "n015-2018__CAM_FRONT_LEFT__153.JPG");
}

// The rotation (0.5, -0.5, 0.5, -0.5) turns the camera's z to x ahead and its x to -y.
TEST_F(FrameTest, CalibrationPlacesTheCamera) {
  WriteImages();
  Write("calibration.json", Calibration());
  const Frame frame = FrameFromFolder(folder_);
  ASSERT_TRUE(frame.images[0].camera.has_value());
  const auto p_I = geom::Project(*frame.images[0].camera, {11.7, 1, 0});
  ASSERT_TRUE(p_I.has_value());
  EXPECT_NEAR(p_I->x(), 816 - 126.6, 1e-9);
  EXPECT_NEAR(p_I->y(), 491 + 1.5 * 126.6, 1e-9);
  EXPECT_FALSE(frame.images[1].camera.has_value());
}

TEST_F(FrameTest, MissingAndDoubledCamerasAreAllListed) {
  WriteImages();
  fs::remove(folder_ / "CAM_BACK.png");
  Write("a__CAM_FRONT__b.jpg", "");
  fs::remove(folder_ / "CAM_BACK_RIGHT.png");
  EXPECT_EQ(FolderComplaint(),
            "FOLDER: is not one key frame:\n"
            "  - CAM_FRONT: 2 images, expected one: CAM_FRONT.png, a__CAM_FRONT__b.jpg\n"
            "  - CAM_BACK: no image; expected CAM_BACK.jpg, CAM_BACK.png or a name with "
            "__CAM_BACK__\n"
            "  - CAM_BACK_RIGHT: no image; expected CAM_BACK_RIGHT.jpg, CAM_BACK_RIGHT.png or a "
            "name with __CAM_BACK_RIGHT__");
}

TEST_F(FrameTest, AbsentFolderIsNamed) {
  EXPECT_EQ(ComplaintOf([&] { FrameFromFolder(folder_ / "no"); }),
            "FOLDER/no: is not a folder that can be read (No such file or directory). Name the "
            "folder that holds the key frame's six images.");
}

TEST_F(FrameTest, DamagedCalibrationIsRefusedWithThePlace) {
  WriteImages();
  const std::string file = "FOLDER/calibration.json: ";
  const struct {
    std::string text, complaint;
  } cases[] = {
      {Calibration("0.5, -0.5, 0.5, -0.5", "0.5, 0.5, 0.5, 0.9"),
       "CAM_FRONT.camera_in_ego.rotation must be a unit quaternion (w, x, y, z), but its norm is "
       "1.2490"},
      {Calibration("[0, 0, 1]", "[0, 0, 2]"),
       "CAM_FRONT.intrinsic must be [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0, "
       "but is [[1266,0,816],[0,1266,491],[0,0,2]]"},
      {Calibration("1.7, 0, 1.5", "411, 1180, 0"),
       "CAM_FRONT.camera_in_ego puts the camera 1250 m from the car; the pose must be in the ego "
       "frame"},
  };
  for (const auto& [text, complaint] : cases) {
    Write("calibration.json", text);
    EXPECT_THAT(FolderComplaint(), ::testing::StartsWith(file + complaint));
  }
}

TEST_F(FrameTest, InfoOfOtherImagesIsRefused) {
  WriteImages();
  nlohmann::json images;
  for (const std::string_view camera : kCameraNames) {
    images[std::string(camera)] = {
        {"img_path", camera == "CAM_BACK" ? "old/other.png" : std::string(camera) + ".png"},
        {"cam2img", {{9, 0, 1}, {0, 9, 1}, {0, 0, 1}}},
        {"cam2ego", {{1, 0, 0, 1}, {0, 1, 0, 0}, {0, 0, 1, 1}, {0, 0, 0, 1}}}};
  }
  nlohmann::json info{{"data_list", {{{"token", "abc"}, {"images", images}}}}};
  Write("info.json", info.dump());
  EXPECT_EQ(FolderComplaint(),
            "FOLDER/info.json: does not fit the images:\n"
            "  - CAM_BACK: made for other.png, but the folder holds CAM_BACK.png");
  info["data_list"][0]["images"]["CAM_BACK"]["img_path"] = "CAM_BACK.png";
  Write("info.json", info.dump());
  const Frame frame = FrameFromFolder(folder_);
  EXPECT_EQ(frame.token, "abc");
  EXPECT_EQ(frame.images[3].camera->width_px, 2);
  info["data_list"][0]["images"]["CAM_BACK"]["cam2ego"][0][0] = 2;
  Write("info.json", info.dump());
  EXPECT_THAT(
      FolderComplaint(),
      ::testing::StartsWith("FOLDER/info.json: data_list[0].images.CAM_BACK.cam2ego must be "
                            "a rigid transform (rotation, translation, last row 0 0 0 1), "
                            "but its rotation is off by 3.0000"));
}

TEST_F(FrameTest, SixFilesAreAFrameAndOtherNumbersAreNot) {
  WriteImages();
  std::vector<fs::path> paths;
  for (const std::string_view camera : kCameraNames) {
    paths.push_back(folder_ / (std::string(camera) + ".png"));
  }
  EXPECT_EQ(FrameFromImages(paths).token, "CAM_FRONT");
  paths[5] = folder_ / "no.png";
  EXPECT_EQ(ComplaintOf([&] { FrameFromImages(paths); }),
            "the six images:\n  - CAM_BACK_RIGHT: there is no file FOLDER/no.png");
  paths.pop_back();
  EXPECT_EQ(ComplaintOf([&] { FrameFromImages(paths); }),
            "expected six image files in the order CAM_FRONT, CAM_FRONT_RIGHT, CAM_FRONT_LEFT, "
            "CAM_BACK, CAM_BACK_LEFT, CAM_BACK_RIGHT, but got 5.");
}

TEST_F(FrameTest, EgoStateIsRead) {
  Write("ego.json", R"({"velocity": [5, -0.5], "past_positions": [[-2.5, 0], [-5, 0.1]],
                        "past_meta_actions": ["Decelerate, Turn Left"]})");
  const EgoState ego = ReadEgoState(folder_ / "ego.json");
  EXPECT_EQ(ego.velocity_E, (std::array<double, 2>{5, -0.5}));
  EXPECT_EQ(ego.past_positions_E.at(1), (std::array<double, 2>{-5, 0.1}));
  EXPECT_EQ(ego.past_meta_actions.at(0), (MetaAction{Velocity::kDecelerate, Direction::kTurnLeft}));
}

TEST_F(FrameTest, DamagedEgoStateIsRefusedWithThePlace) {
  const struct {
    std::string text, complaint;
  } cases[] = {
      {R"({"speed": 5})", "the document has the unknown field \"speed\""},
      {R"({"velocity": [5]})", "velocity must be"},
      {R"({"velocity": ["5", 0]})", "velocity[0] must be a number"},
      {R"({"past_positions": [[1, 2], [1, 2], [1, 2], [1, 2], [1, 2]]})",
       "past_positions must be a list of at most 4 positions, newest first"},
      {R"({"past_positions": {"a": 1}})",
       "past_positions must be a list of at most 4 positions, newest first"},
      {R"({"past_meta_actions": ["Fly, Up"]})",
       "past_meta_actions[0] must be \"<velocity>, <direction>\" such as \"Maintain speed, Go "
       "Straight\", but is \"Fly, Up\""},
  };
  for (const auto& [text, complaint] : cases) {
    Write("ego.json", text);
    EXPECT_THAT(ComplaintOf([&] { ReadEgoState(folder_ / "ego.json"); }),
                ::testing::StartsWith("FOLDER/ego.json: " + complaint))
        << text;
  }
}

fs::path RealFolder() {
  const char* set = std::getenv("OCCVLA_REALDATA");
  return fs::path(set != nullptr ? set : "../shared/realdata") / "mmdetection3d_demo";
}

// mmdetection3d's own projections of box centres: 84 of them, from float32 matrices.
TEST(RealFrameTest, ProjectsEveryBoxWhereMmdetectionDoes) {
  if (!fs::exists(RealFolder())) GTEST_SKIP() << "no real data at " << RealFolder();
  const Frame frame = FrameFromFolder(RealFolder());
  EXPECT_EQ(frame.token, "ca9a282c9e77460f8360f564131a8af5");
  const nlohmann::json info = ReadJsonFile(RealFolder() / "info.json");
  int compared = 0;
  for (size_t index = 0; index < kCameraNames.size(); ++index) {
    const geom::PinholeCamera& camera = frame.images[index].camera.value();
    EXPECT_EQ(camera.width_px, 1600);
    const auto& boxes = info["data_list"][0]["cam_instances"][std::string(kCameraNames[index])];
    for (const nlohmann::json& box : boxes) {
      const Eigen::Vector3d p_CQ(box["bbox_3d"][0], box["bbox_3d"][1], box["bbox_3d"][2]);
      const auto p_I = geom::Project(camera, camera.X_EC * p_CQ);
      ASSERT_TRUE(p_I.has_value());
      EXPECT_NEAR(p_I->x(), box["center_2d"][0].get<double>(), 2e-3);
      EXPECT_NEAR(p_I->y(), box["center_2d"][1].get<double>(), 2e-3);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 84);
}

TEST(RealFrameTest, ItsImagesBecomePixels) {
  if (!fs::exists(RealFolder())) GTEST_SKIP() << "no real data at " << RealFolder();
  const std::vector<float> pixels = LoadPixels(FrameFromFolder(RealFolder()), 224);
  ASSERT_EQ(pixels.size(), 6u * 3 * 224 * 224);
  const auto [least, most] = std::minmax_element(pixels.begin(), pixels.end());
  // Dark shadows and white sky, never outside the range.
  EXPECT_GE(*least, -1);
  EXPECT_LT(*least, -0.9);
  EXPECT_LE(*most, 1);
  EXPECT_GT(*most, 0.9);
}

}  // namespace
}  // namespace occvla::data
