#include "occvla/view/facts_panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "occvla/base/text.h"
#include "occvla/view/palette.h"
#include "occvla/view/path.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

// Longer answers cannot fit the panel; measuring all of a megabyte would take seconds.
constexpr size_t kMostTextBytes = 6000;
constexpr double kBodySize = 14, kLineHeight = 20;
constexpr TextStyle kBody{.size_px = kBodySize, .colour = kText};

double Heading(Canvas& canvas, const Box& box, double y, std::string_view text) {
  canvas.Text(box.x, y + 12, text, {.size_px = 11, .colour = kMutedText, .bold = true});
  return y + 20;
}

std::string Duration(double milliseconds) {
  return milliseconds >= 10'000 ? fmt::format("{:.1f} s", milliseconds / 1000)
                                : fmt::format("{:.0f} ms", milliseconds);
}

double DrawTrajectory(Canvas& canvas, const Box& box, double y,
                      const data::Prediction& prediction) {
  y = Heading(canvas, box, y, "TRAJECTORY, METRES (FORWARD, LEFT)");
  if (!prediction.trajectory_E) {
    canvas.Text(box.x, y + 14, "none", {.size_px = kBodySize, .colour = kMutedText});
    return y + kLineHeight + 8;
  }
  const double step = box.width / 6;
  for (size_t index = 0; index < 6; ++index) {
    const auto& [x_E, y_E] = (*prediction.trajectory_E)[index];
    const double x = box.x + step * static_cast<double>(index);
    const double time = kTrajectoryStep * static_cast<double>(index + 1);
    canvas.Dot(x + 4, y + 10, 4, Blend(kPathNear, kPathFar, time / kTrajectoryEnd));
    canvas.Text(x + 13, y + 14, fmt::format("{:.1f} s", time),
                {.size_px = 12, .colour = kMutedText});
    canvas.Text(x, y + 34, fmt::format("{:.2f}", x_E), kBody);
    canvas.Text(x, y + 34 + kLineHeight, fmt::format("{:+.2f}", y_E), kBody);
  }
  return y + 34 + kLineHeight + 18;
}

double DrawTimings(Canvas& canvas, const Box& box, double y, const data::Timings& timings) {
  std::vector<std::pair<std::string_view, std::string>> cells;
  const auto add = [&](std::string_view name, double milliseconds) {
    if (milliseconds > 0) cells.emplace_back(name, Duration(milliseconds));
  };
  add("images", timings.image_ms);
  add("vision", timings.vision_ms);
  add("prefill", timings.prefill_ms);
  add("prompt", timings.prompt_ms);
  add("decode", timings.decode_ms);
  add("occupancy", timings.occupancy_ms);
  add("planner", timings.planner_ms);
  add("total", timings.total_ms);
  if (timings.new_tokens > 0)
    cells.emplace_back("new tokens", fmt::format("{}", timings.new_tokens));
  if (timings.peak_memory_bytes > 0) {
    cells.emplace_back(
        "peak memory",
        fmt::format("{:.2f} GiB", static_cast<double>(timings.peak_memory_bytes) / (1 << 30)));
  }
  if (cells.empty()) return y;
  y = Heading(canvas, box, y, timings.frame_cached ? "TIME (FRAME FROM CACHE)" : "TIME");
  const size_t columns = 5;
  const double step = box.width / static_cast<double>(columns);
  for (size_t index = 0; index < cells.size(); ++index) {
    const double x = box.x + step * static_cast<double>(index % columns);
    const double top = y + 44 * static_cast<double>(index / columns);
    canvas.Text(x, top + 12, cells[index].first, {.size_px = 12, .colour = kMutedText});
    canvas.Text(x, top + 31, cells[index].second, kBody);
  }
  return y + 44 * static_cast<double>((cells.size() + columns - 1) / columns) + 8;
}

double DrawFlags(Canvas& canvas, const Box& box, double y, const std::vector<std::string>& flags) {
  if (flags.empty()) return y;
  y = Heading(canvas, box, y, "FLAGS");
  const TextStyle style{.size_px = 12, .colour = kWarning};
  const auto measure = [&](std::string_view text) { return canvas.TextWidth(text, style); };
  const std::string all(Shortened(Join(flags, "   "), kMostTextBytes));
  for (const std::string& line : Wrap(all, box.width, 3, measure)) {
    canvas.Text(box.x, y + 13, line, style);
    y += 18;
  }
  return y + 8;
}

}  // namespace

void DrawFacts(Canvas& canvas, const Box& box, const data::Prediction& prediction) {
  double y = Heading(canvas, box, box.y, "META ACTION");
  const bool known = prediction.meta_action.has_value();
  canvas.Text(box.x, y + 24, known ? ToString(*prediction.meta_action) : "none",
              {.size_px = 26, .colour = known ? kText : kMutedText, .bold = known});
  y = DrawTrajectory(canvas, box, y + 48, prediction);
  y = DrawTimings(canvas, box, y, prediction.timings);
  y = DrawFlags(canvas, box, y, prediction.flags);

  // The answer comes last and takes whatever height is left.
  y = Heading(canvas, box, y, "ANSWER");
  if (prediction.text.empty()) {
    canvas.Text(box.x, y + 14, "none", {.size_px = kBodySize, .colour = kMutedText});
    return;
  }
  const auto lines =
      static_cast<size_t>(std::max(1.0, std::floor((box.bottom() - y) / kLineHeight)));
  const auto measure = [&](std::string_view text) { return canvas.TextWidth(text, kBody); };
  for (const std::string& line :
       Wrap(Shortened(prediction.text, kMostTextBytes), box.width, lines, measure)) {
    canvas.Text(box.x, y + 14, line, kBody);
    y += kLineHeight;
  }
}

}  // namespace occvla::view
