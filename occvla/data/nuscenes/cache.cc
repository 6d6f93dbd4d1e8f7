#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/nuscenes/cache_file.h"
#include "occvla/data/nuscenes/content_key.h"
#include "occvla/data/nuscenes/table_reader.h"
#include "occvla/data/nuscenes/table_store.h"

/// docs/decisions/0007-table-cache.md says why the cache is as it is.
namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;

// A table written this shortly before its stamp may have been written again in the same tick of the
// file system's clock: only its content tells.
constexpr int64_t kSameTick_ns = 20'000'000;

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// What the file system says of the tables: a line a table, and the latest change.
struct Stamps {
  std::string text = "occvla table stamps 1\n";
  std::string sizes;  ///< The same without times.
  int64_t latest_ns = 0;
  bool complete = true;
};

Stamps StampsOf(const fs::path& folder) {
  Stamps stamps;
  for (const std::string_view name : kTableNames) {
    struct stat status {};
    const fs::path path = folder / (std::string(name) + ".json");
    if (::stat(path.c_str(), &status) != 0) {
      stamps.complete = false;
      continue;
    }
    const int64_t changed = Nanoseconds(status.st_mtim);
    stamps.text += fmt::format("{} {} {}\n", name, status.st_size, changed);
    stamps.sizes += fmt::format("{} {}\n", name, status.st_size);
    stamps.latest_ns = std::max(stamps.latest_ns, changed);
  }
  return stamps;
}

/// Holds the folder's lock while it lives: one process writes at a time. The system lets go of it
/// when the process dies.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) {
    fd_ = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ >= 0) held_ = ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool held() const { return held_; }

 private:
  int fd_ = -1;
  bool held_ = false;
};

class CacheFolder {
 public:
  CacheFolder(fs::path tables, fs::path folder)
      : tables_(std::move(tables)), folder_(std::move(folder)) {}

  /// The tables from the cache, if it is one of these very tables and whole.
  std::unique_ptr<TablesAccess::Impl> Open(const Stamps& now, size_t threads) const {
    const fs::path path = folder_ / "stamps";
    std::string stored;
    struct stat status {};
    try {
      if (::stat(path.c_str(), &status) == 0) stored = ReadTextFile(path, 1 << 16);
    } catch (const DataError&) {  // Gone in between.
    }
    if (stored.starts_with(now.text) &&
        now.latest_ns + kSameTick_ns < Nanoseconds(status.st_mtim)) {
      std::string_view key = std::string_view(stored).substr(now.text.size());
      if (key.starts_with("key ") && key.ends_with("\n")) key = key.substr(4, key.size() - 5);
      return OpenKey(std::string(key), threads);
    }
    // The bytes may be the same all the same: a copy or a touch changes times alone.
    if (!HasFiles() || (!stored.empty() && SizesIn(stored) != now.sizes)) return nullptr;
    std::string key;
    try {
      key = ContentKeyOfFiles(tables_, threads);
    } catch (const DataError&) {  // Reading the tables will say what is wrong with them.
      return nullptr;
    }
    auto opened = OpenKey(key, threads);
    if (opened) {
      const FolderLock lock(folder_);
      if (lock.held()) WriteStamps(now, key);
    }
    return opened;
  }

  /// Writes the cache and the stamps; throws what WriteCacheFile does. False when another process
  /// is at it.
  bool Write(const Stamps& stamps, const TableStore& store, size_t threads) const {
    fs::create_directories(folder_);
    const FolderLock lock(folder_);
    if (!lock.held()) return false;
    // What a killed writer left, and caches of tables that are no more. Whoever has one of them
    // mapped keeps it.
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      std::error_code ignored;
      if (name.starts_with(".") ||
          (name.starts_with("tables-") && entry.path() != FileOf(store.content_key)))
        fs::remove(entry.path(), ignored);
    }
    WriteCacheFile(FileOf(store.content_key), folder_ / ".tables", store, threads);
    WriteStamps(stamps, store.content_key);
    return true;
  }

  fs::path FileOf(const std::string& key) const { return folder_ / ("tables-" + key + ".bin"); }

 private:
  std::unique_ptr<TablesAccess::Impl> OpenKey(const std::string& key, size_t threads) const {
    if (key.size() != 32 || key.find_first_not_of("0123456789abcdef") != std::string::npos)
      return nullptr;
    try {
      return OpenCacheFile(FileOf(key), key, threads);
    } catch (const DataError&) {  // Not there, damaged or of another program: it is made anew.
      return nullptr;
    }
  }

  bool HasFiles() const {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder_, ignored))
      if (entry.path().filename().string().starts_with("tables-")) return true;
    return false;
  }

  // Lines "name size time" of a stamps file, without the times.
  static std::string SizesIn(const std::string& stored) {
    std::string sizes;
    std::istringstream lines(stored);
    std::string line;
    for (std::getline(lines, line); std::getline(lines, line);) {
      if (!line.starts_with("key ")) sizes += line.substr(0, line.rfind(' ')) + "\n";
    }
    return sizes;
  }

  // Small and in one piece; renamed over the old one.
  void WriteStamps(const Stamps& stamps, const std::string& key) const {
    const fs::path temporary = folder_ / ".stamps";
    {
      std::ofstream file(temporary, std::ios::trunc);
      file << stamps.text << "key " << key << '\n';
      file.close();
      if (!file) ThrowWriteError(folder_ / "stamps", errno);
    }
    if (::rename(temporary.c_str(), (folder_ / "stamps").c_str()) != 0)
      ThrowWriteError(folder_ / "stamps", errno);
  }

  fs::path tables_, folder_;
};

// Beside the tables, where every user of the data set finds it; else the user's own cache.
std::vector<CacheFolder> CacheFolders(const fs::path& tables) {
  std::vector<CacheFolder> folders = {CacheFolder(tables, tables / ".occvla-cache")};
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  fs::path base;
  if (xdg != nullptr && fs::path(xdg).is_absolute()) {
    base = xdg;
  } else if (home != nullptr && fs::path(home).is_absolute()) {
    base = fs::path(home) / ".cache";
  }
  std::error_code error;
  const fs::path place = fs::canonical(tables, error);
  if (!base.empty() && !error) {
    const std::string name = place.string();
    folders.emplace_back(
        tables, base / "occvla" / ToHex(ContentTagger().Of(std::as_bytes(std::span(name)))));
  }
  return folders;
}

void CheckFolder(const fs::path& dataroot, const std::string& version) {
  if (version.empty() || version == "." || version == ".." ||
      version.find('/') != std::string::npos) {
    throw ConfigError(
        fmt::format("--version {} must be the name of a folder in --dataroot, such as "
                    "v1.0-mini.",
                    Quoted(version, 60)));
  }
  if (!fs::is_directory(dataroot)) {
    throw DataError(
        fmt::format("{}: there is no such folder. Check --dataroot.", dataroot.string()));
  }
  if (fs::is_directory(dataroot / version)) return;
  std::vector<std::string> versions;
  std::error_code unreadable;  // A folder that may not be looked into holds no tables for us.
  for (const auto& entry : fs::directory_iterator(dataroot, unreadable)) {
    if (fs::exists(entry.path() / "scene.json", unreadable))
      versions.push_back(entry.path().filename().string());
  }
  std::sort(versions.begin(), versions.end());
  std::string hint = "no folder in it holds tables";
  if (!versions.empty()) {
    hint = "tables are in " + Join(versions, ", ");
  } else if (fs::exists(dataroot / "scene.json", unreadable)) {
    hint =
        "tables lie in it directly: name the folder above as --dataroot and this one as "
        "--version";
  }
  throw DataError(fmt::format("{}: has no folder {}; {}. Check --dataroot and --version.",
                              dataroot.string(), version, hint));
}

}  // namespace

Tables ReadTables(const fs::path& dataroot, const std::string& version, CacheUse cache) {
  CheckFolder(dataroot, version);
  const fs::path folder = dataroot / version;
  const size_t threads = ThreadCount(0);
  std::vector<CacheFolder> caches;
  if (cache == CacheUse::kReadAndWrite) caches = CacheFolders(folder);
  const Stamps before = StampsOf(folder);
  for (const CacheFolder& candidate : caches) {
    if (!before.complete) break;
    if (auto opened = candidate.Open(before, threads)) return TablesAccess::Make(std::move(opened));
  }

  auto impl = std::make_unique<TablesAccess::Impl>();
  impl->store = ReadTableFiles(dataroot, version);
  TablesAccess::PointIntoStore(*impl);
  // A table that was changed while it was read has no stamp that means anything.
  if (StampsOf(folder).text != before.text) {
    impl->facts.cache_problem = "the tables changed while they were read";
    caches.clear();
  }
  for (const CacheFolder& candidate : caches) {
    try {
      if (candidate.Write(before, impl->store, threads)) {
        impl->facts.cache_file = candidate.FileOf(impl->store.content_key);
        impl->facts.cache_problem.clear();
      } else {
        impl->facts.cache_problem = "another process is writing it";
      }
      break;
    } catch (const Error& error) {
      impl->facts.cache_problem = error.what();
    } catch (const fs::filesystem_error& error) {
      impl->facts.cache_problem = error.what();
    }
  }
  return TablesAccess::Make(std::move(impl));
}

}  // namespace occvla::data::nuscenes
