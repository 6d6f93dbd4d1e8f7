// A test file that no binary compiles fails nothing, so their number is compared with the tree's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "tests/layers.h"
#include "tests/repository.h"

namespace occvla::tests {
namespace {

using ::testing::IsEmpty;

// The test files that CMake gave to a test binary, as it wrote them down.
std::vector<std::string> BuiltTestFiles() {
  std::ifstream in(TEST_FILES);
  std::vector<std::string> files;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) files.push_back(line);
  return files;
}

// Every test file of the tree that this build is to compile: all of them, or those of rooms without
// torch.
std::vector<std::string> ExpectedTestFiles() {
  std::vector<std::string> files;
  for (const auto& file : FilesIn("", {"_test.cc"})) {
    const auto room = RoomOf(file.string());
    const bool needs_torch = room == "model" || room == "train" || room == "infer" || room == "cli";
    if (TORCH_ROOMS || !needs_torch) files.push_back(file.string());
  }
  return files;
}

TEST(TestCountTest, EveryTestFileOfTheTreeIsBuiltExactlyOnce) {
  const auto built = BuiltTestFiles();
  const auto expected = ExpectedTestFiles();
  EXPECT_THAT(built, ::testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(built.size(), expected.size());
}

// Raise it when rooms gain tests. It falls only when somebody decides so.
TEST(TestCountTest, ThereAreAtLeastAsManyTestFilesAsWereAgreedOn) {
  EXPECT_GE(FilesIn("", {"_test.cc"}).size(), 30u);
}

TEST(TestCountTest, EveryFuzzTargetHasACorpus) {
  std::vector<std::string> without;
  for (const auto& file : FilesIn("fuzz/", {".cc"})) {
    if (file.filename() == "replay.cc") continue;
    if (FilesIn("fuzz/corpus/" + file.stem().string() + "/", {""}).empty())
      without.push_back(file.string());
  }
  EXPECT_THAT(without, IsEmpty());
}

}  // namespace
}  // namespace occvla::tests
