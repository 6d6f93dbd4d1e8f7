// `occvla view export` as a person runs it, on the world that comes with the nano model. What the
// files hold is for script/parity.d/mcap to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "tests/repository.h"

#ifdef PROGRAM

namespace occvla::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Ended {
  int code = -1;
  std::string out;
};

Ended Export(const std::string& arguments) {
  Ended ended;
  // Another program's folder in PATH would decide what a film without an ending becomes.
  const std::string line = "PATH=/usr/bin:/bin '" PROGRAM "' view export " + arguments + " 2>&1";
  FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return ended;
  std::array<char, 4096> piece{};
  while (const size_t size = fread(piece.data(), 1, piece.size(), pipe))
    ended.out.append(piece.data(), size);
  const int status = pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ended;
}

std::string World(const fs::path& root) {
  return "--dataroot '" + root.string() + "' --version v1.0-synth --no-cache ";
}

size_t FilesOf(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(ViewExportTest, EverythingThatIsWrongWithTheFlagsIsSaidAtOnce) {
  const auto ended = Export(
      "--dataroot x --version y --scene a --split b --prediction-files z "
      "--video film.avi");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.out,
            "occvla: view export:\n"
            "  - name what to export by --scene or by --split\n"
            "  - --prediction-files needs --predictions\n"
            "  - --video film.avi must end in .mp4 or .webp, or have no ending to get what is "
            "possible here\n");
}

TEST(ViewExportTest, AnUnknownSceneIsRefusedWithTheNearestOnes) {
  const auto ended = Export(World(Root() / "models/nano/world") +
                            "--scene scene-0002 --scene moon --mcap never.mcap");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.out, HasSubstr("v1.0-synth has no scene \"scene-0002\"; did you mean "
                                   "scene-0001?"));
  EXPECT_THAT(ended.out, HasSubstr("v1.0-synth has no scene \"moon\""));
}

TEST(ViewExportTest, ARecordingIsWrittenWhole) {
  const TestFolder folder;
  const auto mcap = folder / "drive.mcap";
  const auto ended =
      Export(World(Root() / "models/nano/world") + "--split all --mcap '" + mcap.string() + "'");
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_THAT(ended.out, StartsWith(mcap.string() + ": "));
  EXPECT_THAT(ended.out, EndsWith(" messages\n"));
  EXPECT_THAT(ReadTextFile(mcap), EndsWith("\x89MCAP0\r\n"));
  EXPECT_EQ(FilesOf(folder.path()), 1u);
}

TEST(ViewExportTest, EveryDamagedFileIsNamedAndNothingIsLeftHalfWritten) {
  const TestFolder folder;
  const auto world = folder / "world", out = folder / "out";
  fs::copy(Root() / "models/nano/world", world, fs::copy_options::recursive);
  fs::create_directory(out);
  size_t broken = 0;
  for (const auto& image : fs::directory_iterator(world / "samples" / "CAM_BACK")) {
    if (broken++ < 2) WriteFileAtomically(image.path(), std::string_view("GIF89a"));
  }
  const auto ended =
      Export(World(world) + "--split all --mcap '" + (out / "drive.mcap").string() + "'");
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.out, HasSubstr("view export: no film, MCAP or prediction file was made: 2 "
                                   "problems:"));
  EXPECT_THAT(ended.out, HasSubstr("is neither a JPEG nor a PNG."));
  EXPECT_EQ(FilesOf(out), 0u);
}

TEST(ViewExportTest, PredictionsOfOtherKeyFramesAreRefused) {
  const TestFolder folder;
  WriteFileAtomically(folder / "plans.json", std::string_view("{}"));
  const auto ended = Export(World(Root() / "models/nano/world") + "--split all --predictions '" +
                            (folder / "plans.json").string() + "' --prediction-files '" +
                            (folder / "files").string() + "'");
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.out, HasSubstr("plans.json: predicts nothing for any of the 16 keyframes that "
                                   "are exported."));
}

}  // namespace
}  // namespace occvla::tests

#endif  // PROGRAM
