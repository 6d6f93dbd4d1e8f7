#include "occvla/view/camera_view.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "occvla/view/palette.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

Box Fit(double image_width, double image_height, const Box& cell) {
  const double scale = std::min(cell.width / image_width, cell.height / image_height);
  const double width = std::max(1.0, std::round(image_width * scale));
  const double height = std::max(1.0, std::round(image_height * scale));
  return {std::round(cell.x + (cell.width - width) / 2),
          std::round(cell.y + (cell.height - height) / 2), width, height};
}

void DrawProblem(Canvas& canvas, const Box& cell, std::string_view problem) {
  const TextStyle style{.size_px = 13, .colour = kWarning, .align = Align::kCentre};
  const auto measure = [&](std::string_view text) { return canvas.TextWidth(text, style); };
  double y = cell.y + cell.height / 2 - 20;
  for (const std::string& line : Wrap(Shortened(problem, 600), cell.width - 48, 5, measure)) {
    canvas.Text(cell.x + cell.width / 2, y, line, style);
    y += 19;
  }
}

}  // namespace

void DrawCameraView(Canvas& canvas, const Box& cell, const CameraPicture& picture,
                    const Overlay& overlay) {
  const SavedState saved(canvas);
  canvas.FillBox(cell, kPanel);
  cairo_rectangle(canvas.context(), cell.x, cell.y, cell.width, cell.height);
  cairo_clip(canvas.context());

  const data::Image& image = picture.image;
  const bool seen = image.width_px > 0 && image.height_px > 0;
  const bool sized =
      picture.camera && picture.camera->width_px > 0 && picture.camera->height_px > 0;
  // The intrinsics count in the pixels of the size that they were made for.
  const double width = sized ? picture.camera->width_px : image.width_px;
  const double height = sized ? picture.camera->height_px : image.height_px;
  ImagePlacement place{.box = cell};
  if (seen) {
    place.box = Fit(image.width_px, image.height_px, cell);
    canvas.Paint(
        data::Resize(image, static_cast<int>(place.box.width), static_cast<int>(place.box.height)),
        place.box.x, place.box.y);
  } else if (sized) {
    place.box = Fit(width, height, cell);
  }
  if (picture.camera && width > 0 && height > 0 && !overlay.empty()) {
    place.scale_x = place.box.width / width;
    place.scale_y = place.box.height / height;
    DrawOverlay(canvas, place, *picture.camera, overlay);
  }
  if (!picture.problem.empty()) DrawProblem(canvas, cell, picture.problem);

  const TextStyle style{.size_px = 12, .colour = kText, .bold = true};
  const double text_width = canvas.TextWidth(picture.name, style);
  canvas.FillBox({cell.x + 8, cell.y + 8, text_width + 16, 22}, kBackground.WithAlpha(0.72), 4);
  canvas.Text(cell.x + 16, cell.y + 23.5, picture.name, style);
}

std::array<CameraCell, 6> CameraCells(double x, double y, double width, double gap) {
  std::array<CameraCell, 6> cells = {{{2, "FRONT LEFT", {}},
                                      {0, "FRONT", {}},
                                      {1, "FRONT RIGHT", {}},
                                      {4, "BACK LEFT", {}},
                                      {3, "BACK", {}},
                                      {5, "BACK RIGHT", {}}}};
  const double cell_width = (width - 2 * gap) / 3, cell_height = cell_width * 9 / 16;
  for (size_t index = 0; index < cells.size(); ++index) {
    const auto column = static_cast<double>(index % 3), row = static_cast<double>(index / 3);
    cells[index].box = {x + column * (cell_width + gap), y + row * (cell_height + gap), cell_width,
                        cell_height};
  }
  return cells;
}

}  // namespace occvla::view
