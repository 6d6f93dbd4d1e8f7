#include "occvla/view/drive_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <optional>

#include "occvla/base/text.h"
#include "occvla/view/birds_eye.h"
#include "occvla/view/camera_view.h"
#include "occvla/view/canvas.h"
#include "occvla/view/palette.h"
#include "occvla/view/text_layout.h"
#include "occvla/view/voxel_view.h"

namespace occvla::view {
namespace {

constexpr int kWidth = 1920, kHeight = 1080;
constexpr double kMargin = 20, kGap = 8, kTitle = 52;
constexpr double kLeft = 1248;                           ///< Width of the cameras' column.
constexpr double kRight = kWidth - 3 * kMargin - kLeft;  ///< Width of the other one.
constexpr double kAboveHeight = 560, kAboveRadius = 40;  ///< Pixels; metres.
constexpr double kLegendHeight = 100, kLineHeight = 19;
constexpr size_t kMostTextBytes = 3000;

/// The driven way from where the car came to where it went, in one line.
std::vector<PathPoint> WholeWay(const DrivenPath& driven) {
  std::vector<PathPoint> way = driven.past;
  way.insert(way.end(), driven.future.begin(), driven.future.end());
  return way;
}

void DrawTitle(Canvas& canvas, const data::Frame& frame, const DriveNotes& notes) {
  const TextStyle name{.size_px = 20, .colour = kText, .bold = true};
  const std::string scene(Shortened(frame.scene.empty() ? "one key frame" : frame.scene, 64));
  canvas.Text(kMargin, 34, scene, name);
  std::string rest = fmt::format("{} of {}", notes.index + 1, notes.count);
  if (frame.now) rest += "  " + UtcText(frame.now->timestamp_us);
  rest += fmt::format("  {}  {}", Shortened(notes.dataset, 64), Shortened(frame.token, 64));
  canvas.Text(kMargin + canvas.TextWidth(scene, name) + 14, 34, rest,
              {.size_px = 14, .colour = kMutedText});
  double x = kWidth - kMargin;
  const auto key = [&](std::string_view text, const Colour& colour) {
    const TextStyle style{.size_px = 13, .colour = kMutedText};
    x -= canvas.TextWidth(text, style);
    canvas.Text(x, 34, text, style);
    canvas.FillBox({x - 24, 28, 18, 4}, colour, 2);
    x -= 44;
  };
  if (notes.prediction != nullptr) {
    key("driven", kPathPast);
    key("planned, 3 s", kPathFar);
  } else {
    key("came", kPathPast);
    key("went, 3 s", kPathFar);
  }
}

/// How far into the drive this page is, along the upper edge.
void DrawTimeLine(Canvas& canvas, const DriveNotes& notes) {
  if (notes.count == 0) return;
  const double share = static_cast<double>(notes.index + 1) / static_cast<double>(notes.count);
  canvas.FillBox({0, 0, kWidth * 1.0, 4}, kPanel);
  canvas.FillBox({0, 0, kWidth * share, 4}, kPathFar);
}

data::Image Voxels(const data::OccupancyGrid& grid, const Box& box) {
  return DrawVoxels(grid.labels,
                    ChaseCamera(static_cast<int>(box.width), static_cast<int>(box.height)),
                    {.background = kPanel});
}

/// `voxels` may be empty: `problem` says why.
void DrawVoxelPanel(Canvas& canvas, const Box& box, std::string_view title,
                    const data::Image& voxels, std::string_view problem) {
  canvas.FillBox(box, kPanel);
  if (!voxels.rgb.empty()) {
    canvas.Paint(voxels, box.x, box.y);
  } else {
    const TextStyle style{.size_px = 13, .colour = kWarning, .align = Align::kCentre};
    const auto measure = [&](std::string_view text) { return canvas.TextWidth(text, style); };
    double y = box.y + box.height / 2;
    for (const std::string& line : Wrap(Shortened(problem, 400), box.width - 40, 3, measure)) {
      canvas.Text(box.x + box.width / 2, y, line, style);
      y += kLineHeight;
    }
  }
  const TextStyle style{.size_px = 12, .colour = kText, .bold = true};
  canvas.FillBox({box.x + 8, box.y + 8, canvas.TextWidth(title, style) + 16, 22},
                 kBackground.WithAlpha(0.72), 4);
  canvas.Text(box.x + 16, box.y + 23.5, title, style);
}

void DrawOccupancy(Canvas& canvas, const Box& box, const FrameParts& parts,
                   const DriveNotes& notes) {
  std::optional<data::OccupancyGrid> truth;
  if (parts.occupancy) truth = ShownVoxels(*parts.occupancy, VoxelsShown::kAll);
  const bool two = notes.prediction != nullptr;
  const data::OccupancyGrid* predicted =
      two && notes.prediction->occupancy ? &*notes.prediction->occupancy : nullptr;
  const double height = box.height - kLegendHeight;
  const double width = two ? (box.width - kGap) / 2 : box.width;
  const Box first{box.x, box.y, width, height}, second{box.x + width + kGap, box.y, width, height};
  // Half a second each: the slowest part of a page.
  std::future<data::Image> beside;
  if (predicted != nullptr)
    beside = std::async(std::launch::async, [&] { return Voxels(*predicted, second); });
  DrawVoxelPanel(canvas, first, two ? "OCCUPANCY, TRUE" : "OCCUPANCY",
                 truth ? Voxels(*truth, first) : data::Image{},
                 "no occupancy: " + parts.occupancy_problem);
  if (two) {
    DrawVoxelPanel(canvas, second, "OCCUPANCY, PREDICTED",
                   predicted != nullptr ? beside.get() : data::Image{},
                   "no occupancy was predicted");
  }
  const Box legend{box.x, box.y + height + 12, box.width, kLegendHeight - 12};
  if (truth) {
    DrawLegend(canvas, legend, *truth);
  } else if (predicted != nullptr) {
    DrawLegend(canvas, legend, *predicted);
  }
}

/// Writes downwards and stops at the lower edge.
class Words {
 public:
  Words(Canvas& canvas, const Box& box) : canvas_(canvas), box_(box), y_(box.y) {}

  void Heading(std::string_view text) {
    if (y_ + 40 > box_.bottom()) return;
    canvas_.Text(box_.x, y_ + 12, text, {.size_px = 11, .colour = kMutedText, .bold = true});
    y_ += 20;
  }
  void Write(std::string_view text, const TextStyle& style, size_t most_lines) {
    const auto measure = [&](std::string_view part) { return canvas_.TextWidth(part, style); };
    const double line = std::max(kLineHeight, style.size_px * 1.3);
    for (const std::string& one :
         Wrap(Shortened(text, kMostTextBytes), box_.width, most_lines, measure)) {
      if (y_ + line > box_.bottom()) return;
      canvas_.Text(box_.x, y_ + line - 6, one, style);
      y_ += line;
    }
  }
  void Gap() { y_ += 8; }

 private:
  Canvas& canvas_;  // Not owned.
  Box box_;
  double y_;
};

void DrawWords(Canvas& canvas, const Box& box, const data::Frame& frame, const DriveNotes& notes) {
  const TextStyle body{.size_px = 14, .colour = kText};
  const TextStyle action{.size_px = 20, .colour = kText, .bold = true};
  Words words(canvas, box);
  const data::Prediction* said = notes.prediction;
  if (said != nullptr) {
    words.Heading("META ACTION, PREDICTED");
    const bool wrong =
        said->meta_action && frame.meta_action && !(*said->meta_action == *frame.meta_action);
    words.Write(said->meta_action ? ToString(*said->meta_action) : "none",
                {.size_px = 20, .colour = wrong ? kWarning : kText, .bold = true}, 1);
    words.Gap();
  }
  words.Heading(said != nullptr ? "META ACTION, LABEL" : "META ACTION");
  words.Write(frame.meta_action ? ToString(*frame.meta_action) : "not labelled",
              said != nullptr ? body : action, 1);
  words.Gap();
  if (frame.ego.velocity_E) {
    const double speed = std::hypot((*frame.ego.velocity_E)[0], (*frame.ego.velocity_E)[1]);
    words.Heading("SPEED");
    words.Write(fmt::format("{:.1f} m/s ({:.0f} km/h)", speed, speed * 3.6), body, 1);
    words.Gap();
  }
  if (said != nullptr && !said->text.empty()) {
    words.Heading("WHAT THE MODEL SAID");
    words.Write(said->text, body, 14);
    words.Gap();
    if (!said->flags.empty()) {
      words.Heading("FLAGS");
      words.Write(Join(said->flags, "   "), {.size_px = 12, .colour = kWarning}, 2);
      words.Gap();
    }
  }
  if (!notes.description.empty()) {
    words.Heading("THE SCENE");
    words.Write(notes.description, {.size_px = 13, .colour = kMutedText}, 4);
    words.Gap();
  }
  if (said != nullptr || frame.questions.empty()) return;
  words.Heading(fmt::format("QUESTIONS: {}", frame.questions.size()));
  for (size_t index = 0; index < std::min(frame.questions.size(), size_t{6}); ++index) {
    words.Write(frame.questions[index].question, {.size_px = 13, .colour = kMutedText}, 2);
    words.Write(frame.questions[index].answer, body, 2);
  }
}

}  // namespace

data::Image DrawDrivePage(const data::Frame& frame, const FrameParts& parts,
                          const DriveNotes& notes) {
  Canvas canvas(kWidth, kHeight, kBackground);
  DrawTimeLine(canvas, notes);
  DrawTitle(canvas, frame, notes);
  // With a plan, the ribbon is the plan's and the line is the whole way that the car drove.
  Surroundings around = parts.around;
  if (notes.prediction != nullptr) {
    around.driven.past = WholeWay(parts.around.driven);
    around.driven.future.clear();
    if (notes.prediction->trajectory_E)
      around.driven.future = SmoothPath(*notes.prediction->trajectory_E);
  }
  const Overlay overlay{.path = around.driven.future,
                        .past = around.driven.past,
                        .map = &around.map,
                        .boxes = around.boxes};
  double top = 0;
  for (const CameraCell& cell : CameraCells(kMargin, kTitle, kLeft, kGap)) {
    const FrameParts::Picture& picture = parts.images[cell.camera];
    DrawCameraView(canvas, cell.box,
                   {.name = cell.name,
                    .image = picture.image,
                    .problem = picture.problem,
                    .camera = frame.images[cell.camera].camera},
                   overlay);
    top = std::ceil(cell.box.bottom()) + kGap;
  }
  DrawOccupancy(canvas, {kMargin, top, kLeft, kHeight - kMargin - top}, parts, notes);
  const double left = 2 * kMargin + kLeft;
  DrawSceneAbove(canvas, {left, kTitle, kRight, kAboveHeight}, around, kAboveRadius);
  const double words = kTitle + kAboveHeight + 16;
  DrawWords(canvas, {left, words, kRight, kHeight - kMargin - words}, frame, notes);
  return canvas.ToImage();
}

}  // namespace occvla::view
