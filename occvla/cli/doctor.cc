#include <filesystem>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/safetensors.h"
#include "occvla/base/text.h"
#include "occvla/cli/verbs.h"
#include "occvla/infer/machine.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/overlay.h"

namespace occvla::cli {
namespace {

constexpr double kGiga = 1e9;

void PrintJson(const infer::Machine& m, const infer::Speed& speed, std::ostream& out) {
  const nlohmann::ordered_json json = {
      {"version", OCCVLA_VERSION},
      {"cpu", m.cpu},
      {"features", m.features},
      {"kernels", m.kernels},
      {"processors", m.processors},
      {"threads", m.threads},
      {"torch", m.torch},
      {"torch_capability", m.torch_capability},
      {"memory_bytes", m.memory_bytes},
      {"memory_free_bytes", m.memory_free_bytes},
      {"disk_free_bytes", m.disk_free_bytes},
      {"has_gpu", m.has_gpu},
      {"cuda", m.cuda},
      {"read_bytes_per_second", speed.read_bytes_per_second},
      {"f32_flops", speed.f32_flops},
      {"bf16_flops", speed.bf16_flops},
      {"warnings", infer::Warnings(m, speed)},
  };
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void PrintText(const infer::Machine& m, const infer::Speed& speed, std::ostream& out) {
  const auto line = [&](const char* name) -> std::ostream& {
    return out << std::left << std::setw(18) << name;
  };
  out << std::fixed << std::setprecision(1);
  line("program") << "occvla " OCCVLA_VERSION ", kernels for " << m.kernels << "\n";
  line("torch") << m.torch << ", code for " << m.torch_capability << ", " << m.threads
                << " threads\n";
  line("CPU") << m.cpu << ", " << m.processors << " processors\n";
  line("") << Join(m.features, " ") << "\n";
  line("memory") << static_cast<double>(m.memory_bytes) / kGiga << " GB, "
                 << static_cast<double>(m.memory_free_bytes) / kGiga << " free\n";
  line("disk") << static_cast<double>(m.disk_free_bytes) / kGiga << " GB free here\n";
  line("GPU") << (m.has_gpu ? "NVIDIA driver loaded" : "no NVIDIA driver")
              << "; CUDA library: " << m.cuda << "\n";
  line("memory read") << speed.read_bytes_per_second / kGiga << " GB/s\n";
  line("matrix products") << std::setprecision(0) << speed.f32_flops / kGiga << " GFLOP/s float32, "
                          << speed.bf16_flops / kGiga << " GFLOP/s bfloat16\n";
  for (const auto& warning : infer::Warnings(m, speed)) line("slow here") << warning << "\n";
}

/// What cannot be seen without reading every byte: values that are not numbers, and whether the
/// base of an overlay is still the one it was trained on. Throws CheckpointError.
void CheckCheckpoint(const std::filesystem::path& folder, const Context& context) {
  const auto checkpoint = model::Checkpoint::Open(folder);
  for (const auto& note : checkpoint.notes()) context.out << note << "\n";
  const auto broken = FindNonFinite(checkpoint.tensors());
  if (!broken.empty()) {
    throw CheckpointError(folder.string() + ": values that are not finite:\n  - " +
                          Join(broken, "\n  - ") + "\nTake an earlier checkpoint.");
  }
  model::VerifyOverlayBase(folder);
  context.out << folder.string() << ": " << checkpoint.tensors().size() << " tensors, "
              << checkpoint.weight_bytes() << " bytes, every value finite\n";
}

}  // namespace

void AddDoctor(CLI::App& app, const Context& context) {
  auto as_json = std::make_shared<bool>(false);
  auto checkpoint = std::make_shared<std::string>();
  auto& verb = *app.add_subcommand(
      "doctor", "This machine: what the program uses of it, how fast it is, what will be slow");
  verb.add_flag("--json", *as_json, "As JSON");
  verb.add_option("--checkpoint", *checkpoint,
                  "Instead of the machine, read every value of this checkpoint and its base")
      ->type_name("DIR")
      ->excludes("--json");
  verb.footer(
      "Takes about two seconds; close other programs for true numbers.\nExample:\n"
      "  occvla doctor --json\n  occvla doctor --checkpoint build/nano");
  verb.callback([as_json, checkpoint, &context] {
    if (!checkpoint->empty()) return CheckCheckpoint(*checkpoint, context);
    const auto machine = infer::ExamineMachine();
    const auto speed = infer::MeasureSpeed();
    (*as_json ? PrintJson : PrintText)(machine, speed, context.out);
  });
}

}  // namespace occvla::cli
