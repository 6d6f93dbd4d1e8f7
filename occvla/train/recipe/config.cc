#include "occvla/train/recipe/config.h"

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::train {

void TrainConfig::Validate() const {
  std::vector<std::string> problems;
  const auto require = [&](bool holds, const std::string& problem) {
    if (!holds) problems.push_back("  - " + problem);
  };
  const auto weight = [&](const char* name, double value) {
    require(std::isfinite(value) && value >= 0, std::string(name) + " must be at least 0");
  };
  const auto& stage = StageOf(run.stage);
  require(!run.out.empty(), "run.out is not set; give --set run.out=DIR");
  require(run.stage == StageName::kVqvae || !run.checkpoint.empty() || !run.preset.empty(),
          "run.checkpoint or run.preset must be set");
  weight("loss.lambda", loss.lambda);
  weight("loss.cross_entropy", loss.cross_entropy);
  weight("loss.lovasz", loss.lovasz);
  weight("loss.embedding", loss.embedding);
  require(!(stage.occupancy || stage.reconstruction) || loss.cross_entropy + loss.lovasz > 0,
          "loss.cross_entropy and loss.lovasz are both 0: occupancy would teach nothing");
  require(loss.restart_unused >= 0, "loss.restart_unused must be at least 0");
  require(loss.crop >= 0 && loss.crop % 8 == 0,
          "loss.crop must be a multiple of 8 voxels, or 0 for the whole grid");
  require(optimizer.steps >= 1, "optimizer.steps must be at least 1");
  require(optimizer.batch >= 1 && optimizer.batch <= 65536,
          "optimizer.batch must be from 1 to 65536");
  require(std::isfinite(optimizer.learning_rate) && optimizer.learning_rate > 0,
          "optimizer.learning_rate must be above 0");
  require(optimizer.final_rate >= 0 && optimizer.final_rate <= 1,
          "optimizer.final_rate must be from 0 to 1");
  require(optimizer.warmup >= 0, "optimizer.warmup must be at least 0");
  for (const double beta : {optimizer.beta1, optimizer.beta2})
    require(beta >= 0 && beta < 1, "optimizer.beta1 and beta2 must be from 0 to below 1");
  require(optimizer.epsilon > 0, "optimizer.epsilon must be above 0");
  weight("optimizer.weight_decay", optimizer.weight_decay);
  weight("optimizer.clip", optimizer.clip);
  try {
    PlanModules(stage, optimizer);
  } catch (const ConfigError& error) {
    require(false, error.what());
  }
  require(compute.threads >= 0 && compute.workers >= 0,
          "compute.threads and compute.workers must be at least 0");
  require(compute.together >= 1, "compute.together must be at least 1");
  require(keep.every >= 1, "keep.every must be at least 1");
  require(keep.last >= 1, "keep.last must be at least 1: the run resumes from it");
  require(keep.dtype == "F32" || keep.dtype == "BF16", "keep.dtype must be F32 or BF16");
  require(keep.log_every >= 1, "keep.log_every must be at least 1");
  require(keep.gradient_norms_every >= 0 && keep.validate_every >= 0,
          "keep.gradient_norms_every and keep.validate_every must be at least 0");
  require(keep.validate_frames >= 1, "keep.validate_frames must be at least 1");
  require(keep.validate_questions >= 0 && keep.validate_pictures >= 0,
          "keep.validate_questions and keep.validate_pictures must be at least 0");
  require(keep.best.empty() || keep.validate_every > 0,
          "keep.best needs validations; set keep.validate_every");
  if (!problems.empty()) throw ConfigError("train:\n" + Join(problems, "\n"));
}

}  // namespace occvla::train
