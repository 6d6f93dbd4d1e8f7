#include "occvla/label/cot_template_file.h"

#include <optional>
#include <set>

#include "occvla/base/error.h"
#include "occvla/label/cot_file.h"

namespace occvla::label {
namespace {

struct Made {
  std::optional<CotLabel> label;  // Nothing where the keyframe has no meta action.
  Reason reason = Reason::kNone;
};

Made Make(const data::nuscenes::Dataset& dataset, data::nuscenes::Row sample, uint64_t seed) {
  const data::Frame frame = dataset.FrameOf(sample);
  if (!frame.meta_action) return {};
  const SceneGraph graph = GraphOf(frame, NotesOf(dataset, sample));
  CotLabel label;
  label.token = frame.token;
  const auto& past = frame.ego.past_meta_actions;
  label.past.assign(past.end() - static_cast<long>(std::min(past.size(), kPromptActions)),
                    past.end());
  label.text = TemplateChainOfThought(graph, label.past, *frame.meta_action, seed);
  label.maker = kTemplateMaker;
  return {std::move(label), ReasonFor(graph, *frame.meta_action)};
}

}  // namespace

CotReport WriteTemplateCot(const data::nuscenes::Dataset& dataset, const MakeOptions& options) {
  CotReport report;
  report.file = options.out.empty() ? dataset.options().dataroot / dataset.options().version /
                                          "chain_of_thought.json"
                                    : options.out;
  RefuseToOverwrite({report.file}, options);
  const auto keyframes = dataset.KeyFrames(options.split);
  CotFileWriter writer(report.file);
  std::set<std::string> texts;
  ForKeyFrames(
      keyframes, options,
      [&](data::nuscenes::Row sample) { return Make(dataset, sample, options.seed); },
      [&](Made&& made) {
        ++report.keyframes;
        if (options.progress) options.progress(report.keyframes, keyframes.size());
        if (!made.label) return;
        writer.Add(*made.label);
        ++report.labels;
        ++report.actions[ToString(made.label->text.meta_action)];
        ++report.reasons[std::string(kReasonNames[static_cast<size_t>(made.reason)])];
        texts.insert(made.label->text.scene + made.label->text.intent);
      });
  if (report.labels == 0) {
    throw DataError("none of the " + std::to_string(report.keyframes) + " keyframes of split " +
                    options.split +
                    " has a meta action to explain. Make them with `occvla label meta-actions`, or "
                    "name their file with --meta-actions.");
  }
  report.texts = texts.size();
  writer.Commit();
  return report;
}

}  // namespace occvla::label
