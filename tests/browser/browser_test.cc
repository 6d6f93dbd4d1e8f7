#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <filesystem>
#include <string>

#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"

namespace occvla::tests {
namespace {

namespace fs = std::filesystem;

struct Ended {
  int code = -1;
  std::string out;
};

/// Runs a shell command in the repository; both streams in one text.
Ended Shell(const std::string& command) {
  Ended ended;
  FILE* pipe = popen(("cd '" REPOSITORY "' && { " + command + "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) return ended;
  std::array<char, 4096> piece{};
  for (size_t size; (size = fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    ended.out.append(piece.data(), size);
  const int status = pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ended;
}

bool Has(const std::string& program) {
  return Shell("command -v " + program + " >/dev/null").code == 0;
}

// What tsc and node say about web/.
TEST(WebTest, TypesFitAndTheMesherProjectionAndStreamWork) {
  if (!fs::exists(REPOSITORY "/web/node_modules/.bin/tsc"))
    GTEST_SKIP() << "the packages of web/ are not installed; the build fetches them where it can";
  const auto types = Shell("cd web && node node_modules/typescript/bin/tsc --noEmit");
  EXPECT_EQ(types.code, 0) << types.out;
  const auto tests = Shell("cd web && node test/run.mjs");
  EXPECT_EQ(tests.code, 0) << tests.out;
}

#if TORCH_ROOMS

/// Moves the plan of the third reply aside and says so: the frame where the run differs most.
std::string Spoil(const fs::path& run) {
  std::string text = ReadTextFile(run / "replies" / "0-of-1.jsonl"), changed, token;
  size_t number = 0;
  for (size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos;
       start = end + 1) {
    auto reply = ParseJson(text.substr(start, end - start), "reply");
    if (number++ == 2) {
      token = reply["prediction"]["token"].get<std::string>();
      for (auto& point : reply["prediction"]["trajectory"]) point[1] = point[1].get<double>() + 8;
      reply["prediction"]["meta_action"] = "Decelerate, Turn Left";
    }
    changed += reply.dump() + "\n";
  }
  WriteFileAtomically(run / "replies" / "0-of-1.jsonl", std::string_view(changed));
  return token;
}

// Opens, scrubs, filters, compares, asks, at three widths and in both themes.
TEST(BrowserTest, TheViewerWorksInChromiumAndAsksNoOtherHost) {
  if (!Has("chromium") && !Has("chromium-browser") && !Has("google-chrome"))
    GTEST_SKIP() << "there is no Chromium here; Debian's package chromium has one";
  if (!Has("python3")) GTEST_SKIP() << "there is no python3 here, which drives the browser";
  const TestFolder folder;
  const std::string run = (folder / "nano").string(), other = (folder / "other").string();
  const auto made = Shell("'" PROGRAM
                          "' eval run --checkpoint models/nano --dataroot models/nano/world "
                          "--version v1.0-synth --split all --predict-occupancy --out '" +
                          run + "'");
  ASSERT_EQ(made.code, 0) << made.out;
  fs::copy(run, other, fs::copy_options::recursive);
  const auto token = Spoil(other);
  const auto drive =
      Shell("python3 tests/browser/drive.py --changed " + token +
            " -- '" PROGRAM
            "' serve --checkpoint models/nano --dataroot models/nano/world --version v1.0-synth "
            "--port 0 --run '" +
            run + "' --run '" + other + "'");
  EXPECT_EQ(drive.code, 0) << drive.out;
  printf("%s", drive.out.c_str());
}

#endif  // TORCH_ROOMS

}  // namespace
}  // namespace occvla::tests
