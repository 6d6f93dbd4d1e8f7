// The commands that the pages show: each script, verb and flag exists. What they do is for other
// tests.
#include "tests/docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <map>
#include <regex>
#include <set>

#include "tests/repository.h"

namespace occvla::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<DocCommand> AllCommands() {
  std::vector<DocCommand> commands;
  for (const auto& page : FilesIn("", {".md"}))
    for (auto& command : CommandsOf(page.string(), Lines(page))) commands.push_back(command);
  return commands;
}

struct Outcome {
  int status = -1;
  std::string text;
};

Outcome RunCommand(const std::string& line) {
  static std::map<std::string, Outcome> known;  // Pages show the same verb many times.
  if (const auto found = known.find(line); found != known.end()) return found->second;
  Outcome& run = known[line];
  FILE* pipe = popen((line + " 2>&1").c_str(), "r");
  if (!pipe) return run;
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe))
    run.text.append(buffer.data(), n);
  run.status = pclose(pipe);
  return run;
}

TEST(DocsTest, CommandsAreReadFromShellBlocksOnly) {
  const auto commands = CommandsOf(
      "a.md",
      {"occvla before", "```sh", "# a comment", "A=1 script/build asan && build/occvla dump \\",
       "  model --mask=occvla x.st > out  # why", "```", "```cpp", "occvla::base", "```"});
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_EQ(commands[0].where, "a.md:4");
  EXPECT_THAT(commands[0].words, ElementsAre("script/build", "asan"));
  EXPECT_THAT(commands[1].words,
              ElementsAre("build/occvla", "dump", "model", "--mask=occvla", "x.st"));
  EXPECT_THAT(FlagsOf(commands[1].words), ElementsAre("--mask"));
}

TEST(DocsTest, AFlagIsNamedOnlyAsAWholeWord) {
  EXPECT_TRUE(Names("  --out FILE  where to", "--out"));
  EXPECT_TRUE(Names("-o,--out=FILE", "--out"));
  EXPECT_FALSE(Names("--output FILE", "--out"));
  EXPECT_FALSE(Names("--with--out", "--out"));
}

TEST(DocsTest, EveryCommandIsOneThatTheReaderHas) {
  std::vector<std::string> unknown;
  for (const auto& [where, words] : AllCommands()) {
    const bool script = words[0].starts_with("script/") && exists(Root() / words[0]);
    const bool ours = words[0] == "build/occvla" || words[0] == "occvla";
    const std::string bench = "build/bench_";
    const bool measure = (words[0].starts_with("bench/") && exists(Root() / words[0])) ||
                         (words[0].starts_with(bench) &&
                          exists(Root() / "bench" / (words[0].substr(bench.size()) + ".cc")));
    const bool common =
        words[0] == "git" || words[0] == "cd" || words[0] == "ctest" || words[0] == "curl";
    if (!script && !ours && !common && !measure) unknown.push_back(where + ": " + words[0]);
  }
  EXPECT_THAT(unknown, IsEmpty());
}

// Links of the pages to files beside them, and the pages that sources send their readers to.
TEST(DocsTest, EveryPageAndPictureThatIsNamedExists) {
  const std::regex link(R"(\]\(([^)#:]+)\))"), page(R"(\bdocs/[\w/.-]+\.md\b)");
  std::set<std::string> missing;
  const auto check = [&](const std::filesystem::path& file, const std::regex& pattern, int group,
                         const std::filesystem::path& base) {
    for (const auto& line : Lines(file)) {
      if (line.find("](") == line.npos && line.find("docs/") == line.npos) continue;
      for (std::sregex_iterator it(line.begin(), line.end(), pattern), end; it != end; ++it)
        if (!exists(Root() / base / (*it)[group].str()))
          missing.insert(file.string() + " names " + (*it)[group].str());
    }
  };
  for (const auto& file : FilesIn("", {".md"})) check(file, link, 1, file.parent_path());
  for (const auto& file : FilesIn("occvla/", {".h", ".cc"})) check(file, page, 0, "");
  EXPECT_THAT(missing, IsEmpty());
}

TEST(DocsTest, EveryFlagOfAScriptIsInItsHelp) {
  std::vector<std::string> unknown;
  for (const auto& [where, words] : AllCommands()) {
    if (!words[0].starts_with("script/")) continue;
    std::string line = "'";
    line.append((Root() / words[0]).string()).append("' --help");
    const Outcome help = RunCommand(line);
    EXPECT_EQ(help.status, 0) << where << ": " << help.text;
    if (help.text.find("FLAGS OF") != std::string::npos) continue;  // Handed to the program.
    for (const auto& flag : FlagsOf(words))
      if (!Names(help.text, flag)) unknown.push_back(where + ": " + words[0] + " " + flag);
  }
  EXPECT_THAT(unknown, IsEmpty());
}

// `occvla VERB [VERB] --flags`: the verbs' own --help names every flag.
TEST(DocsTest, EveryVerbAndFlagOfTheProgramIsInItsHelp) {
#ifndef PROGRAM
  GTEST_SKIP() << "this build leaves the program out";
#else
  const std::regex verb("[a-z][a-z-]*");
  std::vector<std::string> unknown;
  for (const auto& [where, words] : AllCommands()) {
    if (words[0] != "build/occvla" && words[0] != "occvla") continue;
    std::string line = "'" PROGRAM "'";
    for (size_t i = 1; i < words.size() && std::regex_match(words[i], verb); ++i)
      line.append(" ").append(words[i]);
    const Outcome help = RunCommand(line + " --help");
    if (help.status != 0) unknown.push_back(where + ": " + line);
    for (const auto& flag : FlagsOf(words))
      if (!Names(help.text, flag)) unknown.push_back(where + ": " + line + " " + flag);
  }
  EXPECT_THAT(unknown, IsEmpty());
#endif
}

}  // namespace
}  // namespace occvla::tests
