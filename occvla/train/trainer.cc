#include "occvla/train/trainer.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>
#include <sstream>

#include "occvla/base/error.h"
#include "occvla/base/log.h"
#include "occvla/base/text.h"
#include "occvla/model/device.h"
#include "occvla/train/losses.h"
#include "occvla/train/optimizer.h"
#include "occvla/train/ranks.h"
#include "occvla/train/run_checkpoints.h"
#include "occvla/train/runs/partition.h"
#include "occvla/train/runs/run_folder.h"
#include "occvla/train/runs/step_meter.h"
#include "occvla/train/start.h"
#include "occvla/train/step.h"
#include "occvla/train/vqvae_loss.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFramesForClassWeights = 64, kFramesForLatents = 16;

at::ScalarType MasterType(Precision precision) {
  return precision == Precision::kFloat64 ? at::kDouble : at::kFloat;
}

at::ScalarType ComputeType(Precision precision) {
  if (precision == Precision::kFloat64) return at::kDouble;
  return precision == Precision::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

// Torch reads OMP_NUM_THREADS, which is a rank's share of the cores.
int Threads(const ComputeConfig& config) {
  return config.threads > 0 ? config.threads : at::get_num_threads();
}

// Sums in the order of a tree: 1, 2, 4, ... ranks give the same bits.
Ranks::Options OptionsOfRanks() {
  Ranks::Options options;
  options.order = SumOrder::kTree;
  return options;
}

// A new model is made by the first rank, in the run's folder.
StartModel OpenStartTogether(const RunConfig& run, Ranks& ranks) {
  std::optional<StartModel> start;
  if (ranks.rank() == 0) start = OpenStart(run, run.out / "start");
  ranks.Barrier();
  return start ? std::move(*start) : OpenStart(run, run.out / "start");
}

std::vector<int> OwnersOf(const Parameters& parameters, const Ranks& ranks) {
  std::vector<int64_t> sizes;
  for (const auto& parameter : parameters.trained()) sizes.push_back(parameter.value.numel());
  return OwnerOfParameters(sizes, ranks.size());
}

// What must be the same on every rank.
TrainConfig Comparable(TrainConfig config) {
  config.compute.device.clear();
  config.compute.threads = config.compute.workers = 0;
  return config;
}

bool SavesOverlay(const TrainConfig& config, const StartModel& start,
                  const Parameters& parameters) {
  if (config.keep.save == SaveAs::kWhole) return false;
  std::set<std::string> trained;
  for (const auto& parameter : parameters.trained()) trained.insert(parameter.name);
  for (const auto& name : start.replaced)
    if (!trained.count(name)) return false;  // The base does not have it as it is now.
  if (config.keep.save == SaveAs::kOverlay) return true;
  int64_t all = 0;
  for (const auto& [name, tensor] : start.weights) all += tensor.numel();
  return 2 * parameters.trained_elements() < all;
}

std::vector<bool> MineOf(const Parameters& parameters, const Ranks& ranks) {
  std::vector<bool> mine;
  for (const int owner : OwnersOf(parameters, ranks)) mine.push_back(owner == ranks.rank());
  return mine;
}

// ZeRO-1: each rank moved its part of the weights.
void ShareOwned(const TrainConfig& config, const Parameters& parameters, Ranks& ranks) {
  if (!config.optimizer.shard || ranks.size() == 1) return;
  std::vector<at::Tensor> values;
  for (const auto& tensor : parameters.TrainedTensors()) values.push_back(tensor.detach());
  ranks.BroadcastOwned(values, OwnersOf(parameters, ranks));
}

std::vector<std::string> NamesOf(const std::map<std::string, double>& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  return names;
}

RunFacts FactsOf(const TrainConfig& config, const StartModel& start, const Feed& feed, int ranks,
                 const Parameters& parameters) {
  return {.name = config.run.name,
          .stage = std::string(NameOfEnum(config.run.stage)),
          .preset = start.config.preset,
          .steps = config.optimizer.steps,
          .config = ToToml(config),
          .data_fingerprint = feed.fingerprint(),
          .parent = config.run.checkpoint.string(),
          .more = {{"device", config.compute.device},
                   {"ranks", std::to_string(ranks)},
                   {"frames", std::to_string(feed.frames())},
                   {"trained parameters", std::to_string(parameters.trained_elements())}},
          .may_change = {"run.out", "run.name", "keep", "compute.device", "compute.threads",
                         "compute.workers", "data.threads", "data.ahead", "optimizer.shard"}};
}

using Noted = std::map<std::string, std::pair<double, int64_t>>;

std::string NotedText(const Noted& noted) {
  std::ostringstream text;
  text << std::hexfloat;
  for (const auto& [name, value] : noted)
    text << name << ' ' << value.first << ' ' << value.second << '\n';
  return text.str();
}

Noted MergeNoted(const std::vector<std::string>& texts) {
  Noted merged;
  for (const auto& text : texts) {
    std::istringstream lines(text);
    std::string name, sum;
    for (int64_t count = 0; lines >> name >> sum >> count;) {
      merged[name].first += std::strtod(sum.c_str(), nullptr);
      merged[name].second += count;
    }
  }
  return merged;
}

// One run in this process: everything in the order in which the loop needs it.
class Run {
 public:
  Run(const TrainConfig& config, const TrainHooks& hooks);
  TrainResult Go(Begin begin);

 private:
  FeedOptions OptionsOfFeed(const Wish& wish) const;
  CheckpointPlan Plan();
  void Prepare();
  void Resume();
  at::Tensor CountedClassWeights() const;
  void InitialiseOccupancyProjector();
  void TrainStep(FeedLoader& loader);
  void Reduce(StepSums& sums);
  void CheckFinite(const at::Tensor& norm, const StepSums& sums,
                   const std::vector<Example>& frames);
  void MoveUnusedCodes(const StepSums& sums);
  void Note(const StepSums& sums, double norm);
  void Log(double learning_rate);
  void Save();
  void Validate();

  const TrainConfig& config_;
  const TrainHooks& hooks_;
  const Stage& stage_;
  const fs::path checkpoints_;
  Ranks ranks_;
  std::unique_ptr<RunFolder> folder_;  // Of the first rank alone.
  StartModel start_;
  std::optional<data::Tokenizer> tokenizer_;
  FrameThreads threads_;
  Parameters parameters_;
  model::OccVla model_;
  AdamW optimizer_;
  std::optional<Feed> feed_;
  std::optional<PlannerInputs> planner_;
  std::optional<FrameObjective> objective_;
  std::optional<StepRunner> runner_;
  std::optional<UnusedCodes> unused_;
  std::optional<model::BaseIdentity> base_;
  TrainingState state_;
  std::optional<StepMeter> meter_;
  // Since the last record.
  std::map<std::string, std::pair<double, int64_t>> noted_;
  at::Tensor confusion_, used_codes_;
  std::map<std::string, double> metrics_;  // The last of each.
  fs::path saved_;                         // The last checkpoint; of the first rank alone.
  int64_t saved_step_ = -1;                // Its step.
};

Run::Run(const TrainConfig& config, const TrainHooks& hooks)
    : config_(config),
      hooks_(hooks),
      stage_(StageOf(config.run.stage)),
      checkpoints_(config.run.out / "checkpoints"),
      ranks_(PlaceFromEnvironment(), OptionsOfRanks()),
      start_(OpenStartTogether(config.run, ranks_)),
      threads_(config.compute.workers > 0 ? config.compute.workers : Threads(config.compute),
               Threads(config.compute)),
      parameters_(start_.weights, PlanModules(stage_, config.optimizer),
                  config.optimizer.decay_vectors, MasterType(config.compute.precision),
                  model::OpenDevice(config.compute.device)),
      model_(start_.config, parameters_.weights(),
             {.compute = ComputeType(config.compute.precision),
              .device = model::OpenDevice(config.compute.device),
              .mask = {},
              .final_softcap = {}}),
      optimizer_(parameters_.trained(), config.optimizer,
                 config.optimizer.shard ? MineOf(parameters_, ranks_) : std::vector<bool>()) {
  model_.set_recompute_layers(config.compute.recompute_layers);
}

FeedOptions Run::OptionsOfFeed(const Wish& wish) const {
  FeedOptions options{.wish = wish,
                      .size_px = static_cast<int>(start_.config.vision.image_size),
                      .tokenizer = tokenizer_ ? &*tokenizer_ : nullptr,
                      .seed = config_.run.seed};
  options.wish.calibration = wish.images && start_.config.camera_rays;
  return options;
}

CheckpointPlan Run::Plan() {
  const bool shards = config_.optimizer.shard && ranks_.size() > 1;
  return {.folder = checkpoints_,
          .start = start_.checkpoint,
          .config = start_.config,
          .parameters = parameters_,
          .dtype = config_.keep.dtype == "BF16" ? DType::kBF16 : DType::kF32,
          .base = base_,
          .rank = shards ? ranks_.rank() : 0,
          .ranks = shards ? ranks_.size() : 1};
}

void Run::Prepare() {
  if (config_.keep.validate_every > 0 && !hooks_.validate)
    throw ConfigError(
        "train: keep.validate_every is set, but a VQ-VAE alone gives the engine nothing to say; "
        "set "
        "it to 0. Its metrics are in metrics.jsonl.");
  if (parameters_.trained().empty())
    throw ConfigError("train: nothing is trained; name modules in optimizer.train.");
  if (config_.optimizer.batch % ranks_.size() != 0) {
    throw ConfigError("train: optimizer.batch = " + std::to_string(config_.optimizer.batch) +
                      " does not divide among " + std::to_string(ranks_.size()) + " ranks.");
  }
  if (stage_.occupancy && start_.config.mask != model::MaskMode::kOccvla) {
    throw ConfigError(
        "train: stage joint needs mask occvla. Under mask paligemma the images' keys depend on the "
        "prompt, and the occupancy branch would see it.");
  }
  if ((stage_.occupancy || stage_.reconstruction) && !start_.config.has_occupancy)
    throw ConfigError("train: " + start_.checkpoint.folder().string() +
                      " has no occupancy branch; add one with `occvla convert`.");
  const auto& occupancy = start_.config.occupancy;
  if (stage_.occupancy && config_.compute.together > 1 &&
      (occupancy.self_attention || occupancy.text_sees))
    throw ConfigError(
        "train: compute.together > 1 needs occupancy queries that leave no keys behind "
        "(occupancy.self_attention and text_sees false); set it to 1.");
  if (stage_.trajectory && !start_.config.has_planner)
    throw ConfigError("train: " + start_.checkpoint.folder().string() +
                      " has no planning head; add one with `occvla convert`.");
  if (stage_.text) {
    if (!start_.checkpoint.tokenizer_folder())
      throw CheckpointError(start_.checkpoint.folder().string() + " has no tokenizer.");
    tokenizer_ = data::Tokenizer::Load(*start_.checkpoint.tokenizer_folder());
  }
  feed_ = Feed::Open(config_.data, OptionsOfFeed(WishOf(stage_)));
  ranks_.RequireEqual("configs", ToToml(Comparable(config_)));
  ranks_.RequireEqual("data fingerprints", feed_->fingerprint());
  if (SavesOverlay(config_, start_, parameters_))
    base_ = model::IdentifyBase(start_.checkpoint.folder());
}

void Run::Resume() {
  // The first rank's last one is everybody's.
  const auto all = CheckpointsIn(checkpoints_);
  const auto last =
      ranks_.Gather(all.empty() ? std::string() : all.back().filename().string()).front();
  if (last.empty()) return;
  saved_ = checkpoints_ / last;
  state_ = RestoreCheckpoint(Plan(), saved_, &optimizer_);
  saved_step_ = state_.step;
}

at::Tensor Run::CountedClassWeights() const {
  std::vector<int64_t> counts(18, 0);
  for (const size_t frame : EvenlySpread(feed_->frames(), kFramesForClassWeights)) {
    const auto example = feed_->Make(frame, 0);
    const auto of_frame = data::occ3d::CountLabels(*example.labels).classes;
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += of_frame[i];
  }
  return ClassWeights(counts).to(model_.language().embedding.device());
}

// So that z begins as the decoder knows it (facts C6), unless an earlier joint stage has taught it.
void Run::InitialiseOccupancyProjector() {
  const auto origin = model::ReadOrigin(start_.checkpoint.folder());
  if (origin && origin->stage == NameOfEnum(StageName::kJoint)) return;
  const c10::AutoGradMode off(false);
  LatentStatistics statistics;
  const auto& vqvae = *model_.vqvae();
  const auto& size = vqvae.config();
  for (const size_t frame : EvenlySpread(feed_->frames(), kFramesForLatents)) {
    const auto example = feed_->Make(frame, 0);
    statistics.Add(vqvae, at::tensor(at::ArrayRef<uint8_t>(example.labels->semantics),
                                     at::TensorOptions().dtype(at::kByte))
                              .view({1, size.height, size.width, size.depth})
                              .to(model_.language().embedding.device()));
  }
  at::Tensor weight, bias;
  for (const auto& parameter : parameters_.trained()) {
    if (parameter.name == "occupancy.projector.weight") weight = parameter.value;
    if (parameter.name == "occupancy.projector.bias") bias = parameter.value;
  }
  if (weight.defined() && bias.defined())
    InitialiseProjector(weight, bias, statistics, config_.run.seed);
}

TrainResult Run::Go(Begin begin) {
  Prepare();
  if (begin == Begin::kResume) Resume();
  if (ranks_.rank() == 0) {
    const auto facts = FactsOf(config_, start_, *feed_, ranks_.size(), parameters_);
    folder_ = begin == Begin::kResume ? RunFolder::Resume(config_.run.out, facts, state_.step)
                                      : RunFolder::Create(config_.run.out, facts);
  }
  try {
    at::Tensor class_weights;
    if (config_.loss.class_weights && (stage_.occupancy || stage_.reconstruction))
      class_weights = CountedClassWeights();
    if (stage_.trajectory) {
      const Feed images =
          Feed::Open(config_.data, OptionsOfFeed({.images = true, .trajectory = true}));
      const auto identity =
          model::FingerprintOf(start_.checkpoint.folder()) + " " + feed_->fingerprint();
      planner_ = PlannerInputs::Make(
          config_.run.out / "planner_inputs.safetensors", identity, images, model_,
          [&] {
            return hooks_.predict_actions(start_.checkpoint.folder(),
                                          config_.run.out / "predictions");
          },
          threads_, hooks_.interrupt);
    }
    objective_.emplace(stage_, config_.loss, model_, class_weights, config_.run.seed);
    runner_.emplace(*objective_, parameters_, threads_, planner_ ? &*planner_ : nullptr,
                    static_cast<size_t>(config_.compute.together));
    if (stage_.reconstruction && config_.loss.restart_unused > 0) {
      unused_.emplace(start_.config.vqvae.codebook, config_.loss.restart_unused);
      if (!state_.codes_unused_for.empty()) unused_->set_unused_for(state_.codes_unused_for);
    }
    if (stage_.occupancy && state_.step == 0) InitialiseOccupancyProjector();
    if (state_.step == 0) {
      std::vector<at::Tensor> values = parameters_.TrainedTensors();
      for (auto& value : values) value = value.detach();
      ranks_.Broadcast(values, 0);
    }
    meter_.emplace(state_.step, config_.optimizer.steps);
    const auto loader = feed_->Walk({.begin = state_.position,
                                     .rank = static_cast<uint64_t>(ranks_.rank()),
                                     .ranks = static_cast<uint64_t>(ranks_.size())});
    {
      std::optional<StepProgress> progress;
      if (folder_) progress.emplace(std::string(NameOfEnum(stage_.name)), *meter_);
      while (state_.step < config_.optimizer.steps) {
        if (ranks_.Max(hooks_.interrupt.stop_requested() ? 1 : 0) > 0)
          throw BusyError("train: interrupted.");
        TrainStep(*loader);
        if (progress) progress->Show({{"loss", metrics_["loss"]}});
      }
    }
    if (saved_step_ != state_.step) Save();
  } catch (const BusyError&) {
    // What a stop interrupts is a step that changed nothing.
    if (saved_step_ != state_.step) Save();
    if (folder_) folder_->Finish(RunStatus::kStopped, "interrupted");
    throw BusyError("train: interrupted after step " + std::to_string(state_.step) +
                    "; the same command with --resume goes on from there.");
  } catch (const Error& error) {
    ranks_.Stop(error.what());
    throw;
  }
  if (folder_) folder_->Finish(RunStatus::kFinished);
  ranks_.Barrier();
  return {ranks_.rank(), state_.step, saved_, StateHash(parameters_, optimizer_), metrics_};
}

void Run::TrainStep(FeedLoader& loader) {
  std::vector<Example> frames;
  {
    const auto waiting = meter_->Waiting();
    for (auto& item :
         loader.NextBatch(static_cast<size_t>(config_.optimizer.batch / ranks_.size())))
      frames.push_back(std::move(item.sample));
  }
  const auto every = config_.keep.gradient_norms_every;
  const bool by_loss = every > 0 && state_.step % every == 0;
  auto sums =
      runner_->Run(frames, by_loss, ranks_.size() == 1 ? hooks_.interrupt : std::stop_token());
  Reduce(sums);
  const double rate = LearningRate(config_.optimizer, state_.step);
  const auto norm = optimizer_.Step(std::move(sums.gradients), rate);
  CheckFinite(norm, sums, frames);
  ShareOwned(config_, parameters_, ranks_);
  MoveUnusedCodes(sums);
  ++state_.step;
  state_.position += static_cast<uint64_t>(config_.optimizer.batch);
  Note(sums, norm.item<double>());
  meter_->StepDone(config_.optimizer.batch, sums.tokens * ranks_.size());
  if (state_.step % config_.keep.log_every == 0 || state_.step == config_.optimizer.steps)
    Log(rate);
  const auto pause = meter_->Pause();
  if (state_.step % config_.keep.every == 0) Save();
  const auto validate = config_.keep.validate_every;
  if (validate > 0 && state_.step % validate == 0) Validate();
}

// Sums over frames and ranks become the mean over the step's frames. Damaged frames that were
// skipped count as frames without a gradient.
void Run::Reduce(StepSums& sums) {
  const c10::AutoGradMode off(false);
  const double share = 1.0 / static_cast<double>(config_.optimizer.batch);
  ranks_.Sum(sums.gradients);
  at::_foreach_mul_(sums.gradients, share);
  for (auto& [loss, gradients] : sums.gradients_by_loss) {
    double squares = 0;
    for (auto& gradient : gradients)
      if (gradient.defined()) squares += gradient.square().sum().item<double>();
    auto& [sum, count] = sums.values["gradient_norm_" + loss];
    sum += std::sqrt(squares) * share;
    ++count;
  }
}

void Run::CheckFinite(const at::Tensor& norm, const StepSums& sums,
                      const std::vector<Example>& frames) {
  if (std::isfinite(norm.item<double>())) return;
  std::vector<std::string> tokens = sums.not_finite;
  const bool losses = !tokens.empty();
  if (!losses)
    for (const auto& frame : frames) tokens.push_back(frame.token);
  const auto text = std::string("train: step ") + std::to_string(state_.step + 1) +
                    (losses ? ": the loss is not finite for " : ": a gradient is not finite for ") +
                    Join(tokens, ", ") + " (positions " + std::to_string(state_.position) + " to " +
                    std::to_string(state_.position + config_.optimizer.batch - 1) +
                    "). No weight was changed" +
                    (saved_.empty() ? "; there is no checkpoint yet"
                                    : "; the last checkpoint is " + saved_.string()) +
                    ". Look at these frames (`occvla data show`), lower optimizer.learning_rate, "
                    "or set optimizer.clip.";
  if (folder_) folder_->Finish(RunStatus::kFailed, text);
  throw DataError(text);
}

void Run::MoveUnusedCodes(const StepSums& sums) {
  if (!unused_ || !sums.used_codes.defined()) return;
  const c10::AutoGradMode off(false);
  auto used = sums.used_codes.clone();
  ranks_.Sum({used});
  unused_->Observe(used);
  for (const auto& parameter : parameters_.trained()) {
    if (parameter.name != "vqvae.vqvae.embedding.weight") continue;
    const auto codebook = parameter.value.detach();
    unused_->Restart(codebook, sums.latents, config_.run.seed, static_cast<uint64_t>(state_.step));
    ranks_.Broadcast({codebook}, 0);
  }
  state_.codes_unused_for = unused_->unused_for();
}

void Run::Note(const StepSums& sums, double norm) {
  for (const auto& [name, value] : sums.values) {
    noted_[name].first += value.first;
    noted_[name].second += value.second;
  }
  noted_["gradient_norm"].first += norm;
  ++noted_["gradient_norm"].second;
  const auto add = [](at::Tensor& sum, const at::Tensor& more) {
    if (more.defined()) sum = sum.defined() ? sum + more : more;
  };
  add(confusion_, sums.confusion);
  add(used_codes_, sums.used_codes);
  const auto loss = sums.values.find("loss");
  if (loss != sums.values.end() && loss->second.second > 0)
    metrics_["loss"] = loss->second.first / static_cast<double>(loss->second.second);
}

void Run::Log(double learning_rate) {
  const auto merged = MergeNoted(ranks_.Gather(NotedText(noted_)));
  for (auto* tensor : {&confusion_, &used_codes_})
    if (tensor->defined()) ranks_.Sum({*tensor});
  std::map<std::string, double> values;
  for (const auto& [name, sum] : merged) values[name] = sum.first / static_cast<double>(sum.second);
  values["learning_rate"] = learning_rate;
  if (confusion_.defined()) {
    const auto [miou, iou] = ReconstructionOf(confusion_);
    values["miou"] = miou;
    values["iou"] = iou;
  }
  if (used_codes_.defined()) {
    values["codes_used"] = used_codes_.gt(0).sum().item<double>();
    values["codes_perplexity"] = CodebookPerplexity(used_codes_);
  }
  for (const auto& [name, value] : meter_->Values()) values[name] = value;
  for (const auto& [name, value] : values) metrics_[name] = value;
  if (folder_) folder_->Log(state_.step, "train", values);
  noted_.clear();
  confusion_ = used_codes_ = at::Tensor();
}

void Run::Save() {
  if (folder_) folder_->Sync();
  const auto plan = Plan();
  const bool shards = plan.ranks > 1;
  if (ranks_.rank() == 0) fs::create_directories(checkpoints_);
  ranks_.Barrier();
  if (shards || ranks_.rank() == 0) WriteStatePart(plan, optimizer_, state_.step);
  ranks_.Barrier();
  if (ranks_.rank() == 0) {
    auto origin = model::NewOrigin("trained");
    origin.stage = NameOfEnum(stage_.name);
    origin.step = state_.step;
    origin.run_config = ToToml(config_);
    origin.data_fingerprint = feed_->fingerprint();
    origin.metrics = metrics_;
    if (const auto before = model::ReadOrigin(start_.checkpoint.folder()))
      origin.licences = before->licences;
    saved_ = FinishCheckpoint(plan, state_, std::move(origin));
    PointAt(checkpoints_, "last", saved_);
    Prune(checkpoints_, config_.keep.last);
  }
  ranks_.Barrier();
  saved_step_ = state_.step;
}

void Run::Validate() {
  if (saved_step_ != state_.step) Save();
  if (ranks_.rank() == 0) {
    const auto values = hooks_.validate(saved_);
    folder_->Log(state_.step, "val", values);
    for (const auto& [name, value] : values) metrics_["val/" + name] = value;
    const bool low = config_.keep.best.starts_with('-');
    const auto found = values.find(low ? config_.keep.best.substr(1) : config_.keep.best);
    if (!config_.keep.best.empty() && found == values.end()) {
      log::Warn("train", "keep.best = \"" + config_.keep.best +
                             "\" is no metric of the validation; it gives " +
                             Join(NamesOf(values), ", "));
    } else if (!config_.keep.best.empty() &&
               (!state_.best ||
                (low ? found->second < *state_.best : found->second > *state_.best))) {
      state_.best = found->second;
      state_.best_step = state_.step;
      PointAt(checkpoints_, "best", saved_);
      Prune(checkpoints_, config_.keep.last);
    }
  }
  ranks_.Barrier();
}

}  // namespace

TrainResult Train(const TrainConfig& config, Begin begin, const TrainHooks& hooks) {
  config.Validate();
  // Shapes repeat: trying the convolutions out once pays on a GPU.
  at::globalContext().setBenchmarkCuDNN(true);
  return Run(config, hooks).Go(begin);
}

}  // namespace occvla::train
