#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace occvla::eval {

/// A cell of a raster; rows and columns outside the image are allowed in polygons.
struct Cell {
  int64_t row = 0, column = 0;
};

/// A square image of cells that are free or set, and the polygon filling that every published
/// collision rate rests on: OpenCV's `fillPoly` for polygons inside the image.
class CellImage {
 public:
  explicit CellImage(int size);

  int size() const { return size_; }
  /// False outside the image.
  bool IsSet(int64_t row, int64_t column) const {
    return row >= 0 && row < size_ && column >= 0 && column < size_ &&
           cells_[static_cast<size_t>(row * size_ + column)] != 0;
  }
  /// Row by row, 0 or 1.
  std::span<const uint8_t> cells() const { return cells_; }
  void Set(int64_t row, int64_t column);
  void SetAll();
  /// Sets for every row y with y0 <= y < y1 of the edges the cells from ceil(left) to floor(right)
  /// between pairs of crossings, and every edge as an 8-connected line. What lies outside the image
  /// is left out; the time grows with the polygon's perimeter in cells.
  void Fill(const std::array<Cell, 4>& corners);
  /// Makes every cell free again, in the time of what was drawn.
  void Clear();

 private:
  void SetRun(int64_t row, int64_t from, int64_t to);
  void DrawEdge(Cell left, Cell right);

  int size_;
  std::vector<uint8_t> cells_;
  int64_t first_row_, last_row_;  // Rows that may hold set cells.
};

}  // namespace occvla::eval
