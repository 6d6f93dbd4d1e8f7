#include "occvla/eval/planning/cell_image.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace occvla::eval {
namespace {

// A row's crossing with an edge as a fraction: exact, so that ceil and floor are too.
struct Crossing {
  int64_t numerator = 0, denominator = 1;  // The denominator is positive.

  int64_t Floor() const {
    const int64_t quotient = numerator / denominator;
    return quotient - (numerator % denominator < 0 ? 1 : 0);
  }
  int64_t Ceil() const {
    const int64_t quotient = numerator / denominator;
    return quotient + (numerator % denominator > 0 ? 1 : 0);
  }
  bool operator<(const Crossing& other) const {
    return numerator * other.denominator < other.numerator * denominator;
  }
};

}  // namespace

CellImage::CellImage(int size)
    : size_(size),
      cells_(static_cast<size_t>(size) * static_cast<size_t>(size), 0),
      first_row_(size),
      last_row_(-1) {}

void CellImage::Set(int64_t row, int64_t column) { SetRun(row, column, column); }

void CellImage::SetAll() {
  std::fill(cells_.begin(), cells_.end(), uint8_t{1});
  first_row_ = 0;
  last_row_ = size_ - 1;
}

void CellImage::SetRun(int64_t row, int64_t from, int64_t to) {
  from = std::max<int64_t>(from, 0);
  to = std::min<int64_t>(to, size_ - 1);
  if (row < 0 || row >= size_ || from > to) return;
  const auto start = cells_.begin() + row * size_;
  std::fill(start + from, start + to + 1, uint8_t{1});
  first_row_ = std::min(first_row_, row);
  last_row_ = std::max(last_row_, row);
}

void CellImage::Clear() {
  if (first_row_ <= last_row_) {
    std::fill(cells_.begin() + first_row_ * size_, cells_.begin() + (last_row_ + 1) * size_,
              uint8_t{0});
  }
  first_row_ = size_;
  last_row_ = -1;
}

void CellImage::Fill(const std::array<Cell, 4>& corners) {
  int64_t low = corners[0].row, high = corners[0].row;
  int64_t left = corners[0].column, right = left;
  for (const Cell& corner : corners) {
    low = std::min(low, corner.row);
    high = std::max(high, corner.row);
    left = std::min(left, corner.column);
    right = std::max(right, corner.column);
  }
  if (high < 0 || low >= size_ || right < 0 || left >= size_) return;
  for (int64_t row = std::max<int64_t>(low, 0); row <= std::min<int64_t>(high, size_ - 1); ++row) {
    std::array<Crossing, 4> crossings;
    size_t count = 0;
    for (size_t edge = 0; edge < 4; ++edge) {
      Cell a = corners[edge], b = corners[(edge + 1) % 4];
      if (a.row > b.row) std::swap(a, b);
      if (row < a.row || row >= b.row) continue;
      const int64_t height = b.row - a.row;
      crossings[count++] = {a.column * height + (b.column - a.column) * (row - a.row), height};
    }
    std::sort(crossings.begin(), crossings.begin() + static_cast<std::ptrdiff_t>(count));
    for (size_t pair = 0; pair + 1 < count; pair += 2)
      SetRun(row, crossings[pair].Ceil(), crossings[pair + 1].Floor());
  }
  for (size_t edge = 0; edge < 4; ++edge) {
    const Cell &a = corners[edge], &b = corners[(edge + 1) % 4];
    a.column <= b.column ? DrawEdge(a, b) : DrawEdge(b, a);
  }
}

void CellImage::DrawEdge(Cell left, Cell right) {
  const int64_t columns = right.column - left.column, rows = std::abs(right.row - left.row);
  const int64_t down = right.row >= left.row ? 1 : -1;
  const bool steep = rows > columns;
  const int64_t longer = std::max(columns, rows), shorter = std::min(columns, rows);
  int64_t error = longer - 2 * shorter;
  Cell at = left;
  for (int64_t step = 0; step <= longer; ++step) {
    Set(at.row, at.column);
    const bool both = error < 0;
    error += (both ? 2 * longer : 0) - 2 * shorter;
    if (steep || both) at.row += down;
    if (!steep || both) at.column += 1;
  }
}

}  // namespace occvla::eval
