#include "occvla/view/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/view/palette.h"
#include "occvla/view/statistics_page.h"

namespace occvla::view {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Colour kRed = Rgb(0xff0000);

// Pixels of pure red in a row or a column of a picture.
int RedInRow(const data::Image& image, int y) {
  int red = 0;
  for (int x = 0; x < image.width_px; ++x) {
    const auto at = static_cast<size_t>(y * image.width_px + x) * 3;
    red += image.rgb[at] == 255 && image.rgb[at + 1] == 0 && image.rgb[at + 2] == 0;
  }
  return red;
}
int RedInColumn(const data::Image& image, int x) {
  int red = 0;
  for (int y = 0; y < image.height_px; ++y) {
    const auto at = static_cast<size_t>(y * image.width_px + x) * 3;
    red += image.rgb[at] == 255 && image.rgb[at + 1] == 0 && image.rgb[at + 2] == 0;
  }
  return red;
}

data::Image Draw(const BarPlot& plot, double height = 200) {
  Canvas canvas(400, 200, kBackground);
  DrawBars(canvas, {0, 0, 400, height}, plot);
  return canvas.ToImage();
}

TEST(RoundTicksTest, StepsAreOneTwoOrFiveTimesAPowerOfTen) {
  EXPECT_THAT(RoundTicks(0, 100, 5), ElementsAre(0, 20, 40, 60, 80, 100));
  EXPECT_THAT(RoundTicks(0, 7, 4), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(RoundTicks(-1, 1, 4), ElementsAre(-1, -0.5, 0, 0.5, 1));
  EXPECT_THAT(RoundTicks(3, 3, 4), IsEmpty());
  EXPECT_FALSE(std::signbit(RoundTicks(0, 20, 6)[0]));
}

TEST(ThousandsTest, ComeInThrees) {
  EXPECT_EQ(Thousands(0), "0");
  EXPECT_EQ(Thousands(999), "999");
  EXPECT_EQ(Thousands(1'166'187), "1 166 187");
  EXPECT_EQ(Thousands(-123456), "-123 456");
}

TEST(BarPlotTest, LengthsGoByTheValues) {
  const BarPlot plot{.title = "t", .bars = {{"a", 100, kRed}, {"b", 50, kRed}, {"c", 0, kRed}}};
  const data::Image image = Draw(plot);
  const int a = RedInRow(image, 41), b = RedInRow(image, 63);
  EXPECT_GT(a, 200);
  EXPECT_NEAR(b, a / 2.0, 2);
  EXPECT_EQ(RedInRow(image, 85), 0);
}

TEST(BarPlotTest, LogarithmsKeepRareThingsVisible) {
  const BarPlot plot{
      .title = "t", .bars = {{"a", 999'999, kRed}, {"b", 999, kRed}}, .logarithmic = true};
  const data::Image image = Draw(plot);
  EXPECT_NEAR(RedInRow(image, 63), RedInRow(image, 41) / 2.0, 2);
}

TEST(BarPlotTest, BarsWithoutRoomAreCounted) {
  BarPlot plot{.title = "t", .bars = std::vector<Bar>(10, {"a", 1, kRed})};
  const data::Image image = Draw(plot, 34 + 3 * 22);
  EXPECT_GT(RedInRow(image, 63), 0);
  EXPECT_EQ(RedInRow(image, 85), 0);  // "and 8 more".
}

TEST(HistogramTest, HeightsGoByTheShares) {
  Canvas canvas(256, 200, kBackground);
  DrawHistogram(canvas, {0, 0, 256, 200},
                {.title = "t",
                 .x_label = "m/s",
                 .low = 0,
                 .bin_width = 1,
                 .bins = {1, 4, 0, 2},
                 .colour = kRed});
  const data::Image image = canvas.ToImage();
  // Four bins of 50 pixels from x = 44 on.
  const int tall = RedInColumn(image, 44 + 75);
  EXPECT_GT(tall, 80);
  EXPECT_NEAR(RedInColumn(image, 44 + 25), tall / 4.0, 2);
  EXPECT_EQ(RedInColumn(image, 44 + 125), 0);
  EXPECT_NEAR(RedInColumn(image, 44 + 175), tall / 2.0, 2);
}

TEST(HistogramTest, NothingAtAllIsDrawnToo) {
  Canvas canvas(256, 200, kBackground);
  EXPECT_NO_THROW(
      DrawHistogram(canvas, {0, 0, 256, 200}, {.title = "", .x_label = "", .bins = {}}));
  EXPECT_NO_THROW((void)canvas.ToImage());
}

TEST(StatisticsPageTest, GrowsWithWhatThereIs) {
  data::nuscenes::Statistics statistics;
  statistics.version = "v1.0-made";
  const data::Image small = DrawStatistics(statistics);
  EXPECT_EQ(small.width_px, 1600);
  for (int index = 0; index < 23; ++index)
    statistics.categories.push_back({"vehicle." + std::to_string(index), 1});
  statistics.meta_actions = 3;
  statistics.meta_action[0][0] = 3;
  statistics.occupancy_read = 1;
  statistics.occupancy.classes[4] = 77;
  statistics.question_kinds.assign(20, {"drivelm/perception", 5});
  EXPECT_GT(DrawStatistics(statistics).height_px, small.height_px + 300);
}

}  // namespace
}  // namespace occvla::view
