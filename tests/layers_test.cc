// The rooms of docs/ARCHITECTURE.md, checked over the #include lines: a rule that nothing checks is
// broken within months.
#include "tests/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/repository.h"

namespace occvla::tests {
namespace {

using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

const std::vector<std::string> kSources{".cc", ".h", ".cu", ".cuh"};

std::vector<std::string> FilesThatInclude(const std::string& header) {
  std::vector<std::string> files;
  for (const auto& file : FilesIn("", kSources))
    for (const auto& line : Lines(file))
      if (Included(line) == header) files.push_back(file.string());
  return files;
}

TEST(LayersTest, AFileBelongsToTheInnermostRoom) {
  EXPECT_THAT(RoomOf("occvla/data/image/image.h"), Optional(Eq("data")));
  EXPECT_THAT(RoomOf("occvla/model/files/config.h"), Optional(Eq("model/files")));
  EXPECT_THAT(RoomOf("occvla/model/linear.h"), Optional(Eq("model")));
  EXPECT_THAT(RoomOf("occvla/main.cc"), Optional(Eq("")));
  EXPECT_THAT(RoomOf("occvla/utils/strings.h"), Eq(std::nullopt));
}

TEST(LayersTest, IncludeLinesAreRead) {
  EXPECT_THAT(Included("#include \"occvla/base/error.h\"  // Error"),
              Optional(Eq("occvla/base/error.h")));
  EXPECT_THAT(Included("  # include <ATen/core/Tensor.h>"), Optional(Eq("ATen/core/Tensor.h")));
  EXPECT_THAT(Included("// #include <vector>"), Eq(std::nullopt));
}

TEST(LayersTest, IncludingDownwardsIsAllowed) {
  EXPECT_THAT(Breach("occvla/infer/engine.cc", "occvla/base/queue.h"), Eq(std::nullopt));
  EXPECT_THAT(Breach("occvla/model/linear.cc", "ATen/core/Tensor.h"), Eq(std::nullopt));
  EXPECT_THAT(Breach("occvla/cli/run.cc", "occvla/serve/server.h"), Eq(std::nullopt));
  EXPECT_THAT(Breach("occvla/base/npy.cc", "zip.h"), Eq(std::nullopt));
}

TEST(LayersTest, IncludingUpwardsSidewaysOrTorchIsABreach) {
  EXPECT_THAT(Breach("occvla/base/npy.cc", "occvla/data/frame.h"),
              Optional(Eq("base does not stand on data")));
  EXPECT_THAT(Breach("occvla/train/loop.cc", "occvla/infer/engine.h"),
              Optional(Eq("train does not stand on infer")));
  EXPECT_THAT(Breach("occvla/kernels/gemm.cc", "occvla/base/dtype.h"),
              Optional(Eq("kernels does not stand on base")));
  EXPECT_THAT(Breach("occvla/data/frame.cc", "c10/util/Half.h"),
              Optional(Eq("torch is for model, train and infer only")));
  EXPECT_THAT(Breach("occvla/model/files/config.cc", "ATen/core/Tensor.h"),
              Optional(Eq("torch is for model, train and infer only")));
  EXPECT_THAT(Breach("occvla/utils/strings.cc", "string"),
              Optional(Eq("its folder is not a room of the house")));
}

TEST(LayersTest, EveryIncludeOfTheHouseGoesDownwards) {
  std::vector<std::string> breaches;
  int includes = 0;
  for (const auto& file : FilesIn("occvla/", kSources)) {
    for (const auto& line : Lines(file)) {
      const auto header = Included(line);
      if (!header) continue;
      ++includes;
      if (const auto why = Breach(file.string(), *header))
        breaches.push_back(file.string() + " includes " + *header + ": " + *why);
    }
  }
  EXPECT_GT(includes, 100) << "the sources were not found";
  EXPECT_THAT(breaches, IsEmpty());
}

// 17 to 23 seconds and 1.3 GB a file.
TEST(LayersTest, AtMostThreeFilesIncludeAllOfTorch) {
  EXPECT_THAT(FilesThatInclude("torch/torch.h"), SizeIs(::testing::Le(3u)));
}

// What decides the time of a clean build on two cores.
TEST(LayersTest, AtMostSixtyFilesSeeTorch) {
  int count = 0;
  for (const auto& file : FilesIn("occvla/", {".cc", ".cu"})) {
    const auto room = RoomOf(file.string());
    count += room == "model" || room == "train" || room == "infer";
  }
  EXPECT_LE(count, 60);
}

TEST(LayersTest, ThereIsNoUtilsFolder) {
  std::vector<std::string> found;
  for (const auto& file : Files())
    for (const auto& part : file.parent_path())
      if (part == "utils" || part == "util" || part == "common" || part == "misc")
        found.push_back(file.string());
  EXPECT_THAT(found, IsEmpty());
}

}  // namespace
}  // namespace occvla::tests
