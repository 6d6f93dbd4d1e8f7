#include "occvla/train/run_checkpoints.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/model/files/folder_writer.h"
#include "occvla/model/files/json_fields.h"
#include "occvla/model/tensors.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kMaxJson = size_t{64} << 20;

std::string StateFile(int rank) {
  return "training_state-" + std::to_string(rank) + ".safetensors";
}

// Contiguous CPU copies that outlive the views of them.
class Views {
 public:
  void Add(const std::string& name, const at::Tensor& tensor) {
    kept_.push_back(tensor.detach().cpu().contiguous());
    views_[name] = model::ViewOfTensor(kept_.back());
  }
  const std::map<std::string, TensorView, std::less<>>& views() const { return views_; }

 private:
  std::vector<at::Tensor> kept_;
  std::map<std::string, TensorView, std::less<>> views_;
};

at::ScalarType StoredType(DType dtype) { return model::ScalarTypeOf(dtype); }

void WriteWeights(const CheckpointPlan& plan, const fs::path& folder, model::Origin& origin) {
  Views trained;
  for (const auto& parameter : plan.parameters.trained())
    trained.Add(parameter.name, parameter.value.detach().to(StoredType(plan.dtype)));
  if (plan.base) {
    model::WriteOverlay(folder, plan.config, trained.views(), *plan.base);
    model::WriteOrigin(folder, origin);
    return;
  }
  model::FolderPlan whole;
  for (const auto& spec : model::ExpectedTensors(plan.config)) {
    const auto found = trained.views().find(spec.name);
    if (found != trained.views().end()) {
      whole.tensors.push_back({spec, plan.dtype, found->second, 0});
      continue;
    }
    const auto& kept = plan.parameters.weights().find(spec.name)->second;
    const bool halves = plan.dtype == DType::kBF16 && kept.scalar_type() == at::kFloat;
    trained.Add(spec.name, halves ? kept.to(at::kBFloat16) : kept);
    const auto& view = trained.views().find(spec.name)->second;
    whole.tensors.push_back({spec, view.dtype, view, 0});
  }
  whole.texts = model::CompanionTexts(plan.config);
  whole.texts["config.json"] = model::ConfigToJson(plan.config);
  whole.texts["origin.json"] = model::OriginToJson(origin);
  if (plan.start.tokenizer_folder())
    whole.copies = model::TokenizerCopies(*plan.start.tokenizer_folder());
  const auto weights = folder / "weights";
  model::WriteFolder(weights, whole);
  for (const auto& entry : fs::directory_iterator(weights)) {
    std::error_code error;
    fs::rename(entry.path(), folder / entry.path().filename(), error);
    if (error) ThrowWriteError(folder, error.value());
  }
  fs::remove(weights);
}

}  // namespace

void WriteStatePart(const CheckpointPlan& plan, const AdamW& optimizer, int64_t step) {
  const auto folder = UnfinishedCheckpoint(plan.folder, step);
  fs::create_directories(folder);
  Views views;
  const auto& trained = plan.parameters.trained();
  for (size_t i = 0; i < trained.size(); ++i) {
    const auto& moments = optimizer.moments()[i];
    if (!moments.first.defined()) continue;
    views.Add("master/" + trained[i].name, trained[i].value);
    views.Add("first/" + trained[i].name, moments.first);
    views.Add("second/" + trained[i].name, moments.second);
  }
  WriteSafetensors(folder / StateFile(plan.rank), views.views());
}

fs::path WriteCheckpoint(const CheckpointPlan& plan, int64_t step, model::Origin origin) {
  const auto folder = UnfinishedCheckpoint(plan.folder, step);
  WriteWeights(plan, folder, origin);
  return folder;
}

fs::path FinishCheckpoint(const CheckpointPlan& plan, const TrainingState& state,
                          const model::Origin& origin) {
  const auto folder = UnfinishedCheckpoint(plan.folder, state.step);
  model::WriteOrigin(folder, origin);
  Json json{{"step", state.step},
            {"position", state.position},
            {"ranks", plan.ranks},
            {"best", state.best ? Json(*state.best) : Json()},
            {"best_step", state.best_step},
            {"validated_step", state.validated_step},
            {"codes_unused_for", state.codes_unused_for}};
  WriteFileAtomically(folder / "training_state.json", std::string_view(json.dump(1) + "\n"));
  return SealCheckpoint(plan.folder, state.step);
}

TrainingState RestoreCheckpoint(const CheckpointPlan& plan, const fs::path& checkpoint,
                                AdamW* optimizer) {
  const c10::AutoGradMode off(false);
  RequireSound(checkpoint);
  const auto path = checkpoint / "training_state.json";
  const auto json =
      model::ParseJsonObject(ReadTextFile(path, kMaxJson, ErrorKind::kCheckpoint), path.string());
  std::vector<std::string> complaints;
  model::JsonFields fields(json, "", complaints);
  TrainingState state;
  int64_t position = 0, ranks = 1;
  fields.Read("step", state.step);
  fields.Read("position", position);
  fields.Read("ranks", ranks);
  fields.Read("best_step", state.best_step);
  if (!complaints.empty() || ranks < 1 || ranks > 4096 || position < 0)
    throw CheckpointError(path.string() + ": is no training state: " + Join(complaints, "; "));
  state.position = static_cast<uint64_t>(position);
  if (const auto* best = fields.Find("best")) state.best = best->get<double>();
  state.validated_step = json.value("validated_step", int64_t{0});
  state.codes_unused_for = json.value("codes_unused_for", std::vector<int64_t>());

  std::vector<std::unique_ptr<SafetensorsFile>> parts;
  for (int rank = 0; rank < ranks; ++rank)
    parts.push_back(std::make_unique<SafetensorsFile>(checkpoint / StateFile(rank)));
  const auto read = [&](const std::string& name, const at::Tensor& like) {
    for (const auto& part : parts) {
      if (!part->Contains(name)) continue;
      const auto tensor = model::TensorFromView(part->At(name), name);
      if (tensor.sizes() != like.sizes())
        throw CheckpointError(part->path().string() + ": " + name +
                              " has another shape than in this run.");
      return tensor;
    }
    throw CheckpointError(checkpoint.string() + ": the training state lacks " + name +
                          ". It belongs to a run that trains other modules.");
  };
  std::vector<AdamW::Moments> moments;
  for (const auto& parameter : plan.parameters.trained()) {
    auto value = parameter.value;
    value.copy_(read("master/" + parameter.name, value));
    moments.push_back({read("first/" + parameter.name, value).to(value.scalar_type()),
                       read("second/" + parameter.name, value).to(value.scalar_type())});
  }
  optimizer->Restore(state.step, moments);
  return state;
}

std::string StateHash(const Parameters& parameters, const AdamW& optimizer) {
  std::string text;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    const auto bytes = tensor.detach().cpu().contiguous();
    text += name + " " + Sha256(model::ViewOfTensor(bytes).bytes) + "\n";
  };
  const auto& trained = parameters.trained();
  for (size_t i = 0; i < trained.size(); ++i) {
    add(trained[i].name, trained[i].value);
    if (!optimizer.moments()[i].first.defined()) continue;
    add("first", optimizer.moments()[i].first);
    add("second", optimizer.moments()[i].second);
  }
  return Sha256(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace occvla::train
