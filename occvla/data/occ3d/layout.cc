#include "occvla/data/occ3d/layout.h"

#include <algorithm>
#include <system_error>

#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/json_record.h"

namespace occvla::data::occ3d {
namespace {

namespace fs = std::filesystem;

// The folders in a folder, by name; anything else is a complaint.
std::vector<fs::path> Folders(const fs::path& folder, const std::string& what,
                              Complaints& complaints) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      folders.push_back(entry->path());
    } else {
      complaints.Add(folder.string(), "holds " + Quoted(entry->path().filename().string()) +
                                          ", expected a folder for each " + what);
    }
  }
  if (error) complaints.Add(folder.string(), "cannot be listed: " + error.message());
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

fs::path LabelsPath(const fs::path& gts, std::string_view scene, std::string_view sample_token) {
  return gts / scene / sample_token / "labels.npz";
}

fs::path FindScenes(const fs::path& root) {
  constexpr std::string_view kArchive = "Occpancy3D-nuScenes-V1.0";
  for (const fs::path& base : {root, root / kArchive}) {
    for (const char* place : {"gts", "trainval/gts", "mini/gts"}) {
      std::error_code ignored;
      if (fs::is_directory(base / place, ignored)) return base / place;
    }
  }
  return {};
}

std::vector<LabelsFile> ListLabels(const fs::path& gts) {
  Complaints complaints;
  std::vector<LabelsFile> files;
  for (const fs::path& scene : Folders(gts, "scene", complaints)) {
    for (const fs::path& sample : Folders(scene, "keyframe", complaints)) {
      const std::string token = sample.filename().string();
      if (IsToken(token)) {
        files.push_back({scene.filename().string(), token, sample / "labels.npz"});
      } else {
        complaints.Add(scene.string(),
                       "holds the folder " + Quoted(token) + ", expected a token of 32 hex digits");
      }
    }
  }
  complaints.Throw("Occ3D labels", "Unpack the archive again.");
  return files;
}

}  // namespace occvla::data::occ3d
