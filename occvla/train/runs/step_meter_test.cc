#include "occvla/train/runs/step_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::train {
namespace {

class StepMeterTest : public ::testing::Test {
 protected:
  double now_ = 100;
  StepMeter meter_{10, 20, [this] { return now_; }};

  void Step(double waiting, double work) {
    {
      const auto wait = meter_.Waiting();
      now_ += waiting;
    }
    now_ += work;
    meter_.StepDone(4, 1000);
  }
};

TEST_F(StepMeterTest, RatesAreThoseOfTheSteps) {
  EXPECT_EQ(meter_.Rates().samples_per_s, 0);
  Step(0.5, 1.5);
  Step(0.0, 2.0);
  const StepRates rates = meter_.Rates();
  EXPECT_DOUBLE_EQ(rates.samples_per_s, 2);
  EXPECT_DOUBLE_EQ(rates.tokens_per_s, 500);
  EXPECT_DOUBLE_EQ(rates.steps_per_s, 0.5);
  EXPECT_DOUBLE_EQ(rates.waiting_share, 0.125);
  EXPECT_DOUBLE_EQ(rates.left_s, 8 * 2);  // What an earlier process did took none of this time.
  EXPECT_EQ(meter_.Text(), "2.0 samples/s  500 tokens/s  12.5 % waiting  16 s left");
}

TEST_F(StepMeterTest, APauseIsNoPartOfAStepButOfTheTimeLeft) {
  Step(0, 2);
  {
    const auto pause = meter_.Pause();
    now_ += 6;
  }
  Step(1, 1);
  EXPECT_DOUBLE_EQ(meter_.Rates().steps_per_s, 0.5);
  EXPECT_DOUBLE_EQ(meter_.Rates().waiting_share, 0.25);
  EXPECT_DOUBLE_EQ(meter_.Rates().left_s, 8 * 5);
}

TEST_F(StepMeterTest, OldStepsAreForgotten) {
  Step(0, 1000);
  for (size_t i = 0; i < StepMeter::kWindow; ++i) Step(0, 1);
  EXPECT_DOUBLE_EQ(meter_.Rates().steps_per_s, 1);
  EXPECT_EQ(meter_.Rates().left_s, 0);  // More steps than were announced.
}

TEST_F(StepMeterTest, WithoutATerminalALineNowAndThen) {
  testing::internal::CaptureStderr();
  {
    StepProgress progress("joint", meter_, 1e9);
    for (int i = 0; i < 10; ++i) {
      Step(0, 1);
      progress.Show({{"loss", 1.23456}, {"lr", 1e-4}});
    }
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);  // The first and the last.
  EXPECT_THAT(text, ::testing::HasSubstr("info joint: step 11/20  loss 1.235  lr 0.0001  "
                                         "4.0 samples/s  1.0k tokens/s  0.0 % waiting  9 s left"));
}

}  // namespace
}  // namespace occvla::train
