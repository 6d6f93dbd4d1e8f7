#include "occvla/data/text/drivelm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/data/frame.h"

namespace occvla::data {
namespace {

using ::testing::ElementsAre;

const std::string kScene(32, '5'), kA(32, 'a');

std::string Images(const std::string& front = "../nuscenes/samples/CAM_FRONT/a.jpg") {
  std::string text = R"("image_paths":{"CAM_FRONT":")" + front + "\"";
  for (size_t camera = 1; camera < 6; ++camera) {
    const std::string name(kCameraNames[camera]);
    text += ",\"" + name + R"(":"../nuscenes/samples/)" + name + R"(/a.jpg")";
  }
  return text + "}";
}

std::string File(const std::string& frame) {
  return "{\"" + kScene + R"(":{"key_frames":{")" + kA + "\":{" + frame +
         R"(}},"scene_description":"A wet road."}})";
}

std::vector<DrivelmFrame> Read(const std::string& text, Complaints& complaints) {
  std::vector<DrivelmFrame> frames;
  ReadDrivelm(
      text, "d.json", [&](const DrivelmFrame& frame) { frames.push_back(frame); }, complaints);
  return frames;
}

std::string Words(const Complaints& complaints) {
  try {
    complaints.Throw("d", "end");
  } catch (const DataError& error) {
    return error.what();
  }
  return "none";
}

TEST(DrivelmTest, ReadsAKeyframe) {
  Complaints complaints;
  const auto frames = Read(
      File(R"("key_object_infos":{"<c1,CAM_BACK,1088.3,497.5>":{"Category":"Vehicle","Status":null,
              "Visual_description":"Black car.","2d_bbox":[966.6,403.3,1224.1,591.7]}},
              "QA":{"perception":[{"Q":"Q1","A":"A1","C":null,"con_up":null,"con_down":null,
                                   "cluster":null,"layer":null}],
                    "prediction":[{"Q":"Q2","A":"","tag":[0,2]}],"planning":[],
                    "behavior":[{"Q":"Q3","A":"A3","tag":1}]},)" +
           Images()),
      complaints);
  ASSERT_EQ(Words(complaints), "none");
  ASSERT_EQ(frames.size(), 1u);
  const DrivelmFrame& frame = frames[0];
  EXPECT_EQ(frame.scene_token, kScene);
  EXPECT_EQ(frame.sample_token, kA);
  EXPECT_EQ(frame.scene_description, "A wet road.");
  ASSERT_EQ(frame.objects.size(), 1u);
  EXPECT_EQ(frame.objects[0].reference.id, "c1");
  EXPECT_EQ(kCameraNames[frame.objects[0].reference.camera], "CAM_BACK");
  EXPECT_EQ(frame.objects[0].reference.u_I, 1088.3);
  EXPECT_EQ(frame.objects[0].status, "");
  EXPECT_THAT(frame.objects[0].box_I, ElementsAre(966.6, 403.3, 1224.1, 591.7));
  ASSERT_EQ(frame.questions.size(), 3u);
  EXPECT_EQ(Name(frame.questions[2].group), "behavior");
  EXPECT_THAT(frame.questions[1].tags, ElementsAre(0, 2));
  EXPECT_EQ(frame.images[0], "samples/CAM_FRONT/a.jpg");
}

TEST(DrivelmTest, GathersEveryComplaint) {
  Complaints complaints;
  const auto frames =
      Read(File(R"("key_object_infos":{"<c1,CAM_TOP,1,2>":{"Category":"Vehicle","Status":4,
                  "Visual_description":null,"2d_bbox":[1,2,3]}},
                  "QA":{"perception":[{"Q":"","A":3,"tag":[7]}],"prediction":{},"planning":[]},)" +
                Images("samples/CAM_FRONT/../../../passwd")),
           complaints);
  EXPECT_TRUE(frames.empty());
  const std::string here = "  - d.json: scene \"" + kScene + "\", keyframe \"" + kA + "\", ";
  EXPECT_EQ(Words(complaints),
            "d: 9 problems:\n" + here +
                "key_object_infos[\"<c1,CAM_TOP,1,2>\"]: is not named like "
                "\"<c1,CAM_FRONT,800.0,450.0>\"\n" +
                here +
                "key_object_infos[\"<c1,CAM_TOP,1,2>\"]: \"Status\" must be a string, but is 4\n" +
                here +
                "key_object_infos[\"<c1,CAM_TOP,1,2>\"]: \"2d_bbox\" must be 4 numbers, but is "
                "[1,2,3]\n" +
                here + "QA.perception[0]: \"Q\" is empty\n" + here +
                "QA.perception[0]: \"A\" must be a string, but is 3\n" + here +
                "QA.perception[0]: \"tag\" must be integers from 0 to 3, but is [7]\n" + here +
                "QA: \"prediction\" must be an array, but is an object of 0\n" + here +
                "QA: lacks the field \"behavior\"\n" + here +
                "image_paths: \"CAM_FRONT\" must end in samples/CAM_FRONT/<file>, but is "
                "\"samples/CAM_FRONT/../../../passwd\"\nend");
}

TEST(DrivelmTest, NamesScenesAndKeyframesThatAreWrong) {
  Complaints complaints;
  const auto frames = Read(R"({"x":{"key_frames":{"y":[]}}})", complaints);
  EXPECT_TRUE(frames.empty());
  EXPECT_EQ(Words(complaints),
            "d: 4 problems:\n"
            "  - d.json: scene \"x\": is not a token of 32 hex digits\n"
            "  - d.json: scene \"x\", keyframe \"y\": is not a token of 32 hex digits\n"
            "  - d.json: scene \"x\", keyframe \"y\": must be an object, but is []\n"
            "  - d.json: scene \"x\": lacks the field \"scene_description\"\nend");
}

TEST(DrivelmTest, RefusesReferencesOfAnotherForm) {
  for (const char* text :
       {"", "<>", "c1,CAM_BACK,1.0,2.0", "<c1,CAM_BACK,1.0>", "<c1,CAM_BACK,1.0,2.0,3.0>",
        "<c1,CAM_BACK,nan,2.0>", "<x1,CAM_BACK,1.0,2.0>", "<c1,CAM_BACK,1.0,2.0x>"})
    EXPECT_FALSE(ParseDrivelmReference(text)) << text;
}

TEST(DrivelmTest, ReadsTheRealSample) {
  const std::filesystem::path path = "../shared/realdata/drivelm/train_sample.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
  size_t frames = 0, questions = 0, objects = 0, images = 0;
  ReadDrivelm(path, [&](const DrivelmFrame& frame) {
    ++frames;
    questions += frame.questions.size();
    objects += frame.objects.size();
    for (const auto& image : frame.images)
      images += std::filesystem::exists("../shared/realdata/drivelm" / image);
  });
  EXPECT_EQ(frames, 9u);
  EXPECT_EQ(questions, 790u);
  EXPECT_EQ(objects, 35u);
  EXPECT_EQ(images, 54u);
}

}  // namespace
}  // namespace occvla::data
