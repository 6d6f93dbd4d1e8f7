#include "occvla/train/runs/checkpoint_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStep = "step-";
constexpr std::string_view kUnfinished = ".unfinished-";

std::string FolderName(int64_t step) {
  auto digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return std::string(kStep) + digits;
}

void SyncFolder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) ThrowWriteError(folder, errno);
  const int failed = fsync(fd), number = errno;
  close(fd);
  if (failed) ThrowWriteError(folder, number);
}

void Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) ThrowWriteError(to, error.value());
}

// Every file of a folder but content.json, by name.
std::vector<fs::path> FilesOf(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != "content.json")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// What is wrong with a checkpoint's files; empty when all are as they were written.
std::vector<std::string> DamageOf(const fs::path& folder) {
  const auto path = folder / "content.json";
  if (!fs::exists(path)) return {path.string() + " is missing"};
  const auto content = ReadJsonFile(path, {.kind = ErrorKind::kCheckpoint});
  if (!content.is_object()) return {path.string() + " is no JSON object"};
  std::vector<std::string> damage;
  for (const auto& [name, hash] : content.items()) {
    const auto file = folder / name;
    if (fs::path(name).filename() != name || !fs::is_regular_file(file)) {
      damage.push_back(file.string() + " is missing");
    } else if (!hash.is_string() || Sha256OfFile(file, ErrorKind::kCheckpoint) != hash) {
      damage.push_back(file.string() + " does not have the content that was written");
    }
  }
  return damage;
}

[[noreturn]] void ThrowDamage(const fs::path& checkpoint, const std::vector<std::string>& damage) {
  std::string advice = "No earlier checkpoint is there: the run must begin anew.";
  const auto all = CheckpointsIn(checkpoint.parent_path());
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (*it == checkpoint || *it > checkpoint || !DamageOf(*it).empty()) continue;
    advice = it->string() + " is sound: remove " + checkpoint.string() +
             " and give --resume again to go on from there.";
    break;
  }
  throw CheckpointError(checkpoint.string() + " is damaged:\n  - " + Join(damage, "\n  - ") + "\n" +
                        advice);
}

}  // namespace

std::vector<fs::path> CheckpointsIn(const fs::path& folder) {
  std::vector<fs::path> found;
  if (!fs::is_directory(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !entry.is_symlink() &&
        entry.path().filename().string().starts_with(kStep))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

fs::path UnfinishedCheckpoint(const fs::path& folder, int64_t step) {
  return folder / (std::string(kUnfinished) + FolderName(step));
}

fs::path SealCheckpoint(const fs::path& folder, int64_t step) {
  const auto unfinished = UnfinishedCheckpoint(folder, step);
  const auto final = folder / FolderName(step);
  auto content = nlohmann::ordered_json::object();
  for (const auto& file : FilesOf(unfinished))
    content[file.filename().string()] = Sha256OfFile(file, ErrorKind::kCheckpoint);
  WriteFileAtomically(unfinished / "content.json", std::string_view(content.dump(1) + "\n"));
  SyncFolder(unfinished);
  // A run that lost its last steps to a damaged checkpoint comes by the same step again.
  fs::remove_all(final);
  Rename(unfinished, final);
  SyncFolder(folder);
  return final;
}

void RequireSound(const fs::path& checkpoint) {
  if (const auto damage = DamageOf(checkpoint); !damage.empty()) ThrowDamage(checkpoint, damage);
}

void PointAt(const fs::path& folder, const std::string& name, const fs::path& checkpoint) {
  const auto temporary = folder / ("." + name);
  std::error_code error;
  fs::remove(temporary, error);
  fs::create_directory_symlink(checkpoint.filename(), temporary, error);
  if (error) ThrowWriteError(temporary, error.value());
  Rename(temporary, folder / name);
  SyncFolder(folder);
}

void Prune(const fs::path& folder, int64_t keep) {
  std::error_code ignored;
  const auto best = fs::read_symlink(folder / "best", ignored).filename();
  const auto all = CheckpointsIn(folder);
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i)
    if (all[i].filename() != best) fs::remove_all(all[i]);
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with(kUnfinished)) fs::remove_all(entry.path());
}

}  // namespace occvla::train
