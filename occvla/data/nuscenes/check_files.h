#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/check.h"

/// Which of the files that a data set names are there, and what that looks like.
namespace occvla::data::nuscenes {

/// A file that should be there.
struct ExpectedFile {
  uint32_t scene = 0;  ///< Index into FilePresence::scenes.
  uint32_t kind = 0;   ///< Index into FilePresence::kinds, such as its sensor.
};

/// What is known of all files of a family, to be put into words.
struct FilePresence {
  std::string family;               ///< "keyframe": "no keyframe file of CAM_BACK is here".
  std::vector<std::string> scenes;  ///< Names.
  std::vector<uint32_t> logs;       ///< Per scene: its log.
  std::vector<std::string> kinds;   ///< "CAM_FRONT".
  /// Per kind: nothing in this program reads such files, so that all of them may be absent.
  std::vector<bool> optional;
  /// [scene][kind].
  struct Cell {
    uint64_t total = 0, missing = 0;
  };
  std::vector<Cell> cells;

  FilePresence(std::string family_name, std::vector<std::string> scene_names,
               std::vector<std::string> kind_names);
  Cell& At(const ExpectedFile& file) { return cells[file.scene * kinds.size() + file.kind]; }
  const Cell& At(const ExpectedFile& file) const {
    return cells[file.scene * kinds.size() + file.kind];
  }
};

/// What is missing as a whole, in words; `covers` tells of which missing files that is all there is
/// to say.
struct MissingGroups {
  std::vector<std::string> problems, absent;
  std::vector<bool> covered;  ///< Per cell of the presence.

  bool covers(const FilePresence& presence, const ExpectedFile& file) const {
    return covered[file.scene * presence.kinds.size() + file.kind];
  }
};

/// Tells a partial download (kinds that lack everywhere, scenes that lack altogether, a kind that
/// lacks in a whole scene) from single lost files.
MissingGroups GroupMissing(const FilePresence& presence);

/// What is wrong with a sensor file that exists; empty if nothing is. `kExist` finds nothing.
std::string FileProblem(const std::filesystem::path& dataroot, std::string_view name,
                        Modality modality, const SampleDataRow& row, FileCheck level);

/// Every file of sample_data.
CheckPart CheckSensorFiles(const Tables& tables, const CheckOptions& options,
                           std::vector<std::string>& absent);

/// "a, b, c and 4 more".
std::string ShortList(std::span<const std::string> names, size_t most = 3);

}  // namespace occvla::data::nuscenes
