#include "occvla/view/canvas.h"

#include <fmt/format.h>

#include <cstring>
#include <numbers>

#include "occvla/base/error.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

void CheckStatus(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS) {
    throw DeviceError(
        fmt::format("a picture cannot be drawn: {}.", cairo_status_to_string(status)));
  }
}

}  // namespace

Colour Blend(const Colour& from, const Colour& to, double share) {
  const auto mix = [&](double a, double b) { return a + (b - a) * share; };
  return {mix(from.red, to.red), mix(from.green, to.green), mix(from.blue, to.blue),
          mix(from.alpha, to.alpha)};
}

Canvas::Canvas(int width_px, int height_px, const Colour& background)
    : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width_px, height_px)) {
  CheckStatus(cairo_surface_status(surface_.get()));
  context_.reset(cairo_create(surface_.get()));
  CheckStatus(cairo_status(context()));
  Use(background);
  cairo_paint(context());
}

void Canvas::Use(const Colour& colour) {
  cairo_set_source_rgba(context(), colour.red, colour.green, colour.blue, colour.alpha);
}

void Canvas::TracePath(const Box& box, double radius_px) {
  cairo_new_path(context());
  if (radius_px <= 0) {
    cairo_rectangle(context(), box.x, box.y, box.width, box.height);
    return;
  }
  constexpr double kQuarter = std::numbers::pi / 2;
  const double r = radius_px;
  cairo_arc(context(), box.right() - r, box.y + r, r, -kQuarter, 0);
  cairo_arc(context(), box.right() - r, box.bottom() - r, r, 0, kQuarter);
  cairo_arc(context(), box.x + r, box.bottom() - r, r, kQuarter, 2 * kQuarter);
  cairo_arc(context(), box.x + r, box.y + r, r, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(context());
}

void Canvas::FillBox(const Box& box, const Colour& colour, double radius_px) {
  TracePath(box, radius_px);
  Use(colour);
  cairo_fill(context());
}

void Canvas::StrokeBox(const Box& box, const Colour& colour, double line_px, double radius_px) {
  TracePath(box, radius_px);
  Use(colour);
  cairo_set_line_width(context(), line_px);
  cairo_stroke(context());
}

void Canvas::Line(double x0, double y0, double x1, double y1, const Colour& colour,
                  double line_px) {
  cairo_new_path(context());
  cairo_move_to(context(), x0, y0);
  cairo_line_to(context(), x1, y1);
  Use(colour);
  cairo_set_line_width(context(), line_px);
  cairo_stroke(context());
}

void Canvas::Dot(double x, double y, double radius_px, const Colour& colour) {
  cairo_new_path(context());
  cairo_arc(context(), x, y, radius_px, 0, 2 * std::numbers::pi);
  Use(colour);
  cairo_fill(context());
}

void Canvas::Select(const TextStyle& style) {
  cairo_select_font_face(context(), "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context(), style.size_px);
}

double Canvas::TextWidth(std::string_view text, const TextStyle& style) {
  Select(style);
  cairo_text_extents_t extents;
  // One bad byte would leave the whole context in an error state.
  cairo_text_extents(context(), Printable(text).c_str(), &extents);
  return extents.x_advance;
}

void Canvas::Text(double x, double y, std::string_view text, const TextStyle& style) {
  const double width = style.align == Align::kLeft ? 0 : TextWidth(text, style);
  Select(style);
  Use(style.colour);
  cairo_move_to(context(), x - (style.align == Align::kCentre ? width / 2 : width), y);
  cairo_show_text(context(), Printable(text).c_str());
  cairo_new_path(context());
}

Canvas::Surface Canvas::SurfaceFrom(const data::Image& image) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, image.width_px, image.height_px));
  CheckStatus(cairo_surface_status(surface.get()));
  unsigned char* bytes = cairo_image_surface_get_data(surface.get());
  const auto stride = static_cast<size_t>(cairo_image_surface_get_stride(surface.get()));
  const auto width = static_cast<size_t>(image.width_px);
  for (size_t row = 0; row < static_cast<size_t>(image.height_px); ++row) {
    for (size_t column = 0; column < width; ++column) {
      const uint8_t* rgb = &image.rgb[(row * width + column) * 3];
      const uint32_t word = (uint32_t{rgb[0]} << 16) | (uint32_t{rgb[1]} << 8) | rgb[2];
      std::memcpy(bytes + row * stride + column * 4, &word, 4);
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

void Canvas::Paint(const data::Image& image, double x, double y) {
  const Surface surface = SurfaceFrom(image);
  cairo_set_source_surface(context(), surface.get(), x, y);
  cairo_paint(context());
}

void Canvas::PaintBlocks(const data::Image& image, const Box& box) {
  const Surface surface = SurfaceFrom(image);
  const SavedState saved(*this);
  cairo_translate(context(), box.x, box.y);
  cairo_scale(context(), box.width / image.width_px, box.height / image.height_px);
  cairo_set_source_surface(context(), surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context()), CAIRO_FILTER_NEAREST);
  cairo_paint(context());
}

data::Image Canvas::ToImage() const {
  CheckStatus(cairo_status(context()));
  cairo_surface_flush(surface_.get());
  data::Image image{.width_px = cairo_image_surface_get_width(surface_.get()),
                    .height_px = cairo_image_surface_get_height(surface_.get()),
                    .rgb = {}};
  const unsigned char* bytes = cairo_image_surface_get_data(surface_.get());
  const auto stride = static_cast<size_t>(cairo_image_surface_get_stride(surface_.get()));
  image.rgb.reserve(static_cast<size_t>(image.width_px) * static_cast<size_t>(image.height_px) * 3);
  for (size_t row = 0; row < static_cast<size_t>(image.height_px); ++row) {
    for (size_t column = 0; column < static_cast<size_t>(image.width_px); ++column) {
      uint32_t word;
      std::memcpy(&word, bytes + row * stride + column * 4, 4);
      image.rgb.push_back(static_cast<uint8_t>(word >> 16));
      image.rgb.push_back(static_cast<uint8_t>(word >> 8));
      image.rgb.push_back(static_cast<uint8_t>(word));
    }
  }
  return image;
}

}  // namespace occvla::view
