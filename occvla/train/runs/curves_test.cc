#include "occvla/train/runs/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace occvla::train {
namespace {

TEST(CurvesTest, AShortCurveIsKeptWhole) {
  Curve curve;
  for (int64_t step = 1; step <= 1000; ++step) curve.Add(step, std::sin(0.1 * step));
  const auto points = curve.Points();
  ASSERT_EQ(points.size(), 1000u);
  EXPECT_EQ(points[41], (CurvePoint{42, std::sin(0.1 * 42)}));
}

TEST(CurvesTest, ALongCurveKeepsItsSpikesItsOrderAndItsEnd) {
  Curve curve;
  for (int64_t step = 1; step <= 50'000; ++step)
    curve.Add(step, step == 31'337 ? 99 : step == 17 ? -99 : std::sin(0.01 * step));
  const auto points = curve.Points();
  EXPECT_LE(points.size(), 2 * Curve::kMaxStretches + 1);
  EXPECT_GE(points.size(), Curve::kMaxStretches / 2);
  EXPECT_THAT(points, ::testing::Contains(CurvePoint{31'337, 99}));
  EXPECT_THAT(points, ::testing::Contains(CurvePoint{17, -99}));
  EXPECT_EQ(points.back().step, 50'000);
  for (size_t i = 1; i < points.size(); ++i) EXPECT_LT(points[i - 1].step, points[i].step);
  EXPECT_EQ(curve.lowest()->step, 17);
  EXPECT_EQ(curve.highest()->step, 31'337);
}

TEST(CurvesTest, WhatIsNotFiniteIsCountedNotDrawn) {
  Curves curves;
  AddTo(curves, {1, 0, "train", {{"loss", 1.0}, {"norm", 2.0}}});
  AddTo(curves, {2, 0, "train", {{"loss", std::nan("")}}});
  AddTo(curves, {3, 0, "val", {{"loss", 3.0}}});
  const Curve& loss = curves.at("loss").at("train");
  EXPECT_EQ(loss.Points().size(), 1u);
  EXPECT_EQ(loss.not_finite(), 1u);
  EXPECT_EQ(loss.first_not_finite(), 2);
  EXPECT_EQ(curves.at("loss").at("val").last()->value, 3.0);
  EXPECT_EQ(curves.at("norm").size(), 1u);
}

}  // namespace
}  // namespace occvla::train
