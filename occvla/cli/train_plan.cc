#include "occvla/cli/train_plan.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <thread>

#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/vqvae_file.h"
#include "occvla/train/recipe/plan.h"

namespace occvla::cli {
namespace {

std::string Gigabytes(uint64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << static_cast<double>(bytes) / 1e9;
  return text.str();
}

void PrintTable(const train::MemoryPlan& plan, std::ostream& out) {
  std::string kind;
  for (const auto& row : plan.rows) {
    if (row.bytes == 0) continue;
    out << std::left << std::setw(13) << (row.kind == kind ? "" : row.kind) << std::setw(36)
        << row.detail << std::right << std::setw(9) << Gigabytes(row.bytes) << " GB\n";
    kind = row.kind;
  }
  out << std::left << std::setw(49) << "a rank" << std::right << std::setw(9)
      << Gigabytes(plan.total()) << " GB\n";
  if (plan.ranks > 1)
    out << std::left << std::setw(49) << std::to_string(plan.ranks) + " ranks" << std::right
        << std::setw(9) << Gigabytes(plan.total() * static_cast<uint64_t>(plan.ranks)) << " GB\n";
  out << "Frames at a time on a rank: " << plan.frames_at_once << "; a question with its answer is "
      << "taken as " << train::kTokensOfAQuestion << " tokens.\n";
}

void PrintJson(const train::MemoryPlan& plan, std::ostream& out) {
  nlohmann::ordered_json json{{"ranks", plan.ranks},
                              {"frames_at_once", plan.frames_at_once},
                              {"bytes_of_a_rank", plan.total()},
                              {"rows", nlohmann::ordered_json::array()}};
  for (const auto& row : plan.rows)
    json["rows"].push_back({{"kind", row.kind}, {"detail", row.detail}, {"bytes", row.bytes}});
  out << json.dump(2) << "\n";
}

}  // namespace

void PrintPlan(const train::TrainConfig& config, int ranks, bool json, const Context& context) {
  config.Validate();
  model::ModelConfig sizes;
  std::map<std::string, uint64_t> stored;
  if (config.run.checkpoint.empty()) {
    sizes = model::Preset(config.run.preset);
  } else {
    const auto checkpoint = model::Checkpoint::Open(config.run.checkpoint);
    sizes = checkpoint.config();
    for (const auto& [name, view] : checkpoint.tensors()) stored[name] = view.bytes.size();
  }
  LoadConfig(sizes, {}, config.run.model);
  if (!config.run.vqvae.empty()) {
    const auto file = model::OpenVqvae(config.run.vqvae);
    sizes.vqvae = file.config;
    sizes.has_occupancy = true;
    for (const auto& [name, view] : file.tensors) stored["vqvae." + name] = view.bytes.size();
  }
  sizes.Validate();
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const auto plan = train::PlanMemory(config, sizes, stored, ranks, cores);
  json ? PrintJson(plan, context.out) : PrintTable(plan, context.out);
}

}  // namespace occvla::cli
