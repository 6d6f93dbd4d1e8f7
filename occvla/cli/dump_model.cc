#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <memory>

#include "occvla/cli/model_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/infer/dump.h"

namespace occvla::cli {

void AddDumpModel(CLI::App& dump, const Context& context) {
  (void)context;
  auto* verb = dump.add_subcommand(
      "model", "Vision, features, hidden states, logits, sixteen greedy tokens and occupancy");
  verb->footer(
      "Example:\n  occvla dump model --checkpoint models/tiny --input in.safetensors --output "
      "out.safetensors\nThe input holds pixel_values f32 [N, 3, H, W], prefix_ids i64 [P] and, if "
      "wanted,\nsuffix_ids i64 [S] and occ_queries f32 [Q, D].");
  auto options = std::make_shared<infer::DumpOptions>();
  verb->add_option("--checkpoint", options->checkpoint, "checkpoint folder, ours or Hugging Face's")
      ->required();
  verb->add_option("--input", options->input, "safetensors file")->required();
  verb->add_option("--output", options->output, "safetensors file to write")->required();
  verb->add_option("--final-softcap", options->final_softcap,
                   "cap on the text logits; 0 = off (default: the checkpoint's)")
      ->check(CLI::NonNegativeNumber);
  AddMaskFlag(*verb, options->mask);
  AddDtypeFlag(*verb, options->dtype);
  AddDeviceFlag(*verb, options->device);
  verb->callback([options] { infer::DumpModel(*options); });
}

}  // namespace occvla::cli
