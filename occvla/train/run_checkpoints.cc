#include "occvla/train/run_checkpoints.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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

constexpr std::string_view kStep = "step-";
constexpr std::string_view kUnfinished = ".unfinished-";
constexpr size_t kMaxJson = size_t{64} << 20;

std::string FolderName(int64_t step) {
  auto digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return std::string(kStep) + digits;
}

fs::path Unfinished(const fs::path& folder, int64_t step) {
  return folder / (std::string(kUnfinished) + FolderName(step));
}

std::string StateFile(int rank) {
  return "training_state-" + std::to_string(rank) + ".safetensors";
}

void SyncFolder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) ThrowWriteError(folder, errno);
  const int failed = fsync(fd), number = errno;
  close(fd);
  if (failed) ThrowWriteError(folder, number);
}

void Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) ThrowWriteError(to, error.value());
}

// Every file of a folder but content.json, by name.
std::vector<fs::path> FilesOf(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != "content.json")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// What is wrong with a checkpoint's files; empty when all are as they were written.
std::vector<std::string> DamageOf(const fs::path& folder) {
  const auto path = folder / "content.json";
  if (!fs::exists(path)) return {path.string() + " is missing"};
  const auto content =
      model::ParseJsonObject(ReadTextFile(path, kMaxJson, ErrorKind::kCheckpoint), path.string());
  std::vector<std::string> damage;
  for (const auto& [name, hash] : content.items()) {
    const auto file = folder / name;
    if (fs::path(name).filename() != name || !fs::is_regular_file(file)) {
      damage.push_back(file.string() + " is missing");
    } else if (!hash.is_string() || Sha256OfFile(file, ErrorKind::kCheckpoint) != hash) {
      damage.push_back(file.string() + " does not have the content that was written");
    }
  }
  return damage;
}

[[noreturn]] void ThrowDamage(const fs::path& checkpoint, const std::vector<std::string>& damage) {
  std::string advice = "No earlier checkpoint is there: the run must begin anew.";
  const auto all = CheckpointsIn(checkpoint.parent_path());
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (*it == checkpoint || *it > checkpoint || !DamageOf(*it).empty()) continue;
    advice = it->string() + " is sound: remove " + checkpoint.string() +
             " and give --resume again to go on from there.";
    break;
  }
  throw CheckpointError(checkpoint.string() + " is damaged:\n  - " + Join(damage, "\n  - ") + "\n" +
                        advice);
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
  for (const auto& file : FilesOf(weights)) Rename(file, folder / file.filename());
  fs::remove(weights);
}

}  // namespace

std::vector<fs::path> CheckpointsIn(const fs::path& folder) {
  std::vector<fs::path> found;
  if (!fs::is_directory(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !entry.is_symlink() &&
        entry.path().filename().string().starts_with(kStep))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

void WriteStatePart(const CheckpointPlan& plan, const AdamW& optimizer, int64_t step) {
  const auto folder = Unfinished(plan.folder, step);
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

fs::path FinishCheckpoint(const CheckpointPlan& plan, const TrainingState& state,
                          model::Origin origin) {
  const auto folder = Unfinished(plan.folder, state.step);
  const auto final = plan.folder / FolderName(state.step);
  WriteWeights(plan, folder, origin);
  Json json{{"step", state.step},           {"position", state.position},
            {"ranks", plan.ranks},          {"best", state.best ? Json(*state.best) : Json()},
            {"best_step", state.best_step}, {"codes_unused_for", state.codes_unused_for}};
  WriteFileAtomically(folder / "training_state.json", std::string_view(json.dump(1) + "\n"));
  Json content = Json::object();
  for (const auto& file : FilesOf(folder))
    content[file.filename().string()] = Sha256OfFile(file, ErrorKind::kCheckpoint);
  WriteFileAtomically(folder / "content.json", std::string_view(content.dump(1) + "\n"));
  SyncFolder(folder);
  // A run that lost its last steps to a damaged checkpoint comes by the same step again.
  fs::remove_all(final);
  Rename(folder, final);
  SyncFolder(plan.folder);
  return final;
}

void PointAt(const fs::path& folder, const std::string& name, const fs::path& checkpoint) {
  const auto temporary = folder / ("." + name);
  std::error_code error;
  fs::remove(temporary, error);
  fs::create_directory_symlink(checkpoint.filename(), temporary, error);
  if (error) ThrowWriteError(temporary, error.value());
  Rename(temporary, folder / name);
  SyncFolder(folder);
}

void Prune(const fs::path& folder, int64_t keep) {
  std::error_code ignored;
  const auto best = fs::read_symlink(folder / "best", ignored).filename();
  const auto all = CheckpointsIn(folder);
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i)
    if (all[i].filename() != best) fs::remove_all(all[i]);
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with(kUnfinished)) fs::remove_all(entry.path());
}

TrainingState RestoreCheckpoint(const CheckpointPlan& plan, const fs::path& checkpoint,
                                AdamW* optimizer) {
  const c10::AutoGradMode off(false);
  if (const auto damage = DamageOf(checkpoint); !damage.empty()) ThrowDamage(checkpoint, damage);
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
