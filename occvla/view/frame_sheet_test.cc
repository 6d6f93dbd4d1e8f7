#include "occvla/view/frame_sheet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/prediction.h"
#include "occvla/view/test_cards.h"

namespace occvla::view {
namespace {

TEST(FrameSheetTest, AFrameOfWhichNothingIsKnownIsDrawnAndSaysWhatIsMissing) {
  data::Frame frame;
  const FrameParts parts = ReadFrameParts(frame);
  EXPECT_EQ(parts.images[0].problem, "not in this data set");
  EXPECT_EQ(parts.map_problem, "no map of this place");
  EXPECT_EQ(parts.lidar_problem, "not in this data set");
  EXPECT_EQ(parts.occupancy_problem, "not in this data set");
  const data::Image image = DrawFrameSheet(frame, parts, {});
  EXPECT_EQ(image.width_px, 1920);
  EXPECT_EQ(image.rgb.size(), static_cast<size_t>(image.width_px * image.height_px) * 3);
}

TEST(FrameSheetTest, DamagedFilesAreNamedAndTheRestIsStillRead) {
  const TestFolder folder;
  WriteFileAtomically(folder / "front.jpg", std::string_view("GIF89a"));
  WriteFileAtomically(folder / "points.bin", std::string_view("1234567"));
  data::Frame frame = TestCardFrame();
  frame.images[0] = {.path = folder / "front.jpg", .bytes = "", .camera = {}};
  frame.lidar.path = folder / "points.bin";
  frame.occupancy = folder / "labels.npz";
  const FrameParts parts = ReadFrameParts(frame);
  EXPECT_NE(parts.images[0].problem.find("front.jpg"), std::string::npos);
  EXPECT_EQ(parts.images[1].problem, "");
  EXPECT_EQ(parts.images[1].image.width_px, 800);
  EXPECT_NE(parts.lidar_problem.find("points.bin"), std::string::npos);
  EXPECT_NE(parts.occupancy_problem.find("labels.npz"), std::string::npos);
}

TEST(FrameSheetTest, MasksHideVoxelsThatWereNotSeen) {
  data::occ3d::Labels labels{.semantics = {4, 4, 4, data::kFreeClass},
                             .mask_lidar = {1, 1, 0, 1},
                             .mask_camera = {1, 0, 0, 1}};
  using ::testing::ElementsAre;
  EXPECT_THAT(ShownVoxels(labels, VoxelsShown::kAll).labels, ElementsAre(4, 4, 4, 17));
  EXPECT_THAT(ShownVoxels(labels, VoxelsShown::kSeenByLidar).labels, ElementsAre(4, 4, 17, 17));
  EXPECT_THAT(ShownVoxels(labels, VoxelsShown::kSeenByCameras).labels, ElementsAre(4, 17, 17, 17));
}

TEST(FrameSheetTest, HostileTextDrawsToo) {
  data::Frame frame;
  frame.token = std::string(100'000, '\xe4');
  frame.scene = "\xff\xfe\n\n" + std::string(100'000, 'W');
  frame.questions.assign(50, {.question = std::string(100'000, 'q'), .answer = "\x01", .kind = ""});
  frame.annotations.resize(40);
  for (size_t index = 0; index < 40; ++index)
    frame.annotations[index].category = std::string(3000, static_cast<char>('a' + index % 26));
  EXPECT_NO_THROW((void)DrawFrameSheet(
      frame, ReadFrameParts(frame), {.dataset = std::string(9999, '\n'), .description = "\xc3"}));
}

TEST(UtcTextTest, IsTheCalendarsTime) {
  EXPECT_EQ(UtcText(1'532'402'927'647'951), "2018-07-24 03:28:47 UTC");
  EXPECT_EQ(UtcText(0), "");
}

}  // namespace
}  // namespace occvla::view
