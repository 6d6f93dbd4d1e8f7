#include "occvla/eval/planning/cell_image.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace occvla::eval {
namespace {

std::vector<std::string> Rows(const CellImage& image) {
  std::vector<std::string> rows;
  for (int row = 0; row < image.size(); ++row) {
    rows.emplace_back();
    for (int column = 0; column < image.size(); ++column)
      rows.back() += image.IsSet(row, column) ? '#' : '.';
  }
  return rows;
}

TEST(CellImageTest, FillsARectangleWithItsBoundary) {
  CellImage image(6);
  image.Fill({Cell{1, 2}, {1, 4}, {3, 4}, {3, 2}});
  EXPECT_EQ(Rows(image),
            (std::vector<std::string>{"......", "..###.", "..###.", "..###.", "......", "......"}));
}

// Between the edges' crossings from ceil(left) to floor(right), and the edges as 8-connected lines.
TEST(CellImageTest, FillsASquareOnItsCorner) {
  CellImage image(7);
  image.Fill({Cell{0, 3}, {3, 6}, {6, 3}, {3, 0}});
  EXPECT_EQ(Rows(image), (std::vector<std::string>{"...#...", "..###..", ".#####.", "#######",
                                                   ".#####.", "..###..", "...#..."}));
}

// Worked by hand: columns 0..4 over two rows: e = 4 - 4 = 0, -4 (both move), 0, -4, 0.
TEST(CellImageTest, DrawsAShallowEdgeFromTheLeft) {
  CellImage image(5);
  image.Fill({Cell{0, 0}, {2, 4}, {2, 4}, {0, 0}});
  EXPECT_EQ(Rows(image), (std::vector<std::string>{"##...", "..##.", "....#", ".....", "....."}));
}

TEST(CellImageTest, LeavesOutWhatLiesOutside) {
  CellImage image(4);
  image.Fill({Cell{-2, -2}, {-2, 1}, {1, 1}, {1, -2}});
  EXPECT_EQ(Rows(image), (std::vector<std::string>{"##..", "##..", "....", "...."}));
  image.Fill({Cell{10, 10}, {10, 12}, {12, 12}, {12, 10}});
  EXPECT_FALSE(image.IsSet(-1, 0));
  EXPECT_FALSE(image.IsSet(0, 4));
}

TEST(CellImageTest, ClearsWhatItDrew) {
  CellImage image(4);
  image.Fill({Cell{0, 0}, {0, 3}, {3, 3}, {3, 0}});
  image.Clear();
  EXPECT_EQ(Rows(image), (std::vector<std::string>(4, "....")));
  image.SetAll();
  EXPECT_TRUE(image.IsSet(3, 3));
}

}  // namespace
}  // namespace occvla::eval
