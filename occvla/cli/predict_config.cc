#include "occvla/cli/predict_config.h"

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::cli {

void PredictConfig::Validate() const {
  std::vector<std::string> problems;
  const auto require = [&](bool holds, const std::string& problem) {
    if (!holds) problems.push_back("  - " + problem);
  };
  require(!model.checkpoint.empty(), "model.checkpoint is not set; give --checkpoint DIR");
  require(model.threads >= 0, "model.threads must be at least 0");
  require(model.max_text_tokens >= 2, "model.max_text_tokens must be at least 2");
  require(answer.max_new_tokens >= 1, "answer.max_new_tokens must be at least 1");
  require(answer.temperature >= 0, "answer.temperature must be at least 0");
  require(answer.top_p > 0 && answer.top_p <= 1, "answer.top_p must be above 0 and at most 1");
  if (!problems.empty()) throw ConfigError("predict:\n" + Join(problems, "\n"));
}

infer::EngineOptions PredictConfig::EngineOptions() const {
  infer::EngineOptions options;
  options.dtype = model.dtype;
  options.device = model.device;
  options.threads = model.threads;
  options.max_text_tokens = model.max_text_tokens;
  if (model.mask == MaskChoice::kOccvla) options.mask = model::MaskMode::kOccvla;
  if (model.mask == MaskChoice::kPaligemma) options.mask = model::MaskMode::kPaligemma;
  return options;
}

infer::Request PredictConfig::Request() const {
  infer::Request request;
  request.prompt = answer.prompt;
  request.text = answer.text;
  request.max_new_tokens = answer.max_new_tokens;
  request.stop = answer.stop;
  request.sampling = {answer.temperature, answer.top_p, answer.seed};
  request.constrain_meta_action = answer.legal_meta_action;
  return request;
}

}  // namespace occvla::cli
