#include "occvla/serve/predict_request.h"

#include <gmock/gmock.h>

#include "occvla/serve/refusal.h"
#include "occvla/serve/test_service.h"

namespace occvla::serve {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class PredictRequestTest : public ::testing::Test {
 protected:
  PredictRequest Read(const Json& body) {
    return ReadPredictRequest(body, model_, limits_, frames_);
  }
  std::string Problem(const Json& body) {
    try {
      Read(body);
    } catch (...) {
      const auto refusal = RefusalOf(std::current_exception()).refusal;
      return refusal.param() + ": " + refusal.what();
    }
    return "accepted";
  }

  model::ModelConfig model_ = SmallModel();
  AskLimits limits_;
  FrameInput frames_{SmallModel(), TestService::Frames(), 1000};
};

TEST_F(PredictRequestTest, TheDriveComesFirstAndQuestionsDriveNothing) {
  const auto predict = Read({{"frame", "f1"},
                             {"questions", {"a", "b"}},
                             {"occupancy", "npz"},
                             {"legal_meta_action", true},
                             {"max_tokens", 9}});
  ASSERT_EQ(predict.requests.size(), 3u);
  const auto& [drive, question] = std::tie(predict.requests[0], predict.requests[2]);
  EXPECT_TRUE(drive.trajectory && drive.occupancy && drive.text && drive.constrain_meta_action);
  EXPECT_EQ(drive.prompt, "");
  EXPECT_FALSE(question.trajectory || question.occupancy || question.constrain_meta_action);
  EXPECT_EQ(question.prompt, "b");
  EXPECT_EQ(question.max_new_tokens, 9);
  EXPECT_EQ(question.frame_key, drive.frame_key);
}

TEST_F(PredictRequestTest, OccupancyAloneAsksForNoText) {
  const auto predict = Read({{"frame", "f1"}, {"drive", false}, {"occupancy", "rle"}});
  ASSERT_EQ(predict.requests.size(), 1u);
  EXPECT_TRUE(predict.requests[0].occupancy);
  EXPECT_FALSE(predict.requests[0].text || predict.requests[0].trajectory);
}

TEST_F(PredictRequestTest, ImagesComeWithEgoStateAndNames) {
  Json images;
  for (size_t i = 0; i < 6; ++i)
    images[std::string(data::kCameraNames[i])] = EncodeBase64(MadePng(static_cast<int>(i)));
  const auto predict =
      Read({{"images", images}, {"ego", {{"velocity", {3, 0}}, {"past_positions", {{-1, 0}}}}}});
  const auto& frame = predict.requests[0].frame;
  EXPECT_EQ(frame.ego.velocity_E->at(0), 3);
  EXPECT_EQ(frame.ego.past_positions_E.size(), 1u);
  const auto png = MadePng(1);  // CAM_FRONT_RIGHT's.
  EXPECT_EQ(frame.images[1].bytes,
            data::EncodePng(
                data::Resize(data::DecodeImage(std::as_bytes(std::span(png)), "test"), 8, 8)));
}

TEST_F(PredictRequestTest, WhatIsWrongIsToldWithItsField) {
  const auto image = EncodeBase64(MadePng(1));
  const std::pair<Json, std::string> cases[] = {
      {Json::object(),
       ": the document must have either \"frame\" (a token) or \"images\" (of the cameras by "
       "name)"},
      {{{"frame", "f1"}, {"images", {{"CAM_FRONT", image}}}},
       ": the document must have either \"frame\" (a token) or \"images\" (of the cameras by "
       "name)"},
      {{{"frame", "f1"}, {"calibration", Json::object()}},
       "calibration: calibration belongs to \"images\"; the frame has its own"},
      {{{"frame", "f1"}, {"occupancy", "png"}}, "occupancy: occupancy must be \"npz\" or \"rle\""},
      {{{"frame", "f1"}, {"drive", false}},
       ": the document asks for nothing: \"drive\" is false, without \"questions\" or "
       "\"occupancy\""},
      {{{"frame", "f1"}, {"questions", {""}}},
       "questions[0]: questions[0] must be a question, but is empty"},
      {{{"frame", "f1"}, {"questions", "a"}},
       "questions: questions must be an array of at most 16 questions"},
      {{{"images", {{"CAM_FRONT", "***"}}}},
       "images.CAM_FRONT: images.CAM_FRONT must be base64 of a JPEG or PNG, or a data: URL of one"},
      {{{"images", {{"CAM_TOP", image}}}},
       "images.CAM_TOP: images.CAM_TOP names the camera \"CAM_TOP\", but there are CAM_FRONT, "
       "CAM_FRONT_RIGHT, CAM_FRONT_LEFT, CAM_BACK, CAM_BACK_LEFT, CAM_BACK_RIGHT"},
      {{{"images", Json::object()}}, "images: images must hold one image or six, but holds 0"},
  };
  for (const auto& [body, problem] : cases) EXPECT_EQ(Problem(body), problem);
  model_.has_occupancy = false;
  EXPECT_EQ(Problem({{"frame", "f1"}, {"occupancy", "npz"}}),
            "occupancy: occupancy is asked for, but this model has no occupancy branch");
}

}  // namespace
}  // namespace occvla::serve
