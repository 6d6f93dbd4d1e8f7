#pragma once
#include <cairo.h>

#include <memory>
#include <string>
#include <string_view>

#include "occvla/data/image/image.h"

namespace occvla::view {

/// Red, green, blue and opacity from 0 to 1.
struct Colour {
  double red = 0, green = 0, blue = 0, alpha = 1;

  Colour WithAlpha(double value) const { return {red, green, blue, value}; }
};

/// 0xRRGGBB.
constexpr Colour Rgb(unsigned value) {
  return {((value >> 16) & 255) / 255.0, ((value >> 8) & 255) / 255.0, (value & 255) / 255.0, 1};
}

/// `share` 0 gives `from`, 1 gives `to`.
Colour Blend(const Colour& from, const Colour& to, double share);

/// Canvas pixels: x right, y down, origin at the top left corner.
struct Box {
  double x = 0, y = 0, width = 0, height = 0;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

enum class Align { kLeft, kCentre, kRight };

struct TextStyle {
  double size_px = 14;
  Colour colour;
  bool bold = false;
  Align align = Align::kLeft;
};

/// An RGB picture drawn with Cairo, no display needed. One thread. Running out of memory throws
/// DeviceError.
class Canvas {
 public:
  Canvas(int width_px, int height_px, const Colour& background);

  /// For paths and clips; whoever saves the state restores it.
  cairo_t* context() const { return context_.get(); }
  void Use(const Colour& colour);
  void FillBox(const Box& box, const Colour& colour, double radius_px = 0);
  void StrokeBox(const Box& box, const Colour& colour, double line_px, double radius_px = 0);
  void Line(double x0, double y0, double x1, double y1, const Colour& colour, double line_px);
  void Dot(double x, double y, double radius_px, const Colour& colour);
  /// `x` is the left end, centre or right end by alignment, `y` the baseline. Bytes that are not
  /// UTF-8 are drawn as U+FFFD.
  void Text(double x, double y, std::string_view text, const TextStyle& style);
  double TextWidth(std::string_view text, const TextStyle& style);
  /// Puts an image with its top left corner at (x, y), pixel for pixel.
  void Paint(const data::Image& image, double x, double y);
  /// Stretches an image over a box without smoothing.
  void PaintBlocks(const data::Image& image, const Box& box);

  data::Image ToImage() const;

 private:
  struct Destroy {
    void operator()(cairo_t* context) const { cairo_destroy(context); }
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  };
  using Surface = std::unique_ptr<cairo_surface_t, Destroy>;

  static Surface SurfaceFrom(const data::Image& image);
  void TracePath(const Box& box, double radius_px);
  void Select(const TextStyle& style);

  Surface surface_;
  std::unique_ptr<cairo_t, Destroy> context_;
};

/// Saves the state of a canvas and restores it at the end of the scope.
class SavedState {
 public:
  explicit SavedState(Canvas& canvas) : context_(canvas.context()) { cairo_save(context_); }
  ~SavedState() { cairo_restore(context_); }
  SavedState(const SavedState&) = delete;
  SavedState& operator=(const SavedState&) = delete;

 private:
  cairo_t* context_;  // Not owned; the canvas outlives the scope.
};

}  // namespace occvla::view
