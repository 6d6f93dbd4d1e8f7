#pragma once
#include <string>
#include <vector>

#include "occvla/view/canvas.h"

namespace occvla::view {

/// A value with a name, drawn as a bar.
struct Bar {
  std::string label;
  double value = 0;  ///< At least 0 and finite.
  Colour colour = {};
  std::string text = "";  ///< Written behind the bar; empty = the value as a whole number.
};

struct BarPlot {
  std::string title;
  std::string note = "";  ///< Beside the title, muted.
  std::vector<Bar> bars;
  /// Lengths by the logarithm, so that rare classes are seen beside common ones; the ticks say so.
  bool logarithmic = false;
};

/// Horizontal bars from the top, a label before and a number behind each. Bars that the box has no
/// room for are counted in a last line.
void DrawBars(Canvas& canvas, const Box& box, const BarPlot& plot);

struct HistogramPlot {
  std::string title;
  std::string note = "";
  std::string x_label;
  double low = 0, bin_width = 1;
  std::vector<double> bins;  ///< At least 0 and finite; their sum is 100 %.
  Colour colour = {};
};

/// Upright bars over a number axis, heights in percent of all.
void DrawHistogram(Canvas& canvas, const Box& box, const HistogramPlot& plot);

/// Round numbers from `low` to `high`, about `count` of them: 0, 20, 40, ...
std::vector<double> RoundTicks(double low, double high, int count);

/// "12 345" for people: thousands apart.
std::string Thousands(double value);

}  // namespace occvla::view
