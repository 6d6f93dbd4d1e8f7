#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "occvla/eval/bootstrap.h"
#include "occvla/eval/meta_action.h"
#include "occvla/eval/planning/measure.h"

/// What each scene adds to a metric: all that an interval over scenes needs.
namespace occvla::eval {

/// [metric][scene].
using SceneSums = std::map<std::string, std::map<std::string, SceneSum>>;

/// "L2 up to 3 s, m" and "L2 at 3 s, m" over frames with six valid steps, "clean collision" (any
/// step) over those that the clean metric counts.
void AddPlanning(std::span<const FrameMeasures> frames, SceneSums* sums);
/// "meta action: speed", "direction" and "both".
void AddMetaActions(const std::map<std::string, MetaActionScore>& by_scene, SceneSums* sums);

/// {metric: {scene: [numerator, denominator]}}; numbers read back as the same doubles.
std::string ToJson(const SceneSums& sums);
/// Throws DataError.
SceneSums ReadSceneSums(const std::filesystem::path& path);

}  // namespace occvla::eval
