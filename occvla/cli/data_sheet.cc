#include <fmt/format.h>

#include <ostream>

#include "occvla/base/error.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/view/contact_sheet.h"
#include "occvla/view/frame_sheet.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Dataset;

struct Flags {
  DatasetFlags dataset;
  std::string split = "all", out;
  std::vector<std::string> tokens;
  int count = 12;
};

/// The named keyframes, or `count` of the split at even distances.
std::vector<data::Frame> Frames(const Dataset& dataset, const Flags& flags) {
  std::vector<data::Frame> frames;
  for (const auto& token : flags.tokens) frames.push_back(dataset.FrameOf(token));
  if (!frames.empty()) return frames;
  const auto rows = dataset.KeyFrames(flags.split);
  const size_t count = std::min(rows.size(), static_cast<size_t>(flags.count));
  for (size_t i = 0; i < count; ++i)
    frames.push_back(dataset.FrameOf(rows[(2 * i + 1) * rows.size() / (2 * count)]));
  return frames;
}

view::ContactCell CellOf(const Dataset& dataset, const data::Frame& frame) {
  view::FrameParts parts = view::ReadFrameParts(frame);
  const auto& tables = dataset.tables();
  const auto scene = tables.FindScene(frame.scene);
  view::ContactCell cell;
  cell.front = std::move(parts.images[0].image);
  cell.problem = std::move(parts.images[0].problem);
  cell.around = std::move(parts.around);
  cell.title = frame.scene;
  if (frame.meta_action) cell.title += ": " + data::ToString(*frame.meta_action);
  if (scene) cell.caption = tables.Text(tables.rows().scene[*scene].description);
  return cell;
}

void Run(const Flags& flags, const Context& context) {
  const Dataset dataset = Dataset::Open(OptionsFrom(flags.dataset));
  const auto frames = Frames(dataset, flags);
  WorkProgress progress(context, "reading", "keyframes");
  std::vector<view::ContactCell> cells;
  for (const auto& frame : frames) {
    cells.push_back(CellOf(dataset, frame));
    progress(cells.size(), frames.size());
  }
  data::WriteImage(flags.out, view::DrawContactSheet(cells));
  context.out << flags.out << ": " << cells.size() << " keyframes\n";
}

}  // namespace

void AddDataSheet(CLI::App& data, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *data.add_subcommand(
      "sheet", "Many keyframes on one page, each from the front camera and from above");
  AddDatasetFlags(verb, flags->dataset);
  auto* split = AddSplitFlag(verb, flags->split);
  auto* count = verb.add_option("--count", flags->count, "Keyframes, at even distances")
                    ->check(CLI::Range(1, 60))
                    ->capture_default_str();
  verb.add_option("--token", flags->tokens, "These keyframes instead; may be given again")
      ->type_name("T")
      ->excludes(split)
      ->excludes(count);
  verb.add_option("--out", flags->out, "The picture: .png, or .jpg, which is smaller")
      ->required()
      ->type_name("FILE");
  verb.footer(
      "Draws without a display.\nExample:\n  occvla data sheet --dataroot data/nuscenes --version "
      "v1.0-mini --split mini_val --out sheet.jpg");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
