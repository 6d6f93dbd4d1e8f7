#include "occvla/train/feed/question_files.h"

#include <algorithm>
#include <system_error>

namespace occvla::train {

namespace fs = std::filesystem;

std::vector<fs::path> FilesOf(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> QuestionFilesBeside(const fs::path& tables) {
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_directory(tables / "questions", error)) {
    for (const fs::path& file : FilesOf(tables / "questions"))
      if (file.extension() == ".json" || file.extension() == ".csv") files.push_back(file);
  }
  if (fs::is_directory(tables / "omnidrive", error)) files.push_back(tables / "omnidrive");
  if (fs::exists(tables / "chain_of_thought.json", error))
    files.push_back(tables / "chain_of_thought.json");
  return files;
}

}  // namespace occvla::train
