#include "occvla/cli/viewer_source.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/test_dataset.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;

template <typename Kind>
std::string Complaint(const std::function<void()>& act) {
  try {
    act();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

ViewerInputs Named(const fs::path& what) {
  ViewerInputs inputs;
  inputs.what = what;
  return inputs;
}

void WriteTown(const fs::path& root, const std::string& version) {
  data::nuscenes::TestDataset town;
  town.AddScene("scene-0001", {{.x = 1}, {.x = 2}});
  town.WriteTables(root, version);
}

void WriteRun(const fs::path& run, const std::string& token) {
  fs::create_directories(run / "replies");
  WriteFileAtomically(run / "replies" / "0-of-1.jsonl",
                      std::string_view("{\"prediction\": {\"token\": \"" + token +
                                       "\", \"text\": \"\"}, \"answers\": []}\n"));
}

TEST(ViewerSourceTest, TheOnlyVersionIsFound) {
  const TestFolder folder;
  WriteTown(folder.path(), "v1.0-mini");
  EXPECT_EQ(FindVersion(folder.path()), "v1.0-mini");
}

TEST(ViewerSourceTest, SeveralVersionsAreAskedAbout) {
  const TestFolder folder;
  WriteTown(folder.path(), "v1.0-mini");
  WriteTown(folder.path(), "v1.0-synth");
  EXPECT_EQ(Complaint<ConfigError>([&] { (void)FindVersion(folder.path()); }),
            folder.path().string() +
                ": holds several versions, v1.0-mini, v1.0-synth; choose one by --version.");
}

TEST(ViewerSourceTest, AFolderOfAnythingElseIsRefused) {
  const TestFolder folder;
  EXPECT_EQ(Complaint<DataError>([&] { OpenViewerSource(Named(folder.path())); }),
            folder.path().string() +
                ": is neither a nuScenes data set (no folder in it holds sample.json) nor a run "
                "(no replies/ and no predictions/).");
}

TEST(ViewerSourceTest, ARunThatDoesNotSayItsDataSetIsAskedFor) {
  const TestFolder folder;
  WriteRun(folder / "run", "0");
  EXPECT_EQ(Complaint<ConfigError>([&] { OpenViewerSource(Named(folder / "run")); }),
            (folder / "run").string() +
                ": does not say which data set it was over (it has no dataset.json); name it by "
                "--dataroot.");
}

TEST(ViewerSourceTest, ARunLeadsToItsDataSet) {
  const TestFolder folder;
  WriteTown(folder / "town", "v1.0-mini");
  WriteRun(folder / "run", data::nuscenes::TestDataset::Token("sample", 1));
  const nlohmann::json note{{"dataroot", (folder / "town").string()}, {"version", "v1.0-mini"}};
  WriteFileAtomically(folder / "run" / "dataset.json", std::string_view(note.dump()));
  for (const fs::path& dataroot : {fs::path(), folder / "town"}) {
    auto inputs = Named(folder / "run");
    inputs.dataroot = dataroot;
    const auto source = OpenViewerSource(inputs);
    EXPECT_EQ(source->Overview()["datasets"][0]["name"], "town");
    EXPECT_EQ(source->run_count(), 1u);
  }
}

}  // namespace
}  // namespace occvla::cli
