#include "occvla/train/recipe/stage.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <set>
#include <stdexcept>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

const std::vector<Stage>& Stages() {
  using M = Module;
  static const std::vector<Stage> stages{
      {.name = StageName::kVqvae,
       .train = {M::kVqEncoder, M::kVqDecoder},
       .zero_rate = {},
       .reconstruction = true},
      {.name = StageName::kPretrain,
       .train = {M::kProjector, M::kAdapters},
       .zero_rate = {},
       .images = true,
       .text = true},
      {.name = StageName::kJoint,
       .train = {M::kProjector, M::kAdapters, M::kOccupancy},
       .zero_rate = {},
       .images = true,
       .text = true,
       .occupancy = true},
      {.name = StageName::kPlanner,
       .train = {M::kPlanner},
       .zero_rate = {},
       .images = true,
       .trajectory = true},
  };
  return stages;
}

// The first prefix that fits decides.
constexpr std::pair<std::string_view, Module> kPrefixes[] = {
    {"vision_tower.", Module::kVision},
    {"multi_modal_projector.", Module::kProjector},
    {"camera_", Module::kProjector},
    {"language_model.", Module::kLanguage},
    {"adapters.", Module::kAdapters},
    {"occupancy.", Module::kOccupancy},
    {"vqvae.encoder.", Module::kVqEncoder},
    {"vqvae.vqvae.quant_conv.", Module::kVqEncoder},
    {"vqvae.vqvae.embedding.", Module::kVqEncoder},
    {"vqvae.", Module::kVqDecoder},
    {"planner.", Module::kPlanner},
};

Module ReadModule(const std::string& word) {
  std::vector<std::string> names;
  for (const auto& [name, module] : EnumNames<Module>::kNames) {
    if (name == word) return module;
    names.emplace_back(name);
  }
  throw ConfigError("\"" + word + "\" is no module of a model. Modules: " + Join(names, ", ") +
                    ".");
}

}  // namespace

Module ModuleOf(std::string_view tensor) {
  for (const auto& [prefix, module] : kPrefixes)
    if (tensor.starts_with(prefix)) return module;
  throw std::out_of_range("no module for tensor " + std::string(tensor));
}

const Stage& StageOf(StageName name) {
  for (const auto& stage : Stages())
    if (stage.name == name) return stage;
  throw std::out_of_range("a stage without a row");
}

Wish WishOf(const Stage& stage) {
  return {.images = stage.text || stage.occupancy,
          .occupancy = stage.occupancy || stage.reconstruction,
          .text = stage.text,
          .trajectory = stage.trajectory};
}

std::vector<ModulePlan> PlanModules(const Stage& stage, const OptimizerConfig& optimizer) {
  std::vector<ModulePlan> plans(std::size(EnumNames<Module>::kNames));
  const auto of = [&](Module module) -> ModulePlan& { return plans[static_cast<size_t>(module)]; };
  const auto read = [](const std::vector<std::string>& words, const std::vector<Module>& usual) {
    if (words.empty()) return usual;
    std::vector<Module> modules;
    for (const auto& word : words) modules.push_back(ReadModule(word));
    return modules;
  };
  for (const auto module : read(optimizer.train, stage.train)) of(module).trained = true;
  for (const auto module : read(optimizer.zero_rate, stage.zero_rate)) {
    if (of(module).trained) {
      throw ConfigError("optimizer: module " + std::string(NameOfEnum(module)) +
                        " is both in train and in zero_rate; leave it in one.");
    }
    of(module) = {.trained = true, .rate = 0};
  }
  for (const auto& text : optimizer.rates) {
    const auto blank = text.find(' ');
    double factor = -1;
    if (blank != std::string::npos) {
      const auto [end, error] =
          std::from_chars(text.data() + blank + 1, text.data() + text.size(), factor);
      if (error != std::errc() || end != text.data() + text.size()) factor = -1;
    }
    if (!(factor > 0) || !std::isfinite(factor)) {
      throw ConfigError("optimizer.rates: \"" + text +
                        "\" is not a module and a factor above 0, such as \"language 0.1\".");
    }
    auto& plan = of(ReadModule(text.substr(0, blank)));
    if (!plan.trained || plan.rate != 1) {
      throw ConfigError("optimizer.rates: \"" + text +
                        "\" names a module that is not trained, or names it twice.");
    }
    plan.rate = factor;
  }
  return plans;
}

double LearningRate(const OptimizerConfig& optimizer, int64_t step) {
  if (step < optimizer.warmup)
    return optimizer.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(optimizer.warmup);
  const auto span = std::max<int64_t>(1, optimizer.steps - 1 - optimizer.warmup);
  const double done =
      std::min(1.0, static_cast<double>(step - optimizer.warmup) / static_cast<double>(span));
  const double low = optimizer.final_rate;
  return optimizer.learning_rate *
         (low + (1 - low) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
}

}  // namespace occvla::train
