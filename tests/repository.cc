#include "tests/repository.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>

namespace occvla::tests {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Walk() {
  const std::set<std::string> left_out{".git", "build", ".cache", "__pycache__", "node_modules"};
  std::vector<fs::path> files;
  for (auto it = fs::recursive_directory_iterator(Root()); it != fs::end(it); ++it) {
    // data/ is where the pages' examples put data sets.
    if (left_out.count(it->path().filename().string()) || it->path() == Root() / "data")
      it.disable_recursion_pending();
    else if (it->is_regular_file())
      files.push_back(fs::relative(it->path(), Root()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

fs::path Root() { return REPOSITORY; }

const std::vector<fs::path>& Files() {
  static const std::vector<fs::path> files = Walk();
  return files;
}

std::vector<fs::path> FilesIn(const std::string& folder, const std::vector<std::string>& suffixes) {
  std::vector<fs::path> found;
  for (const auto& file : Files()) {
    const std::string name = file.string();
    const auto ends = [&](const std::string& suffix) { return name.ends_with(suffix); };
    if (name.starts_with(folder) && std::any_of(suffixes.begin(), suffixes.end(), ends))
      found.push_back(file);
  }
  return found;
}

std::vector<std::string> Lines(const fs::path& file) {
  std::ifstream in(Root() / file);
  if (!in) throw std::runtime_error(file.string() + " cannot be read");
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace occvla::tests
