#include "occvla/view/contact_sheet.h"

#include "occvla/view/camera_view.h"
#include "occvla/view/canvas.h"
#include "occvla/view/palette.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

constexpr int kWidth = 1920, kColumns = 3;
constexpr double kMargin = 20, kGap = 16, kAboveSide = 218, kText1 = 20, kText2 = 38, kBottom = 52;
constexpr double kAboveRadius = 30;  // Metres.
constexpr double kCellWidth = (kWidth - 2 * kMargin - (kColumns - 1) * kGap) / kColumns;
constexpr double kCellHeight = kAboveSide + kBottom;

void DrawCell(Canvas& canvas, double x, double y, const ContactCell& cell) {
  const Box front{x, y, kCellWidth - kAboveSide - 4, kAboveSide};
  DrawCameraView(canvas, front,
                 {.name = "front", .image = cell.front, .problem = cell.problem, .camera = {}}, {});
  DrawSceneAbove(canvas, {front.right() + 4, y, kAboveSide, kAboveSide}, cell.around, kAboveRadius);
  canvas.Text(x, y + kAboveSide + kText1, Shortened(cell.title, 80),
              {.size_px = 15, .colour = kText, .bold = true});
  canvas.Text(x, y + kAboveSide + kText2, Shortened(cell.caption, 90),
              {.size_px = 13, .colour = kMutedText});
}

}  // namespace

data::Image DrawContactSheet(const std::vector<ContactCell>& cells) {
  const size_t rows = (cells.size() + kColumns - 1) / kColumns;
  Canvas canvas(kWidth, static_cast<int>(2 * kMargin + static_cast<double>(rows) * kCellHeight),
                kBackground);
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto column = static_cast<double>(i % kColumns), row = static_cast<double>(i / kColumns);
    DrawCell(canvas, kMargin + column * (kCellWidth + kGap), kMargin + row * kCellHeight, cells[i]);
  }
  return canvas.ToImage();
}

}  // namespace occvla::view
