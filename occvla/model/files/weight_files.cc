#include "occvla/model/files/weight_files.h"

#include <set>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/json_fields.h"

namespace occvla::model {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxIndexBytes = size_t{64} << 20;
constexpr size_t kMaxShards = 4096;

struct Rewrite {
  std::string_view from, to;
};
// The first prefix that fits wins, so a longer one stands before its own beginning.
constexpr Rewrite kRewrites[] = {
    // The tied output embedding, wherever it stands.
    {"model.language_model.lm_head.", "language_model.lm_head."},
    {"language_model.lm_head.", "language_model.lm_head."},
    {"model.lm_head.", "language_model.lm_head."},
    {"lm_head.", "language_model.lm_head."},
    // On disk from 4.4x to 5.0; in memory from 4.52.
    {"language_model.model.", "language_model.model."},
    {"model.language_model.model.", "language_model.model."},
    {"model.language_model.", "language_model.model."},
    {"language_model.", "language_model.model."},
    // 5.x drops the `vision_model` level.
    {"vision_tower.vision_model.", "vision_tower.vision_model."},
    {"model.vision_tower.vision_model.", "vision_tower.vision_model."},
    {"model.vision_tower.", "vision_tower.vision_model."},
    {"vision_tower.", "vision_tower.vision_model."},
    {"model.multi_modal_projector.", "multi_modal_projector."},
};

bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name.size() < 256 && name != "." && name != ".." &&
         name.find('/') == std::string::npos && name.find('\\') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

[[noreturn]] void ThrowList(const std::string& where, const std::vector<std::string>& complaints,
                            const std::string& advice) {
  std::string text = where + ":";
  for (const auto& line : complaints) text += "\n  - " + line;
  throw CheckpointError(text + "\n" + advice);
}

WeightFiles OpenShards(const fs::path& folder, const fs::path& index_path) {
  const std::string where = index_path.string();
  const auto weight_map = ParseWeightIndex(ReadCheckpointText(index_path, kMaxIndexBytes), where);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map) shards.insert(shard);

  std::vector<std::string> complaints;
  for (const auto& shard : shards) {
    if (!fs::is_regular_file(folder / shard)) complaints.push_back("shard " + shard + " is absent");
  }
  if (!complaints.empty()) ThrowList(where, complaints, "Fetch the missing files.");

  WeightFiles out;
  std::map<std::string, std::string> holder;
  for (const auto& shard : shards) {
    out.files.push_back(std::make_shared<const SafetensorsFile>(folder / shard));
    for (const auto& [name, view] : out.files.back()->tensors()) {
      const auto listed = weight_map.find(name);
      if (listed == weight_map.end()) {
        complaints.push_back(shard + " holds " + name + ", which the index does not list");
      } else if (listed->second != shard) {
        complaints.push_back(shard + " holds " + name + ", which the index places in " +
                             listed->second);
      } else {
        out.tensors.emplace(name, view);
      }
    }
  }
  for (const auto& [name, shard] : weight_map) {
    if (out.tensors.count(name) == 0) {
      complaints.push_back(shard + " lacks " + name + ", which the index places there");
    }
  }
  if (!complaints.empty()) {
    ThrowList(where, complaints,
              "Index and shards are not of one checkpoint: fetch all of them again.");
  }
  return out;
}

}  // namespace

std::string CanonicalName(std::string_view name) {
  for (const auto& [from, to] : kRewrites) {
    if (name.substr(0, from.size()) == from) {
      return std::string(to) + std::string(name.substr(from.size()));
    }
  }
  return std::string(name);
}

std::map<std::string, std::string> ParseWeightIndex(std::string_view text,
                                                    const std::string& where) {
  const nlohmann::json root = ParseJsonObject(text, where);
  std::vector<std::string> complaints;
  JsonFields fields(root, "", complaints);
  std::map<std::string, std::string> out;
  const nlohmann::json* map = fields.Object("weight_map");
  if (map == nullptr) {
    if (complaints.empty()) fields.Complain("weight_map", "is missing");
  } else if (map->empty()) {
    fields.Complain("weight_map", "lists no tensor");
  } else {
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : map->items()) {
      const std::string field = "weight_map[\"" + tensor + "\"]";
      if (!shard.is_string()) {
        fields.Complain(field.c_str(), "must be a file name, but is " + Describe(shard));
      } else if (!IsPlainFileName(shard.get_ref<const std::string&>())) {
        fields.Complain(field.c_str(),
                        "must be a plain file name in the same folder, but is " + Describe(shard));
      } else {
        shards.insert(shard.get<std::string>());
        out.emplace(tensor, shard.get<std::string>());
      }
    }
    if (shards.size() > kMaxShards) {
      fields.Complain("weight_map", "names " + std::to_string(shards.size()) + " shards; at most " +
                                        std::to_string(kMaxShards) + " are read");
    }
  }
  if (!complaints.empty()) ThrowList(where, complaints, "Fetch or write the index again.");
  return out;
}

std::string ReadCheckpointText(const fs::path& path, size_t max_bytes) {
  try {
    return ReadTextFile(path, max_bytes);
  } catch (const DataError& error) {
    throw CheckpointError(error.what());
  }
}

WeightFiles OpenWeightFiles(const fs::path& folder) {
  const fs::path single = folder / "model.safetensors";
  const fs::path index = folder / "model.safetensors.index.json";
  if (fs::exists(single) && fs::exists(index)) {
    throw CheckpointError(folder.string() +
                          ": holds both model.safetensors and model.safetensors.index.json, so the "
                          "weights are ambiguous. Remove the stale one.");
  }
  if (fs::exists(index)) return OpenShards(folder, index);
  if (!fs::exists(single)) {
    const bool pickled = fs::exists(folder / "pytorch_model.bin") ||
                         fs::exists(folder / "pytorch_model.bin.index.json");
    throw CheckpointError(
        folder.string() + ": holds neither model.safetensors nor model.safetensors.index.json. " +
        (pickled ? "Its pytorch_model.bin is not read: load it with transformers and "
                   "save it with safe_serialization=True."
                 : "Fetch the weights, or make some with \"occvla init\"."));
  }
  WeightFiles out;
  out.files.push_back(std::make_shared<const SafetensorsFile>(single));
  out.tensors = out.files.back()->tensors();
  return out;
}

}  // namespace occvla::model
