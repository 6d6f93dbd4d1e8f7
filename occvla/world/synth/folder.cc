#include "occvla/world/synth/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"

namespace occvla::world::synth {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOrigin = "origin.json";
constexpr const char* kWork = ".synth";

void MakeFolders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) ThrowWriteError(folder, error.value());
}

/// The first line in which two texts differ, from each.
std::string Difference(std::string_view found, std::string_view wanted) {
  const auto line = [](std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    auto first = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    first.remove_prefix(std::min(first.find_first_not_of(' '), first.size()));
    if (first.ends_with(',')) first.remove_suffix(1);
    return first;
  };
  while (!found.empty() || !wanted.empty()) {
    const auto a = line(found), b = line(wanted);
    if (a != b) return "there " + Printable(a) + ", now " + Printable(b);
  }
  return "";
}

/// Refuses a folder that something else lives in.
void CheckOrigin(const fs::path& path, std::string_view origin) {
  std::error_code error;
  if (fs::exists(path / kOrigin, error)) {
    const auto found = ReadTextFile(path / kOrigin);
    if (found == origin) return;
    throw ConfigError(
        path.string() + ": holds another synthetic data set (" + Difference(found, origin) +
        "). Give the same seed, scenes and config to go on with it, or another --out.");
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().filename() != kWork) {
      throw ConfigError(path.string() + ": is not empty (it holds " +
                        Quoted(entry.path().filename().string()) +
                        ") and no data set of this program: origin.json is missing. Choose another "
                        "--out.");
    }
  }
}

/// Files below a folder, relative to it, sorted.
std::vector<SceneRecord::File> FilesOf(const fs::path& folder) {
  std::vector<SceneRecord::File> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files.push_back(
          {entry.path().lexically_relative(folder).generic_string(), entry.file_size()});
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

/// A crash of the machine must not leave a record whose files are empty.
void FlushToDisk(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) ThrowWriteError(folder, errno);
  const int error = ::syncfs(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) ThrowWriteError(folder, error);
}

void Move(const fs::path& from, const fs::path& to) {
  MakeFolders(to.parent_path());
  if (::rename(from.c_str(), to.c_str()) != 0) ThrowWriteError(to, errno);
}

}  // namespace

Folder::Folder(const fs::path& path, std::string_view origin) : path_(path) {
  std::error_code error;
  if (fs::exists(path_, error) && !fs::is_directory(path_, error))
    throw ConfigError(path_.string() + ": is a file; --out names a folder to make.");
  MakeFolders(path_);
  CheckOrigin(path_, origin);
  MakeFolders(path_ / kWork / "scenes");
  lock_ = ::open((path_ / kWork).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) ThrowWriteError(path_ / kWork, errno);
  // The kernel lets go of the lock however the process ends.
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw BusyError(path_.string() +
                    ": another process is making this data set. Wait for it or choose another "
                    "--out.");
  }
  CheckOrigin(path_, origin);  // What another process did before it let go.
  fs::remove_all(path_ / kWork / "staging");
  if (!fs::exists(path_ / kOrigin)) {
    const auto stage = Stage("origin");
    WriteStaged(stage / kOrigin, origin);
    Publish("origin");
  }
}

Folder::~Folder() {
  if (lock_ >= 0) ::close(lock_);
}

fs::path Folder::StagingOf(const std::string& name) const {
  return path_ / kWork / "staging" / name;
}
fs::path Folder::RecordOf(const std::string& scene) const {
  return path_ / kWork / "scenes" / (scene + ".txt");
}

fs::path Folder::Stage(const std::string& name) {
  const auto stage = StagingOf(name);
  fs::remove_all(stage);
  MakeFolders(stage);
  return stage;
}

void Folder::Publish(const std::string& stage) {
  const auto staging = StagingOf(stage);
  const auto files = FilesOf(staging);
  FlushToDisk(staging);
  for (const auto& file : files) Move(staging / file.path, path_ / file.path);
  fs::remove_all(staging);
}

void Folder::Commit(const std::string& scene, SceneRecord record) {
  record.files = FilesOf(StagingOf(scene));
  Publish(scene);
  const auto stage = Stage(scene + ".record");
  WriteStaged(stage / "record", ToText(record));
  FlushToDisk(stage);
  Move(stage / "record", RecordOf(scene));
  fs::remove_all(stage);
}

std::optional<SceneRecord> Folder::Find(const std::string& scene) const {
  return ReadWholeScene(RecordOf(scene), path_);
}

void Folder::Finish() { fs::remove_all(path_ / kWork / "staging"); }

void WriteStaged(const fs::path& path, std::span<const std::byte> bytes) {
  MakeFolders(path.parent_path());
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) ThrowWriteError(path, errno);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      ::close(fd);
      ThrowWriteError(path, error);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  if (::close(fd) != 0) ThrowWriteError(path, errno);
}

void WriteStaged(const fs::path& path, std::string_view text) {
  WriteStaged(path, std::as_bytes(std::span(text)));
}

}  // namespace occvla::world::synth
