#include <memory>
#include <string>

#include "occvla/cli/verbs.h"
#include "occvla/infer/dump_vqvae.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string checkpoint, input, output;
};

}  // namespace

void AddDumpVqvae(CLI::App& dump, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *dump.add_subcommand("vqvae", "What the scene VQ-VAE makes of occupancy");
  verb.add_option("--checkpoint", flags->checkpoint, "Checkpoint folder or OccWorld's .pth file")
      ->required()
      ->type_name("DIR|FILE");
  verb.add_option("--input", flags->input,
                  "safetensors: occupancy u8 [F, 200, 200, 16], classes 0 to 17")
      ->required()
      ->type_name("FILE");
  verb.add_option("--output", flags->output,
                  "safetensors: latent, indices, logits (of the codes), logits_continuous")
      ->required()
      ->type_name("FILE");
  verb.footer(
      "Example:\n  occvla dump vqvae --checkpoint epoch_125.pth --input in.safetensors "
      "--output out.safetensors");
  verb.callback([flags, &context] {
    infer::DumpVqvae(flags->checkpoint, flags->input, flags->output,
                     [&context] { context.CheckInterrupt(); });
  });
}

}  // namespace occvla::cli
