#include "occvla/train/feed/feed_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::train {
namespace {

using ::testing::ElementsAre;

TEST(FillTrajectoryTest, StepsCountWhereAKeyframeIsNearTheirMoment) {
  data::Frame frame;
  frame.now = data::EgoMoment{.timestamp_us = 1'000'000};
  frame.now->X_GE.translation() = Eigen::Vector3d(100, 50, 0);
  const std::array<int64_t, 4> after_us{450'000, 1'300'000, 1'600'000, 2'250'001};
  for (size_t i = 0; i < after_us.size(); ++i) {
    frame.future[i] = data::EgoMoment{.timestamp_us = 1'000'000 + after_us[i]};
    frame.future[i]->X_GE.translation() = Eigen::Vector3d(101, 50 + static_cast<double>(i), 0);
  }
  Example example;
  FillTrajectory(frame, example);
  EXPECT_THAT(example.valid, ElementsAre(true, false, true, false, false, false));
  EXPECT_THAT(example.trajectory_E[1], ElementsAre(0, 0));
  EXPECT_THAT(example.trajectory_E[2], ElementsAre(1, 2));
}

}  // namespace
}  // namespace occvla::train
