#include "occvla/model/files/init.h"

#include <filesystem>
#include <optional>
#include <ostream>

#include "occvla/base/config.h"
#include "occvla/base/text.h"
#include "occvla/cli/verbs.h"
#include "occvla/cli/weight_progress.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string preset, out, dtype = "bf16", tokenizer;
  uint64_t seed = 0;
  std::vector<std::string> set;
};

void Init(const Flags& flags, const Context& context) {
  auto config = model::Preset(flags.preset);
  LoadConfig(config, {}, flags.set);
  const DType dtype = flags.dtype == "bf16" ? DType::kBF16 : DType::kF32;
  std::optional<std::filesystem::path> tokenizer;
  if (!flags.tokenizer.empty()) tokenizer = flags.tokenizer;

  model::InitCheckpoint(config, flags.seed, dtype, flags.out, tokenizer,
                        WeightProgress("init", context));
  const int64_t parameters = model::ParameterCount(model::ExpectedTensors(config));
  context.out << flags.out << ": " << parameters << " parameters, "
              << parameters * static_cast<int64_t>(SizeOf(dtype)) << " bytes, " << flags.dtype
              << ", seed " << flags.seed << "\n";
}

}  // namespace

void AddInit(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand("init", "A checkpoint with random weights");
  verb.add_option("--preset", flags->preset, "Sizes: " + Join(model::PresetNames(), ", "))
      ->required()
      ->type_name("NAME");
  verb.add_option("--out", flags->out, "Folder to make; must not exist or be empty")
      ->required()
      ->type_name("DIR");
  verb.add_option("--seed", flags->seed, "The same seed gives the same weights anywhere")
      ->capture_default_str();
  verb.add_option("--dtype", flags->dtype, "Type of the weights")
      ->check(CLI::IsMember({"bf16", "f32"}))
      ->capture_default_str();
  verb.add_option("--tokenizer", flags->tokenizer,
                  "Folder with tokenizer.json or tokenizer.model [the program's small one]")
      ->type_name("DIR");
  verb.add_option("--set", flags->set,
                  "Changes a field of the model, e.g. text.layers=2; repeatable")
      ->type_name("FIELD=VALUE");
  verb.footer(
      "Example:\n  occvla init --preset tiny --seed 1 --out build/tiny --set text.layers=2");
  verb.callback([flags, &context] { Init(*flags, context); });
}

}  // namespace occvla::cli
