// What holds for every file of the repository.
#include "tests/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace occvla::tests {
namespace {

using ::testing::IsEmpty;

std::vector<std::string> LinesThatMatch(const std::regex& pattern,
                                        const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> found;
  for (const auto& file : files) {
    int number = 0;
    for (const auto& line : Lines(file)) {
      ++number;
      if (line.find('/') == line.npos) continue;  // Every pattern has one, and std::regex is slow.
      if (std::regex_search(line, pattern))
        found.push_back(file.string() + ":" + std::to_string(number) + ": " + line.substr(0, 120));
    }
  }
  return found;
}

std::vector<std::filesystem::path> TextFiles() {
  auto files = FilesIn("", {".cc", ".h", ".cu", ".cuh", ".cmake", ".txt", ".md", ".py", ".json",
                            ".toml", ".sh", ".yaml", ".ts", ".html", ".css"});
  for (const auto& file : FilesIn("script/", {""}))
    if (!file.has_extension()) files.push_back(file);
  std::erase_if(files, [](const auto& file) { return file.string().starts_with("fuzz/corpus/"); });
  return files;
}

// The patterns are written so that they do not match themselves.
TEST(RepositoryTest, NoFileNamesAFolderOfSomeMachine) {
  const std::regex folder(R"((^|[^\w.$}])/(wor[k]|hom[e]|roo[t]|tm[p]|far[m]|mn[t])/[a-z])");
  EXPECT_THAT(LinesThatMatch(folder, TextFiles()), IsEmpty());
}

// Where packages come from is the business of whoever installs: apt and pip are configured, not
// told.
TEST(RepositoryTest, NoFileNamesARegistry) {
  const std::regex host(
      R"((pypi|pythonhosted|pytorch|npmjs|debian|ubuntu|crates|conda)\.(or[g]|i[o]|co[m])/)"
      R"(|//[\w.]*(pypi|pythonhosted|npmjs|crates)\.)");
  EXPECT_THAT(LinesThatMatch(host, TextFiles()), IsEmpty());
}

TEST(RepositoryTest, StaysSmall) {
  uintmax_t all = 0, models = 0;
  for (const auto& file : Files()) {
    const auto size = std::filesystem::file_size(Root() / file);
    const bool weights = file.string().starts_with("models/");
    (weights ? models : all) += size;
    EXPECT_LT(size, weights ? 16'000'000u : 2'000'000u) << file;
  }
  EXPECT_LT(all, 10'000'000u);
  EXPECT_LE(models, 16'000'000u);
}

TEST(RepositoryTest, SourceFilesStayReadable) {
  for (const auto& file : FilesIn("occvla/", {".cc", ".h", ".cu"}))
    EXPECT_LE(Lines(file).size(), 600u) << file << ": is there a second room inside?";
}

TEST(RepositoryTest, EveryScriptExplainsItselfAndIsExecutable) {
  for (const auto& file : FilesIn("script/", {""})) {
    if (file.parent_path() != "script" || file.has_extension()) continue;
    const auto lines = Lines(file);
    ASSERT_GE(lines.size(), 2u) << file;
    EXPECT_EQ(lines[0], "#!/usr/bin/env bash") << file;
    EXPECT_TRUE(lines[1].starts_with("# ")) << file << " opens with no comment for --help";
    const auto mode = std::filesystem::status(Root() / file).permissions();
    EXPECT_NE(mode & std::filesystem::perms::owner_exec, std::filesystem::perms::none) << file;
  }
}

}  // namespace
}  // namespace occvla::tests
