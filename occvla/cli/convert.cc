#include "occvla/model/files/convert.h"

#include <optional>
#include <ostream>

#include "occvla/base/config.h"
#include "occvla/base/text.h"
#include "occvla/cli/verbs.h"
#include "occvla/cli/weight_progress.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/vqvae_file.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string input, out, preset, vqvae;
  uint64_t seed = 0;
  std::vector<std::string> set;
};

void AddInputAndOut(CLI::App& verb, Flags& flags, const char* input, const char* type) {
  verb.add_option("--input", flags.input, input)->required()->type_name(type);
  verb.add_option("--out", flags.out, "Folder to make; must not exist or be empty")
      ->required()
      ->type_name("DIR");
}

void ConvertHf(const Flags& flags, const Context& context) {
  model::HuggingFaceConversion conversion{
      .in = flags.input, .out = flags.out, .occvla = {}, .seed = flags.seed, .vqvae = {}};
  if (!flags.preset.empty()) {
    conversion.occvla = model::Preset(flags.preset);
    LoadConfig(*conversion.occvla, {}, flags.set);
  }
  if (!flags.vqvae.empty()) conversion.vqvae = flags.vqvae;
  model::ConvertHuggingFace(conversion, WeightProgress("convert hf", context));
  const auto made = model::Checkpoint::Open(flags.out);
  context.out << flags.out << ": " << made.tensors().size() << " tensors, " << made.weight_bytes()
              << " bytes\n";
}

void ConvertOcc(const Flags& flags, const Context& context) {
  model::ConvertOccWorld(flags.input, flags.out, WeightProgress("convert occworld", context));
  const auto made = model::OpenVqvae(flags.out);
  context.out << flags.out << ": " << made.tensors.size() << " tensors, "
              << model::ParameterCount(model::VqvaeTensors(made.config)) << " parameters\n";
}

void AddHf(CLI::App& convert, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *convert.add_subcommand("hf", "A Hugging Face PaliGemma 2 folder, any naming");
  AddInputAndOut(verb, *flags, "PaliGemma 2 folder", "DIR");
  auto* preset =
      verb.add_option("--preset", flags->preset,
                      "Makes an OccVLA model: the parts that the folder lacks as in this "
                      "preset [none: PaliGemma 2 alone]. One of " +
                          Join(model::PresetNames(), ", "));
  preset->type_name("NAME");
  verb.add_option("--set", flags->set, "Changes a field of the preset; repeatable")
      ->type_name("FIELD=VALUE")
      ->needs(preset);
  verb.add_option("--seed", flags->seed, "Of the parts that the folder lacks")
      ->capture_default_str()
      ->needs(preset);
  verb.add_option("--vqvae", flags->vqvae, "OccWorld's .pth or a converted folder, for occupancy")
      ->type_name("FILE|DIR")
      ->needs(preset);
  verb.footer(
      "Example:\n  occvla convert hf --input paligemma2-3b-pt-224 --out checkpoints/start "
      "--preset paligemma2-3b-224 --vqvae epoch_125.pth");
  verb.callback([flags, &context] { ConvertHf(*flags, context); });
}

void AddOccWorld(CLI::App& convert, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *convert.add_subcommand("occworld", "OccWorld's scene VQ-VAE, a torch .pth file");
  AddInputAndOut(verb, *flags, "OccWorld's .pth; read without running anything in it", "FILE");
  verb.footer("Example:\n  occvla convert occworld --input epoch_125.pth --out checkpoints/vqvae");
  verb.callback([flags, &context] { ConvertOcc(*flags, context); });
}

}  // namespace

void AddConvert(CLI::App& app, const Context& context) {
  auto& convert = *app.add_subcommand("convert", "Other programs' weights to a checkpoint folder");
  AddHf(convert, context);
  AddOccWorld(convert, context);
  convert.require_subcommand(1);
}

}  // namespace occvla::cli
