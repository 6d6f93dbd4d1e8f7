#include "occvla/view/frame_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <vector>

#include "occvla/view/palette.h"
#include "occvla/view/scene_box.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

constexpr size_t kMostTextBytes = 2000;
constexpr double kLineHeight = 19;
constexpr TextStyle kBody{.size_px = 14, .colour = kText};
constexpr TextStyle kMuted{.size_px = 13, .colour = kMutedText};

/// Writes from the top to the bottom of a box and stops there.
class Column {
 public:
  Column(Canvas& canvas, const Box& box) : canvas_(canvas), box_(box), y_(box.y) {}

  bool Fits(double lines) const { return y_ + lines * kLineHeight <= box_.bottom(); }

  void Heading(std::string_view text) {
    y_ += 8;
    canvas_.Text(box_.x, y_ + 12, text, {.size_px = 11, .colour = kMutedText, .bold = true});
    y_ += 20;
  }

  void Write(std::string_view text, size_t most_lines, const TextStyle& style = kBody,
             double indent = 0) {
    const auto measure = [&](std::string_view part) { return canvas_.TextWidth(part, style); };
    for (const std::string& line :
         Wrap(Shortened(text, kMostTextBytes), box_.width - indent, most_lines, measure)) {
      if (!Fits(1)) return;
      canvas_.Text(box_.x + indent, y_ + 14, line, style);
      y_ += kLineHeight;
    }
  }

  /// A name on the left, its value beside it.
  void Row(std::string_view name, std::string_view value) {
    if (!Fits(1)) return;
    canvas_.Text(box_.x, y_ + 14, name, kMuted);
    const double top = y_;
    Write(value, 2, kBody, 96);
    if (y_ == top) y_ += kLineHeight;
  }

  /// A name and a count with a swatch, two a line.
  void Count(std::string_view name, int64_t count, const Colour& colour, size_t index) {
    const double half = box_.width / 2, x = box_.x + (index % 2 == 0 ? 0 : half);
    canvas_.FillBox({x, y_ + 3, 12, 12}, colour, 3);
    canvas_.Text(x + 20, y_ + 14, name, kMuted);
    canvas_.Text(x + half - 24, y_ + 14, fmt::format("{}", count),
                 {.size_px = 13, .colour = kText, .align = Align::kRight});
    if (index % 2 == 1) y_ += kLineHeight;
  }
  void EndCounts(size_t count) {
    if (count % 2 == 1) y_ += kLineHeight;
  }

 private:
  Canvas& canvas_;  // Not owned.
  Box box_;
  double y_;
};

std::string MotionText(const data::Frame& frame) {
  if (!frame.ego.velocity_E) return "unknown";
  const auto& [x, y] = *frame.ego.velocity_E;
  std::string text =
      fmt::format("{:.1f} m/s ({:.0f} km/h)", std::hypot(x, y), std::hypot(x, y) * 3.6);
  const auto count = [](const auto& moments) {
    return std::count_if(moments.begin(), moments.end(), [](const auto& m) { return !!m; });
  };
  return text +
         fmt::format(", {} keyframes before, {} after", count(frame.past), count(frame.future));
}

void WriteAnnotations(Column& column, const data::Frame& frame, const FrameNotes& notes) {
  std::map<std::string, int64_t> counts;
  for (const data::Annotation& one : frame.annotations) ++counts[one.category];
  std::string heading = fmt::format("ANNOTATED: {} BOXES", frame.annotations.size());
  if (notes.lidar_points >= 0) heading += fmt::format(", {} LIDAR POINTS", notes.lidar_points);
  column.Heading(heading);
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  constexpr size_t kMost = 12;
  const size_t shown = std::min(sorted.size(), kMost);
  for (size_t index = 0; index < shown; ++index) {
    const auto& [category, count] = sorted[index];
    // "human.pedestrian.adult" -> "adult", "vehicle.car" -> "car": the rest says little.
    constexpr std::string_view kPerson = "human.pedestrian.";
    const size_t dot = category.find('.');
    const size_t start = category.starts_with(kPerson) ? kPerson.size()
                         : dot == std::string::npos    ? 0
                                                       : dot + 1;
    column.Count(std::string_view(category).substr(start), count, CategoryColour(category), index);
  }
  column.EndCounts(shown);
  if (sorted.size() > shown)
    column.Write(fmt::format("and {} more categories", sorted.size() - shown), 1, kMuted);
}

}  // namespace

std::string UtcText(int64_t timestamp_us) {
  if (timestamp_us == 0) return "";
  const auto seconds = static_cast<std::time_t>(timestamp_us / 1'000'000);
  std::tm utc{};
  if (::gmtime_r(&seconds, &utc) == nullptr) return "";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void DrawFrameFacts(Canvas& canvas, const Box& box, const data::Frame& frame,
                    const FrameNotes& notes) {
  Column column(canvas, box);
  const auto known = [](const std::string& text) { return text.empty() ? "unknown" : text; };
  column.Row("scene", known(frame.scene));
  column.Row("place", known(frame.location));
  column.Row("time", known(frame.now ? UtcText(frame.now->timestamp_us) : ""));
  column.Row("motion", MotionText(frame));
  column.Row("meta action", frame.meta_action ? ToString(*frame.meta_action) : "not labelled");
  if (!notes.description.empty()) {
    column.Heading("WHAT THE ANNOTATORS SAY OF THE SCENE");
    column.Write(notes.description, 4);
  }
  WriteAnnotations(column, frame, notes);
  column.Heading(fmt::format("QUESTIONS: {}", frame.questions.size()));
  for (const data::QuestionAnswer& one : frame.questions) {
    if (!column.Fits(3)) break;
    column.Write(one.question, 2, kMuted);
    column.Write(one.answer, 2, kBody, 16);
  }
}

}  // namespace occvla::view
