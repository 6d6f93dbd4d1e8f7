#include "occvla/eval/scene_sums.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "occvla/base/json.h"

namespace occvla::eval {

void AddPlanning(std::span<const FrameMeasures> frames, SceneSums* sums) {
  constexpr uint8_t kAllSix = 0x3F;
  const auto add = [&](const char* metric, const std::string& scene, double value) {
    SceneSum& sum = (*sums)[metric][scene];
    sum.numerator += value;
    sum.denominator += 1;
  };
  for (const FrameMeasures& frame : frames) {
    if (!frame.prediction || frame.valid != kAllSix) continue;
    const auto& error = frame.prediction->error;
    add("L2 up to 3 s, m", frame.scene,
        std::accumulate(error.begin(), error.end(), 0.0) / static_cast<double>(error.size()));
    add("L2 at 3 s, m", frame.scene, error.back());
    if (frame.clean != CleanUse::kCounted) continue;
    const bool hit = (frame.prediction->overlaps & ~frame.truth_overlaps) != 0;
    add("clean collision", frame.scene, hit ? 1 : 0);
  }
}

void AddMetaActions(const std::map<std::string, MetaActionScore>& by_scene, SceneSums* sums) {
  for (const auto& [scene, score] : by_scene) {
    const auto frames = static_cast<double>(score.frames);
    const auto add = [&](const char* metric, const std::optional<double>& share) {
      if (share) (*sums)[metric][scene] = {*share * frames, frames};
    };
    add("meta action: speed", score.SpeedAccuracy());
    add("meta action: direction", score.DirectionAccuracy());
    add("meta action: both", score.BothAccuracy());
  }
}

std::string ToJson(const SceneSums& sums) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [metric, scenes] : sums)
    for (const auto& [scene, sum] : scenes) json[metric][scene] = {sum.numerator, sum.denominator};
  return json.dump(1) + "\n";
}

SceneSums ReadSceneSums(const std::filesystem::path& path) {
  const auto document = ReadJsonFile(path);
  const JsonNode root(document, path.string());
  SceneSums sums;
  for (const auto& metric : root.Names()) {
    const auto scenes = root.At(metric);
    for (const auto& scene : scenes.Names()) {
      const auto sum = scenes.At(scene).Numbers(2);
      if (sum[1] < 0) scenes.At(scene).Fail("must count at least 0 frames");
      sums[metric][scene] = {sum[0], sum[1]};
    }
  }
  return sums;
}

}  // namespace occvla::eval
