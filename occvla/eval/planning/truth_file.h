#pragma once
#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "occvla/base/files.h"
#include "occvla/data/nuscenes/planning_export.h"

namespace occvla::eval {

/// A ground-truth file of planning, {"<sample token>": record} as `data export-planning` writes it
/// (goldens/README.md 1.1). Of any length; read in the memory of one record.
class PlanningTruthFile {
 public:
  /// Maps the file. Throws DataError when it cannot be read.
  explicit PlanningTruthFile(const std::filesystem::path& path);

  /// Hands out the records in the file's order. Strict: a field that is absent or of another type,
  /// numbers that are not finite or beyond 1,000 km, boxes of no or more than 1 km extent, an id or
  /// a token twice are told together in one DataError at the end, and records with complaints are
  /// not handed out.
  void ForEach(const std::function<void(const std::string& token,
                                        const data::nuscenes::PlanningTruth& truth)>& visit) const;

 private:
  MappedFile file_;
};

/// The same from text; `where` opens the complaint.
void ForEachPlanningTruth(
    std::string_view text, const std::string& where,
    const std::function<void(const std::string& token, const data::nuscenes::PlanningTruth& truth)>&
        visit);

/// What the records of a file say about each other.
class PlanningHistory {
 public:
  void Add(const std::string& token, const data::nuscenes::PlanningTruth& truth);
  /// The car's velocity over the half second before a frame, where the record of the keyframe
  /// before it is there too: the same `case`, one keyframe less before and one more after, and the
  /// same path ahead within 5 cm; where several fit, the frame has no known past.
  std::optional<std::array<double, 2>> VelocityBefore(
      const data::nuscenes::PlanningTruth& truth) const;
  /// All tokens, sorted.
  std::vector<std::string> Tokens() const;

 private:
  struct Record {
    int frames_before = 0, frames_after = 0;
    std::array<std::array<double, 2>, 6> positions_E{};
    std::array<double, 6> yaws_E{};
    std::array<bool, 6> valid{};
  };
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::vector<Record>> records_;  // By case and frames_before.
};

}  // namespace occvla::eval
