#include "occvla/view/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "occvla/view/palette.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

constexpr double kTitleHeight = 34, kBarStep = 22, kBarHeight = 14;
constexpr TextStyle kLabel{.size_px = 12, .colour = kText, .align = Align::kRight};
constexpr TextStyle kNumber{.size_px = 12, .colour = kMutedText};

void DrawTitle(Canvas& canvas, const Box& box, const std::string& title, const std::string& note) {
  const TextStyle style{.size_px = 15, .colour = kText, .bold = true};
  canvas.Text(box.x, box.y + 16, Shortened(title, 120), style);
  canvas.Text(box.x + canvas.TextWidth(Shortened(title, 120), style) + 12, box.y + 16,
              Shortened(note, 160), {.size_px = 12, .colour = kMutedText});
}

// From 0 to 1 of the longest bar.
double Length(double value, double largest, bool logarithmic) {
  if (!(largest > 0)) return 0;
  return logarithmic ? std::log1p(value) / std::log1p(largest) : value / largest;
}

std::string TickText(double value) {
  return std::abs(value - std::round(value)) < 1e-9 ? fmt::format("{:.0f}", value)
                                                    : fmt::format("{:.4g}", value);
}

}  // namespace

std::string Thousands(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (int at = static_cast<int>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<size_t>(at), " ");
  return digits;
}

std::vector<double> RoundTicks(double low, double high, int count) {
  std::vector<double> ticks;
  const double raw = (high - low) / std::max(1, count);
  if (!(raw > 0) || !std::isfinite(raw)) return ticks;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  for (double index = std::ceil(low / step - 1e-9); index * step <= high + 1e-9 * step; ++index)
    ticks.push_back(index * step + 0.0);  // Never -0.
  return ticks;
}

void DrawBars(Canvas& canvas, const Box& box, const BarPlot& plot) {
  DrawTitle(canvas, box, plot.title, plot.note);
  const auto room =
      static_cast<size_t>(std::max(1.0, std::floor((box.height - kTitleHeight) / kBarStep)));
  const size_t shown = plot.bars.size() <= room ? plot.bars.size() : room - 1;
  double label_width = 0, number_width = 0, largest = 0;
  const auto text_of = [](const Bar& bar) {
    return bar.text.empty() ? Thousands(bar.value) : bar.text;
  };
  for (size_t index = 0; index < shown; ++index) {
    const Bar& bar = plot.bars[index];
    label_width = std::max(label_width, canvas.TextWidth(Shortened(bar.label, 80), kLabel));
    number_width = std::max(number_width, canvas.TextWidth(text_of(bar), kNumber));
    largest = std::max(largest, bar.value);
  }
  label_width = std::min(label_width, box.width * 0.4);
  const double left = box.x + label_width + 10;
  const double most = std::max(1.0, box.right() - left - number_width - 10);
  double y = box.y + kTitleHeight;
  for (size_t index = 0; index < shown; ++index, y += kBarStep) {
    const Bar& bar = plot.bars[index];
    canvas.Text(left - 10, y + 11.5, Shortened(bar.label, 80), kLabel);
    const double length = most * Length(bar.value, largest, plot.logarithmic);
    canvas.FillBox({left, y, most, kBarHeight}, kPanel, 2);
    if (bar.value > 0) canvas.FillBox({left, y, std::max(2.0, length), kBarHeight}, bar.colour, 2);
    canvas.Text(left + most + 10, y + 11.5, text_of(bar), kNumber);
  }
  if (shown < plot.bars.size()) {
    canvas.Text(left, y + 11.5, fmt::format("and {} more", plot.bars.size() - shown), kNumber);
  }
  if (plot.bars.empty()) canvas.Text(box.x, y + 11.5, "none", kNumber);
}

void DrawHistogram(Canvas& canvas, const Box& box, const HistogramPlot& plot) {
  DrawTitle(canvas, box, plot.title, plot.note);
  double sum = 0, largest = 0;
  for (const double bin : plot.bins) {
    sum += bin;
    largest = std::max(largest, bin);
  }
  const Box area{box.x + 44, box.y + kTitleHeight, box.width - 56,
                 std::max(10.0, box.height - kTitleHeight - 40)};
  canvas.FillBox(area, kPanel);
  if (!(sum > 0)) {
    canvas.Text(area.x + 12, area.y + 22, "no values", kNumber);
    return;
  }
  const double top = 100 * largest / sum * 1.08;  // Percent at the upper edge.
  for (const double percent : RoundTicks(0, top, 4)) {
    const double y = area.bottom() - area.height * percent / top;
    canvas.Line(area.x, y, area.right(), y, kLineColour, 1);
    canvas.Text(area.x - 8, y + 4, TickText(percent) + " %",
                {.size_px = 11, .colour = kMutedText, .align = Align::kRight});
  }
  const double step = area.width / static_cast<double>(plot.bins.size());
  for (size_t index = 0; index < plot.bins.size(); ++index) {
    const double height = area.height * (100 * plot.bins[index] / sum) / top;
    if (height <= 0) continue;
    canvas.FillBox({area.x + static_cast<double>(index) * step + 1, area.bottom() - height,
                    std::max(1.0, step - 2), height},
                   plot.colour);
  }
  const double high = plot.low + plot.bin_width * static_cast<double>(plot.bins.size());
  for (const double value : RoundTicks(plot.low, high, 6)) {
    const double x = area.x + area.width * (value - plot.low) / (high - plot.low);
    canvas.Line(x, area.bottom(), x, area.bottom() + 4, kMutedText, 1);
    canvas.Text(x, area.bottom() + 17, TickText(value),
                {.size_px = 11, .colour = kMutedText, .align = Align::kCentre});
  }
  canvas.Text(area.x + area.width / 2, area.bottom() + 34, Shortened(plot.x_label, 120),
              {.size_px = 12, .colour = kMutedText, .align = Align::kCentre});
}

}  // namespace occvla::view
