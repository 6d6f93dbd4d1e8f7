#include "occvla/model/files/origin.h"

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/json_fields.h"
#include "occvla/model/files/weight_files.h"

namespace occvla::model {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;

}  // namespace

Origin NewOrigin(std::string weights) {
  Origin origin;
  origin.program_version = OCCVLA_VERSION;
  origin.weights = std::move(weights);
  return origin;
}

std::string OriginToJson(const Origin& origin) {
  const nlohmann::ordered_json root = {{"program_version", origin.program_version},
                                       {"weights", origin.weights},
                                       {"stage", origin.stage},
                                       {"step", origin.step},
                                       {"run_config", origin.run_config},
                                       {"data_fingerprint", origin.data_fingerprint},
                                       {"metrics", origin.metrics},
                                       {"licences", origin.licences}};
  return root.dump(2) + "\n";
}

Origin OriginFromJson(const std::string& text, const std::string& where) {
  const auto root = ParseJsonObject(text, where);
  std::vector<std::string> complaints;
  JsonFields fields(root, "", complaints);
  Origin out;
  fields.Read("program_version", out.program_version);
  fields.Read("weights", out.weights);
  fields.Read("stage", out.stage);
  fields.Read("step", out.step);
  fields.Read("run_config", out.run_config);
  fields.Read("data_fingerprint", out.data_fingerprint);
  if (const auto* metrics = fields.Object("metrics")) {
    JsonFields inner(*metrics, "metrics.", complaints);
    for (const auto& [name, value] : metrics->items()) inner.Read(name.c_str(), out.metrics[name]);
  }
  if (const auto* licences = fields.Object("licences")) {
    JsonFields inner(*licences, "licences.", complaints);
    for (const auto& [name, value] : licences->items()) {
      inner.Read(name.c_str(), out.licences[name]);
    }
  }
  if (complaints.empty()) return out;
  std::string message = where + ":";
  for (const auto& line : complaints) message += "\n  - " + line;
  throw CheckpointError(message);
}

std::optional<Origin> ReadOrigin(const std::filesystem::path& folder) {
  const auto path = folder / "origin.json";
  if (!std::filesystem::exists(path)) return std::nullopt;
  return OriginFromJson(ReadCheckpointText(path, kMaxBytes), path.string());
}

void WriteOrigin(const std::filesystem::path& folder, const Origin& origin) {
  WriteFileAtomically(folder / "origin.json", OriginToJson(origin));
}

}  // namespace occvla::model
