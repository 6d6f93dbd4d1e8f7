#include "occvla/train/trainer.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <exception>
#include <optional>

#include "occvla/base/error.h"
#include "occvla/base/log.h"
#include "occvla/base/text.h"
#include "occvla/model/device.h"
#include "occvla/train/losses.h"
#include "occvla/train/optimizer.h"
#include "occvla/train/ranks.h"
#include "occvla/train/recipe/fit.h"
#include "occvla/train/run_checkpoints.h"
#include "occvla/train/runs/heap.h"
#include "occvla/train/runs/partition.h"
#include "occvla/train/runs/run_folder.h"
#include "occvla/train/runs/step_meter.h"
#include "occvla/train/start.h"
#include "occvla/train/step.h"
#include "occvla/train/step_log.h"
#include "occvla/train/vqvae_loss.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;

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

// What must be the same on every rank.
TrainConfig Comparable(TrainConfig config) {
  config.compute.device.clear();
  config.compute.threads = config.compute.workers = 0;
  return config;
}

// ZeRO-1: each rank moved its part of the weights.
void ShareOwned(const TrainConfig& config, const Parameters& parameters, Ranks& ranks) {
  if (!config.optimizer.shard || ranks.size() == 1) return;
  std::vector<at::Tensor> values;
  for (const auto& tensor : parameters.TrainedTensors()) values.push_back(tensor.detach());
  ranks.BroadcastOwned(values, OwnersOf(parameters, ranks.size()));
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
  void TrainStep(FeedLoader& loader);
  void Reduce(StepSums& sums);
  void CheckFinite(const at::Tensor& norm, const StepSums& sums,
                   const std::vector<Example>& frames);
  void MoveUnusedCodes(const StepSums& sums);
  void Log(double learning_rate);
  model::Origin Origin() const;
  bool IsValidationDue() const;
  void Save();
  bool Validate(const fs::path& checkpoint);
  bool TakesTheLead(const std::map<std::string, double>& values);
  void ValidateLate();

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
  StepLog log_;
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
                 config.optimizer.shard ? OwnedBy(ranks_.rank(), parameters_, ranks_.size())
                                        : std::vector<bool>()) {
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
  RequireFit(config_, start_.config, start_.checkpoint.folder().string(), ranks_.size());
  if (parameters_.trained().empty())
    throw ConfigError("train: nothing is trained; name modules in optimizer.train.");
  if (stage_.text) {
    if (!start_.checkpoint.tokenizer_folder())
      throw CheckpointError(start_.checkpoint.folder().string() + " has no tokenizer.");
    tokenizer_ = data::Tokenizer::Load(*start_.checkpoint.tokenizer_folder());
  }
  feed_ = Feed::Open(config_.data, OptionsOfFeed(WishOf(stage_)));
  ranks_.RequireEqual("configs", ToToml(Comparable(config_)));
  ranks_.RequireEqual("data fingerprints", feed_->fingerprint());
  if (SavesOverlay(config_.keep.save, start_, parameters_))
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
      class_weights = CountedClassWeights(*feed_).to(model_.language().embedding.device());
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
    runner_->SumOver(ranks_, /*whole_graphs=*/!config_.compute.recompute_layers);
    if (stage_.reconstruction && config_.loss.restart_unused > 0) {
      unused_.emplace(start_.config.vqvae.codebook, config_.loss.restart_unused);
      if (!state_.codes_unused_for.empty()) unused_->set_unused_for(state_.codes_unused_for);
    }
    if (stage_.occupancy && state_.step == 0)
      StartOccupancyProjector(start_, model_, parameters_, *feed_, config_.run.seed);
    if (state_.step == 0) {
      std::vector<at::Tensor> values = parameters_.TrainedTensors();
      for (auto& value : values) value = value.detach();
      ranks_.Broadcast(values, 0);
    }
    if (IsValidationDue()) ValidateLate();
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
        if (progress) progress->Show({{"loss", log_.loss()}});
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
  log_.Add(sums, norm.item<double>());
  meter_->StepDone(config_.optimizer.batch, sums.tokens * ranks_.size());
  if (state_.step % config_.keep.log_every == 0 || state_.step == config_.optimizer.steps)
    Log(rate);
  const auto pause = meter_->Pause();
  if (state_.step % config_.keep.every == 0 || IsValidationDue()) Save();
}

// Sums over the frames of all ranks become the mean over the step's frames. Damaged frames that
// were skipped count as frames without a gradient.
void Run::Reduce(StepSums& sums) {
  const c10::AutoGradMode off(false);
  const double share = 1.0 / static_cast<double>(config_.optimizer.batch);
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
  for (size_t i = 0; i < parameters_.trained().size(); ++i) {
    const auto& parameter = parameters_.trained()[i];
    if (parameter.name != "vqvae.vqvae.embedding.weight") continue;
    const auto codebook = parameter.value.detach();
    const auto moved = unused_->Restart(codebook, sums.latents, config_.run.seed,
                                        static_cast<uint64_t>(state_.step));
    ranks_.Broadcast({codebook}, 0);
    optimizer_.ForgetRows(i, moved);
  }
  state_.codes_unused_for = unused_->unused_for();
}

void Run::Log(double learning_rate) {
  const auto values = log_.Record(ranks_, *meter_, learning_rate);
  for (const auto& [name, value] : values) metrics_[name] = value;
  if (folder_) folder_->Log(state_.step, "train", values);
}

model::Origin Run::Origin() const {
  auto origin = model::NewOrigin("trained");
  origin.stage = NameOfEnum(stage_.name);
  origin.step = state_.step;
  origin.run_config = ToToml(config_);
  origin.data_fingerprint = feed_->fingerprint();
  origin.metrics = metrics_;
  if (const auto before = model::ReadOrigin(start_.checkpoint.folder()))
    origin.licences = before->licences;
  return origin;
}

bool Run::IsValidationDue() const {
  const auto every = config_.keep.validate_every;
  return every > 0 && state_.step > 0 && state_.step % every == 0 &&
         state_.validated_step != state_.step;
}

// A checkpoint of a step that is validated knows what that found: it is measured before it gets its
// name. The engine reads the weights as they lie on the disk.
void Run::Save() {
  const auto plan = Plan();
  const bool shards = plan.ranks > 1;
  if (ranks_.rank() == 0) fs::create_directories(checkpoints_);
  ranks_.Barrier();
  if (shards || ranks_.rank() == 0) WriteStatePart(plan, optimizer_, state_.step);
  ranks_.Barrier();
  if (ranks_.rank() == 0) {
    const auto unfinished = WriteCheckpoint(plan, state_.step, Origin());
    std::exception_ptr failed;
    bool best = false;
    try {
      best = IsValidationDue() && Validate(unfinished);
    } catch (const Error&) {
      failed = std::current_exception();  // Of the validation: the steps behind it are kept.
    }
    folder_->Sync();
    saved_ = FinishCheckpoint(plan, state_, Origin());
    PointAt(checkpoints_, "last", saved_);
    if (best) PointAt(checkpoints_, "best", saved_);
    Prune(checkpoints_, config_.keep.last);
    if (failed) std::rethrow_exception(failed);
  }
  ranks_.Barrier();
  saved_step_ = state_.step;
}

// Of the first rank alone; whether it is the best so far.
bool Run::Validate(const fs::path& checkpoint) {
  Validation found;
  try {
    found = hooks_.validate(checkpoint);
  } catch (const BusyError&) {
    return false;  // Interrupted; whoever goes on validates first.
  }
  folder_->Log(state_.step, "val", found.values);
  for (const auto& [name, png] : found.pictures)
    folder_->Picture(state_.step, name, std::as_bytes(std::span(png)));
  for (const auto& [name, value] : found.values) metrics_["val/" + name] = value;
  state_.validated_step = state_.step;
  return TakesTheLead(found.values);
}

// Compares with the best so far, and takes its place.
bool Run::TakesTheLead(const std::map<std::string, double>& values) {
  if (config_.keep.best.empty()) return false;
  const bool low = config_.keep.best.starts_with('-');
  const auto found = values.find(low ? config_.keep.best.substr(1) : config_.keep.best);
  if (found == values.end()) {
    std::vector<std::string> names;
    for (const auto& [name, value] : values) names.push_back(name);
    log::Warn("train", "keep.best = \"" + config_.keep.best +
                           "\" is no metric of the validation; it gives " + Join(names, ", "));
    return false;
  }
  if (state_.best && !(low ? found->second < *state_.best : found->second > *state_.best))
    return false;
  state_.best = found->second;
  state_.best_step = state_.step;
  return true;
}

// The run was interrupted while its last checkpoint was measured.
void Run::ValidateLate() {
  if (ranks_.rank() == 0 && Validate(saved_)) PointAt(checkpoints_, "best", saved_);
  ranks_.Barrier();
}

}  // namespace

TrainResult Train(const TrainConfig& config, Begin begin, const TrainHooks& hooks) {
  config.Validate();
  KeepFreedMemory();
  // Shapes repeat: trying the convolutions out once pays on a GPU.
  at::globalContext().setBenchmarkCuDNN(true);
  return Run(config, hooks).Go(begin);
}

}  // namespace occvla::train
