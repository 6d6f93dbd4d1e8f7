#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/base/files.h"
#include "occvla/cli/run.h"
#include "occvla/data/image/image.h"
#include "occvla/data/prediction.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome Occvla(const std::vector<std::string>& args) {
  std::ostringstream out, err;
  const int code = RunProgram(args, out, err);
  return {code, out.str(), err.str()};
}

// One tiny model and one set of grey images for all tests of this file.
class PredictTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string name = (fs::path(::testing::TempDir()) / "occvla_predict_XXXXXX").string();
    folder_ = mkdtemp(name.data());
    ASSERT_EQ(Occvla({"init", "--preset", "tiny", "--seed", "3", "--out", Path("tiny")}).code, 0);
    fs::create_directory(folder_ / "frame");
    for (size_t i = 0; i < data::kCameraNames.size(); ++i) {
      data::Image image{16, 9, std::vector<uint8_t>(16 * 9 * 3, static_cast<uint8_t>(30 * i))};
      data::WritePng(folder_ / "frame" / (std::string(data::kCameraNames[i]) + ".png"), image);
    }
    WriteFileAtomically(folder_ / "frame" / "ego.json",
                        std::string_view(R"({"velocity": [5, 0], "past_positions": [[-2.5, 0],
        [-5, 0], [-7.5, 0], [-10, 0]], "past_meta_actions": ["Accelerate, Turn Left"]})"));
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::string Path(const std::string& name) { return (folder_ / name).string(); }
  static std::vector<std::string> Predict(std::vector<std::string> more) {
    std::vector<std::string> args{"predict", "--checkpoint", Path("tiny"), "--max-new-tokens",
                                  "4",       "--threads",    "1"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  static fs::path folder_;
};
fs::path PredictTest::folder_;

TEST_F(PredictTest, KeyframeFolderGivesTextTrajectoryOccupancyAndPicture) {
  const auto run = Occvla(Predict({"--frame", Path("frame"), "--occupancy", Path("occ.npz"),
                                   "--picture", Path("view.png"), "--out", Path("out.json")}));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, "");
  const auto text = ReadTextFile(Path("out.json"));
  const auto prediction = data::PredictionFromJson(text, "out.json");
  EXPECT_EQ(prediction.token, "frame");
  EXPECT_TRUE(prediction.trajectory_E.has_value());
  EXPECT_EQ(prediction.meta_action,
            (data::MetaAction{data::Velocity::kAccelerate, data::Direction::kTurnLeft}));
  EXPECT_THAT(prediction.flags, ::testing::Contains("meta_action_fallback_past"));
  EXPECT_EQ(nlohmann::json::parse(text)["occupancy_file"], Path("occ.npz"));
  EXPECT_EQ(data::ReadOccupancy(Path("occ.npz")).labels.size(), 200u * 200 * 16);
  EXPECT_EQ(data::ReadImage(Path("view.png")).width_px, 1600);
}

TEST_F(PredictTest, SixFilesGiveWhatTheirFolderGives) {
  std::string files;
  for (const auto name : data::kCameraNames) {
    files += (files.empty() ? "" : ",") + Path("frame/" + std::string(name) + ".png");
  }
  const auto six = Occvla(Predict({"--images", files, "--ego", Path("frame/ego.json")}));
  const auto folder = Occvla(Predict({"--frame", Path("frame")}));
  ASSERT_EQ(six.code, 0) << six.err;
  const auto a = nlohmann::json::parse(six.out), b = nlohmann::json::parse(folder.out);
  EXPECT_EQ(a["trajectory"], b["trajectory"]);
  EXPECT_EQ(a["token_ids"], b["token_ids"]);
}

TEST_F(PredictTest, ConfigFileSetAndFlagSayTheSameThings) {
  WriteFileAtomically(folder_ / "run.toml",
                      std::string_view("[answer]\ntemperature = 2.0\nseed = 5\n"));
  const auto file = Occvla(Predict({"--frame", Path("frame"), "--config", Path("run.toml")}));
  const auto set = Occvla(Predict(
      {"--frame", Path("frame"), "--set", "answer.temperature=2.0", "--set", "answer.seed=5"}));
  const auto flag =
      Occvla(Predict({"--frame", Path("frame"), "--temperature", "2.0", "--seed", "5"}));
  const auto other =
      Occvla(Predict({"--frame", Path("frame"), "--temperature", "2.0", "--seed", "6"}));
  ASSERT_EQ(file.code, 0) << file.err;
  const auto ids = [](const Outcome& run) { return nlohmann::json::parse(run.out)["token_ids"]; };
  EXPECT_EQ(ids(file), ids(set));
  EXPECT_EQ(ids(set), ids(flag));
  EXPECT_NE(ids(flag), ids(other));
}

TEST_F(PredictTest, TheConfigThatComesAlongHoldsTheDefaults) {
  const auto with = Occvla(Predict({"--frame", Path("frame"), "--config", "configs/predict.toml"}));
  // --max-new-tokens is a field too: a flag beside the file changes it.
  ASSERT_EQ(with.code, 0) << with.err;
  EXPECT_EQ(nlohmann::json::parse(with.out)["token_ids"].size(), 4u);
}

TEST_F(PredictTest, LegalMetaActionIsNeverMissing) {
  const auto run = Occvla({"predict", "--checkpoint", Path("tiny"), "--frame", Path("frame"),
                           "--max-new-tokens", "40", "--threads", "1", "--legal-meta-action"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_THAT(json["text"].get<std::string>(), HasSubstr("Meta action: "));
  EXPECT_THAT(json["flags"].dump(), ::testing::Not(HasSubstr("fallback")));
}

TEST_F(PredictTest, SaysWhatIsWrongWithTheCommandLine) {
  EXPECT_THAT(Occvla(Predict({})).err, HasSubstr("give either --images with six files"));
  const auto top_p = Occvla(Predict({"--frame", Path("frame"), "--top-p", "0"}));
  EXPECT_EQ(top_p.code, 2);
  EXPECT_THAT(top_p.err, HasSubstr("answer.top_p must be above 0 and at most 1"));
  const auto field = Occvla(Predict({"--frame", Path("frame"), "--set", "answer.temprature=1"}));
  EXPECT_EQ(field.code, 2);
  EXPECT_THAT(field.err, HasSubstr("answer.temperature"));
  const auto no_model = Occvla({"predict", "--frame", Path("frame")});
  EXPECT_EQ(no_model.code, 2);
  EXPECT_THAT(no_model.err, HasSubstr("model.checkpoint is not set; give --checkpoint DIR"));
}

TEST_F(PredictTest, MissingModelAndDamagedImageHaveTheirExitCodes) {
  const auto no_model = Occvla({"predict", "--checkpoint", Path("none"), "--frame", Path("frame")});
  EXPECT_EQ(no_model.code, 4) << no_model.err;
  fs::copy(folder_ / "frame", folder_ / "broken");
  WriteFileAtomically(folder_ / "broken" / "CAM_BACK.png", std::string_view("no image"));
  const auto broken = Occvla(Predict({"--frame", Path("broken"), "--out", Path("never.json")}));
  EXPECT_EQ(broken.code, 3);
  EXPECT_THAT(broken.err, HasSubstr("CAM_BACK"));
  EXPECT_FALSE(fs::exists(Path("never.json")));
}

TEST_F(PredictTest, DemoShowsTheTrainedModelBesideTheTruth) {
  const auto run = Occvla({"demo", "--out", Path("demo")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("(true: "));
  EXPECT_THAT(run.out, HasSubstr("L2 over 3 s (averaged up to)"));
  EXPECT_TRUE(fs::exists(Path("demo/picture.png")));
  EXPECT_TRUE(fs::exists(Path("demo/occupancy.npz")));
  EXPECT_TRUE(fs::exists(Path("demo/eval/planning.json")));
}

}  // namespace
}  // namespace occvla::cli
