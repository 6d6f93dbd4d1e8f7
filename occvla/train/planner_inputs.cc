#include "occvla/train/planner_inputs.h"

#include <ATen/Functions.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/progress.h"
#include "occvla/base/safetensors.h"
#include "occvla/model/tensors.h"

namespace occvla::train {
namespace {

// [frames, C] float32, [frames, 2] int64.
struct Tables {
  at::Tensor hidden, actions;
};

Tables Compute(const Feed& images, const model::OccVla& model,
               const PlannerInputs::PredictActions& predict, FrameThreads& threads,
               const std::stop_token& interrupt) {
  const auto actions = predict();
  const auto frames = static_cast<int64_t>(images.frames());
  Tables tables{at::empty({frames, model.config().text.hidden}),
                at::empty({frames, 2}, at::TensorOptions().dtype(at::kLong))};
  Progress bar("planner inputs", images.frames(), "frames");
  threads.Run(
      images.frames(),
      [&](size_t i) {
        if (interrupt.stop_requested()) throw BusyError("train: interrupted.");
        const auto example = images.Make(i, i);
        const auto found = actions.find(example.token);
        if (found == actions.end())
          throw DataError("stage planner: no meta action was predicted for " + example.token + ".");
        const auto row = static_cast<int64_t>(i);
        tables.hidden[row].copy_(ImageHidden(model, example).mean(0));
        tables.actions[row][0] = static_cast<int64_t>(found->second.velocity);
        tables.actions[row][1] = static_cast<int64_t>(found->second.direction);
      },
      [&](size_t) { bar.Add(); });
  return tables;
}

}  // namespace

PlannerInputs PlannerInputs::Make(const std::filesystem::path& file, const std::string& identity,
                                  const Feed& images, const model::OccVla& model,
                                  const PredictActions& predict, FrameThreads& threads,
                                  const std::stop_token& interrupt) {
  const auto frames = static_cast<int64_t>(images.frames());
  Tables tables;
  bool found = false;
  if (std::filesystem::exists(file)) {
    const SafetensorsFile kept(file);
    const auto known = kept.metadata().find("identity");
    if (known != kept.metadata().end() && known->second == identity) {
      tables.hidden = model::TensorFromView(kept.At("hidden"), "hidden").clone();
      tables.actions = model::TensorFromView(kept.At("actions"), "actions").clone();
      found = tables.hidden.dim() == 2 && tables.hidden.size(0) == frames &&
              tables.actions.sizes() == at::IntArrayRef({frames, 2});
    }
  }
  if (!found) {
    tables = Compute(images, model, predict, threads, interrupt);
    WriteSafetensors(file,
                     {{"hidden", model::ViewOfTensor(tables.hidden)},
                      {"actions", model::ViewOfTensor(tables.actions)}},
                     {{"identity", identity}});
  }
  PlannerInputs inputs;
  const auto device = model.language().embedding.device();
  for (int64_t i = 0; i < frames; ++i) {
    const auto velocity = tables.actions[i][0].item<int64_t>();
    const auto direction = tables.actions[i][1].item<int64_t>();
    if (velocity < 0 || velocity > 2 || direction < 0 || direction > 5)
      throw DataError(file.string() + ": holds a meta action that is none; remove the file.");
    inputs.inputs_[std::string(images.Token(static_cast<size_t>(i)))] = {
        tables.hidden.narrow(0, i, 1).to(device),
        {static_cast<data::Velocity>(velocity), static_cast<data::Direction>(direction)}};
  }
  return inputs;
}

const PlannerInput& PlannerInputs::Of(const std::string& token) const {
  const auto found = inputs_.find(token);
  if (found == inputs_.end())
    throw DataError("stage planner: frame " + token + " has no planner input.");
  return found->second;
}

}  // namespace occvla::train
