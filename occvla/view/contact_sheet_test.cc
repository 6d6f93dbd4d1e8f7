#include "occvla/view/contact_sheet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::view {
namespace {

ContactCell Cell(uint8_t red) {
  ContactCell cell;
  cell.front = {.width_px = 160, .height_px = 90, .rgb = {}};
  cell.front.rgb.assign(size_t{160} * 90 * 3, 0);
  for (size_t i = 0; i < cell.front.rgb.size(); i += 3) cell.front.rgb[i] = red;
  cell.title = "a title";
  return cell;
}

int Red(const data::Image& image, int x, int y) {
  return image
      .rgb[(static_cast<size_t>(y) * static_cast<size_t>(image.width_px) + static_cast<size_t>(x)) *
           3];
}

TEST(ContactSheetTest, CellsFillRowsOfThree) {
  const auto three = DrawContactSheet({Cell(255), Cell(255), Cell(255)});
  const auto four = DrawContactSheet({Cell(255), Cell(255), Cell(255), Cell(200)});
  EXPECT_EQ(three.width_px, 1920);
  EXPECT_GT(four.height_px, three.height_px);
  // The middle of the first cell's image, and of the one below it.
  const int below = four.height_px - three.height_px;
  EXPECT_EQ(Red(four, 200, 130), 255);
  EXPECT_EQ(Red(four, 200, 130 + below), 200);
  EXPECT_NE(Red(four, 820, 130 + below), 200) << "the second cell of the second row is empty";
}

TEST(ContactSheetTest, AMissingImageIsSaidNotDrawn) {
  ContactCell cell = Cell(255);
  cell.front = {};
  cell.problem = "not in this data set";
  EXPECT_NE(Red(DrawContactSheet({cell}), 200, 130), 255);
}

}  // namespace
}  // namespace occvla::view
