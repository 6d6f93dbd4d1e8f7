#include "occvla/view/statistics_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "occvla/data/prediction.h"
#include "occvla/view/canvas.h"
#include "occvla/view/palette.h"
#include "occvla/view/plot.h"
#include "occvla/view/scene_box.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

using data::nuscenes::Count;
using data::nuscenes::Distribution;
using data::nuscenes::Statistics;

constexpr int kWidth = 1600;
constexpr double kMargin = 32, kTitle = 72, kColumnGap = 48, kRowGap = 28;
constexpr double kColumn = (kWidth - 2 * kMargin - kColumnGap) / 2;
constexpr Colour kAccent = Rgb(0x5fb4e8), kSecond = Rgb(0x8bd17c);

/// A plot and how high it wants to be.
struct Panel {
  double height = 0;
  std::function<void(Canvas&, const Box&)> draw;
};

Panel Bars(BarPlot plot) {
  const double height = 34 + 22 * static_cast<double>(std::max<size_t>(1, plot.bars.size()));
  return {.height = height, .draw = [plot = std::move(plot)](Canvas& canvas, const Box& box) {
            DrawBars(canvas, box, plot);
          }};
}

Panel Histogram(const std::string& title, const std::string& x_label, const Distribution& values,
                const Colour& colour) {
  HistogramPlot plot{.title = title,
                     .note = fmt::format("{} values, mean {:.2f}, {:.2f} to {:.2f}",
                                         Thousands(static_cast<double>(values.count)),
                                         values.Mean(), values.smallest, values.largest),
                     .x_label = x_label,
                     .low = values.low,
                     .bin_width = values.bin_width,
                     .bins = {values.bins.begin(), values.bins.end()},
                     .colour = colour};
  return {.height = 230, .draw = [plot = std::move(plot)](Canvas& canvas, const Box& box) {
            DrawHistogram(canvas, box, plot);
          }};
}

BarPlot PlotOf(const std::string& title, const std::vector<Count>& counts,
               const std::function<Colour(const std::string&)>& colour, bool logarithmic) {
  BarPlot plot{.title = title,
               .note = logarithmic ? "logarithmic" : "",
               .bars = {},
               .logarithmic = logarithmic};
  for (const Count& one : counts) {
    plot.bars.push_back(
        {.label = one.name, .value = static_cast<double>(one.count), .colour = colour(one.name)});
  }
  return plot;
}

Colour Plain(const std::string&) { return kAccent; }

Panel MetaActions(const Statistics& statistics) {
  BarPlot plot{.title = "Meta actions",
               .note = fmt::format("{} keyframes labelled",
                                   Thousands(static_cast<double>(statistics.meta_actions))),
               .bars = {}};
  constexpr std::array<Colour, 3> kColours = {Rgb(0x9aa7b5), kSecond, Rgb(0xff8a65)};
  for (size_t direction = 0; direction < data::kDirectionNames.size(); ++direction) {
    for (size_t velocity = 0; velocity < data::kVelocityNames.size(); ++velocity) {
      const uint64_t count = statistics.meta_action[velocity][direction];
      if (count == 0) continue;
      plot.bars.push_back({.label = fmt::format("{}, {}", data::kDirectionNames[direction],
                                                data::kVelocityNames[velocity]),
                           .value = static_cast<double>(count),
                           .colour = kColours[velocity]});
    }
  }
  return Bars(std::move(plot));
}

Panel Occupancy(const Statistics& statistics) {
  const auto& counts = statistics.occupancy;
  const auto frames = static_cast<double>(std::max<uint64_t>(1, statistics.occupancy_read));
  constexpr double kVoxels = 200.0 * 200 * 16;
  BarPlot plot{.title = "Occupied voxels a keyframe",
               .note = fmt::format(
                   "{} of {} keyframes, logarithmic; seen by lidar {:.1f} %, by cameras {:.1f} %",
                   statistics.occupancy_read, statistics.occupancy_frames,
                   100 * static_cast<double>(counts.SeenByLidar()) / frames / kVoxels,
                   100 * static_cast<double>(counts.SeenByCamera()) / frames / kVoxels),
               .bars = {},
               .logarithmic = true};
  for (size_t label = 0; label < data::kFreeClass; ++label) {
    const double mean = static_cast<double>(counts.classes[label]) / frames;
    std::string name(data::kOccupancyClasses[label]);
    std::replace(name.begin(), name.end(), '_', ' ');
    plot.bars.push_back({.label = name,
                         .value = mean,
                         .colour = kOccupancyColours[label],
                         .text = mean < 10 ? fmt::format("{:.2f}", mean) : ""});
  }
  return Bars(std::move(plot));
}

std::vector<Panel> Panels(const Statistics& statistics) {
  std::vector<Panel> panels;
  panels.push_back(Bars(PlotOf(
      "Boxes by category", statistics.categories,
      [](const std::string& name) { return CategoryColour(name); },
      /*logarithmic=*/true)));
  panels.push_back(Bars(PlotOf("Boxes by lidar points", statistics.lidar_points, Plain, false)));
  panels.push_back(Histogram("Speed of boxes", "m/s", statistics.box_speed, kSecond));
  panels.push_back(
      Histogram("Distance of boxes", "metres from the car", statistics.box_distance, kSecond));
  panels.push_back(Histogram("Speed of the car", "m/s", statistics.ego_speed, kAccent));
  panels.push_back(Histogram("From keyframe to keyframe", "s", statistics.gap, kAccent));
  panels.push_back(Bars(PlotOf("Boxes by attribute", statistics.attributes, Plain, false)));
  panels.push_back(Bars(PlotOf("Scenes by place", statistics.places, Plain, false)));
  if (statistics.meta_actions > 0) panels.push_back(MetaActions(statistics));
  if (statistics.occupancy_read > 0) panels.push_back(Occupancy(statistics));
  if (!statistics.question_kinds.empty())
    panels.push_back(Bars(PlotOf("Questions by kind", statistics.question_kinds, Plain, false)));
  return panels;
}

}  // namespace

data::Image DrawStatistics(const Statistics& statistics) {
  const std::vector<Panel> panels = Panels(statistics);
  // Each goes where more room is left: two columns of about the same height.
  std::array<double, 2> bottom = {kTitle, kTitle};
  std::vector<Box> boxes;
  for (const Panel& panel : panels) {
    const size_t column = bottom[0] <= bottom[1] ? 0 : 1;
    boxes.push_back({kMargin + static_cast<double>(column) * (kColumn + kColumnGap), bottom[column],
                     kColumn, panel.height});
    bottom[column] += panel.height + kRowGap;
  }
  Canvas canvas(kWidth, static_cast<int>(std::max(bottom[0], bottom[1]) + kMargin - kRowGap),
                kBackground);
  const std::string title = fmt::format("{}, split {}", Shortened(statistics.version, 60),
                                        Shortened(statistics.split, 60));
  const TextStyle style{.size_px = 22, .colour = kText, .bold = true};
  canvas.Text(kMargin, 43, title, style);
  canvas.Text(kMargin + canvas.TextWidth(title, style) + 18, 43,
              fmt::format("{} scenes, {} keyframes, {} boxes of {} things",
                          Thousands(static_cast<double>(statistics.scenes)),
                          Thousands(static_cast<double>(statistics.keyframes)),
                          Thousands(static_cast<double>(statistics.boxes)),
                          Thousands(static_cast<double>(statistics.tracks))),
              {.size_px = 15, .colour = kMutedText});
  for (size_t index = 0; index < panels.size(); ++index) panels[index].draw(canvas, boxes[index]);
  return canvas.ToImage();
}

}  // namespace occvla::view
