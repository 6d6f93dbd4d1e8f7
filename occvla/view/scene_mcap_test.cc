#include "occvla/view/scene_mcap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/view/test_cards.h"

namespace occvla::view {
namespace {

using ::testing::HasSubstr;

data::Frame PlacedFrame() {
  data::Frame frame = TestCardFrame();
  frame.now = data::EgoMoment{.timestamp_us = 1'700'000'000'000'000};
  return frame;
}

TEST(SceneMcapTest, AFrameIsWrittenWithWhatItHas) {
  const TestFolder folder;
  SceneMcap mcap(folder / "a.mcap");
  data::Prediction prediction;
  prediction.trajectory_E = {{{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}}};
  prediction.text = "Scene: a road.";
  mcap.Add(PlacedFrame(), &prediction);
  // Transforms, boxes, plan, text, six images and calibrations.
  EXPECT_EQ(mcap.messages(), 1u + 1 + 1 + 1 + 12);
  mcap.Finish();
  EXPECT_GT(std::filesystem::file_size(folder / "a.mcap"), 1000u);
}

TEST(SceneMcapTest, EverythingThatIsWrongWithAFrameIsSaidAtOnce) {
  const TestFolder folder;
  WriteFileAtomically(folder / "front.jpg", std::string_view("GIF89a"));
  data::Frame frame = PlacedFrame();
  frame.images[0] = {.path = folder / "front.jpg", .bytes = "", .camera = {}};
  frame.images[3] = {.path = folder / "absent.jpg", .bytes = "", .camera = {}};
  frame.occupancy = folder / "labels.npz";
  SceneMcap mcap(folder / "a.mcap");
  try {
    mcap.Add(frame, nullptr);
    FAIL() << "damaged files were accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("key frame test-cards: 3 problems:"));
    EXPECT_THAT(error.what(), HasSubstr("front.jpg: is neither a JPEG nor a PNG."));
    EXPECT_THAT(error.what(), HasSubstr("absent.jpg"));
    EXPECT_THAT(error.what(), HasSubstr("labels.npz"));
  }
}

TEST(SceneMcapTest, AFrameWithoutAPoseHasNoPlaceOnTheTimeLine) {
  const TestFolder folder;
  SceneMcap mcap(folder / "a.mcap");
  try {
    mcap.Add(TestCardFrame(), nullptr);
    FAIL() << "a frame without a time was accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "key frame test-cards: has no ego pose with a time, on which an MCAP file stands. "
                 "Choose a data set with poses, or export pictures.");
  }
}

}  // namespace
}  // namespace occvla::view
