#include "occvla/model/files/init.h"

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/data/text/tokenizer.h"
#include "occvla/model/files/origin.h"

namespace occvla::model {

void InitCheckpoint(const ModelConfig& config, uint64_t seed, DType dtype,
                    const std::filesystem::path& out,
                    const std::optional<std::filesystem::path>& tokenizer_folder,
                    const WriteProgress& progress) {
  config.Validate();
  if (dtype != DType::kF32 && dtype != DType::kBF16 && dtype != DType::kF16) {
    throw ConfigError("weights are written as F32, BF16 or F16, not as " +
                      std::string(SafetensorsName(dtype)) + ".");
  }
  FolderPlan plan;
  for (auto& spec : ExpectedTensors(config)) {
    plan.tensors.push_back({std::move(spec), dtype, std::nullopt, seed});
  }
  plan.texts = CompanionTexts(config);
  plan.texts["config.json"] = ConfigToJson(config);
  plan.texts["origin.json"] =
      OriginToJson(NewOrigin("random, seed " + std::to_string(seed) + ", preset " +
                             (config.preset.empty() ? "none" : config.preset)));
  if (tokenizer_folder) {
    plan.copies = TokenizerCopies(*tokenizer_folder);
  } else {
    plan.texts["tokenizer.json"] =
        data::SmallTokenizerJson(std::min<int64_t>(config.text.vocabulary, 2048));
  }
  WriteFolder(out, plan, progress);
}

}  // namespace occvla::model
