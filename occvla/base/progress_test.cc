#include "occvla/base/progress.h"

#include <gtest/gtest.h>

#include "occvla/base/log.h"

namespace occvla {
namespace {

TEST(ProgressTest, TheLineShowsShareRateAndTimeLeft) {
  Progress progress("convert", 324, "frames");
  progress.Add(120);
  EXPECT_EQ(progress.Line(10.0, 80),
            "convert  37% [###########.....................] 120/324 frames  12.0/s 17 s left");
  EXPECT_EQ(progress.Line(10.0, 50), "convert  37%  120/324 frames  12.0/s 17 s left");
  EXPECT_EQ(progress.Line(10.0, 12), "convert  37%");
}

TEST(ProgressTest, TheEdgesAreWellFormed) {
  Progress progress("x", 10, "files");
  EXPECT_EQ(progress.Line(0.0, 40), "x   0% [....................] 0/10 files");
  progress.Add(10);
  EXPECT_EQ(progress.Line(0.01, 60),
            "x 100% [######################] 10/10 files  1000/s 0 s left");
  progress.Add(1);  // More than was announced.
  EXPECT_EQ(progress.Line(11.0, 50), "x 100% [#############] 11/10 files  1.0/s 0 s left");
  EXPECT_EQ(Progress("none", 0, "files").Line(1.0, 30), "none 100% [########] 0/0 files");
}

TEST(ProgressTest, LongWaitsAreToldInMinutesAndHours) {
  Progress progress("x", 1000, "f");
  progress.Add(10);
  EXPECT_EQ(progress.Line(10.0, 0), "");
  EXPECT_EQ(progress.Line(1.0, 41), "x   1%  10/1000 f  10.0/s 1 min 39 s left");
  EXPECT_EQ(progress.Line(100.0, 40), "x   1%  10/1000 f  0.1/s 2 h 45 min left");
}

TEST(ProgressTest, WhatWasDoneBeforeIsNoRate) {
  Progress progress("train", 100, "steps");
  progress.StartAt(50);
  EXPECT_EQ(progress.Line(10.0, 28), "train  50%  50/100 steps");
  progress.Add(10);
  EXPECT_EQ(progress.Line(10.0, 46), "train  60%  60/100 steps  1.0/s 40 s left");
}

TEST(ProgressTest, ANoteStandsInPlaceOfTheRate) {
  Progress progress("train", 100, "steps");
  progress.Add(50);
  progress.Note("loss 1.5");
  EXPECT_EQ(progress.Line(10.0, 38), "train  50%  50/100 steps  loss 1.5");
}

// What tests capture is no terminal.
TEST(ProgressTest, NothingIsDrawnWithoutATerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress("x", 1, "f");
    progress.Add();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(LogTest, OneLineWithTimeLevelAndPlace) {
  testing::internal::CaptureStderr();
  log::Info("convert", "first\nsecond");
  log::Warn("serve", "w {}");
  log::Error("serve", "e");
  log::SetQuiet(true);
  log::Info("convert", "dropped");
  log::Warn("convert", "kept");
  log::SetQuiet(false);
  const std::string text = testing::internal::GetCapturedStderr();
  constexpr size_t kTime = 24;  // 2026-01-31T23:59:59.999 and a space.
  std::string lines;
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\n', start);
    ASSERT_NE(end, std::string::npos);
    ASSERT_GT(end - start, kTime);
    lines += text.substr(start + kTime, end + 1 - start - kTime);
    start = end + 1;
  }
  EXPECT_EQ(lines,
            "info convert: first\\nsecond\nwarning serve: w {}\nerror serve: e\nwarning convert: "
            "kept\n");
}

}  // namespace
}  // namespace occvla
