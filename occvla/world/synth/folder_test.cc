#include "occvla/world/synth/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla::world::synth {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr std::string_view kOrigin = "{\n  \"seed\": 1,\n  \"scenes\": 4\n}\n";

SceneRecord OneScene() {
  SceneRecord record;
  record.Add(Part::kScene, R"({"token": "a"})");
  record.Add(Part::kEgoPose, R"({"token": "b"})");
  record.Add(Part::kEgoPose, R"({"token": "c"})");
  return record;
}

void Make(Folder& folder, const std::string& scene) {
  const auto stage = folder.Stage(scene);
  WriteStaged(stage / "samples/CAM_FRONT/1.jpg", "image");
  WriteStaged(stage / "can_bus/x.json", "[]");
  folder.Commit(scene, OneScene());
}

std::string MessageOf(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(SceneRecordTest, ReadsBackWhatWasWritten) {
  auto record = OneScene();
  record.files = {{"samples/a b.jpg", 12}, {"can_bus/x", 0}};
  const auto read = ParseSceneRecord(ToText(record));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->files.size(), 2u);
  EXPECT_EQ(read->files[0].path, "samples/a b.jpg");
  EXPECT_EQ(read->files[0].bytes, 12u);
  EXPECT_THAT((*read)[Part::kEgoPose], ElementsAre(R"({"token": "b"})", R"({"token": "c"})"));
  EXPECT_TRUE((*read)[Part::kIntent].empty());
}

TEST(SceneRecordTest, DamagedTextIsNoRecord) {
  auto record = OneScene();
  record.files = {{"a", 1}};
  const auto text = ToText(record);
  for (size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_FALSE(ParseSceneRecord(std::string_view(text).substr(0, cut)).has_value()) << cut;
  EXPECT_FALSE(ParseSceneRecord(text + "more\n").has_value());
  std::string huge = text;
  huge.replace(huge.find("files 1"), 7, "files 99999999999999999999");
  EXPECT_FALSE(ParseSceneRecord(huge).has_value());
}

TEST(SynthFolderTest, SceneIsFoundOnceItWasCommitted) {
  const TestFolder folder;
  Folder made(folder / "set", kOrigin);
  EXPECT_FALSE(made.Find("scene-0001").has_value());
  Make(made, "scene-0001");
  const auto record = made.Find("scene-0001");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->files.size(), 2u);
  EXPECT_EQ(record->files[0].path, "can_bus/x.json");
  EXPECT_EQ(ReadTextFile(folder / "set/samples/CAM_FRONT/1.jpg"), "image");
  EXPECT_EQ(ReadTextFile(folder / "set/origin.json"), kOrigin);
}

TEST(SynthFolderTest, SceneWithAFileMissingOrCutIsNotWhole) {
  const TestFolder folder;
  Folder made(folder / "set", kOrigin);
  Make(made, "scene-0001");
  WriteStaged(folder / "set/samples/CAM_FRONT/1.jpg", "imag");
  EXPECT_FALSE(made.Find("scene-0001").has_value());
  WriteStaged(folder / "set/samples/CAM_FRONT/1.jpg", "image");
  EXPECT_TRUE(made.Find("scene-0001").has_value());
  fs::remove(folder / "set/can_bus/x.json");
  EXPECT_FALSE(made.Find("scene-0001").has_value());
}

TEST(SynthFolderTest, WhatWasStagedIsGoneAfterAnEnd) {
  const TestFolder folder;
  {
    Folder made(folder / "set", kOrigin);
    WriteStaged(made.Stage("scene-0001") / "samples/half.jpg", "ha");
  }
  const Folder again(folder / "set", kOrigin);
  EXPECT_FALSE(fs::exists(folder / "set/.synth/staging/scene-0001"));
  EXPECT_FALSE(fs::exists(folder / "set/samples"));
}

TEST(SynthFolderTest, FolderOfSomethingElseIsRefused) {
  const TestFolder folder;
  fs::create_directory(folder / "set");
  WriteStaged(folder / "set/thesis.tex", "x");
  EXPECT_EQ(MessageOf([&] { Folder(folder / "set", kOrigin); }),
            (folder / "set").string() +
                ": is not empty (it holds \"thesis.tex\") and no data set of this program: "
                "origin.json is missing. Choose another --out.");
  EXPECT_FALSE(fs::exists(folder / "set/.synth"));
}

TEST(SynthFolderTest, AnotherDataSetIsRefusedByItsFirstDifference) {
  const TestFolder folder;
  { const Folder made(folder / "set", kOrigin); }
  EXPECT_EQ(MessageOf([&] { Folder(folder / "set", "{\n  \"seed\": 2,\n  \"scenes\": 4\n}\n"); }),
            (folder / "set").string() +
                ": holds another synthetic data set (there \"seed\": 1, now \"seed\": 2). Give the "
                "same seed, scenes and config to go on with it, or another --out.");
}

TEST(SynthFolderTest, FileInPlaceOfTheFolderIsRefused) {
  const TestFolder folder;
  WriteStaged(folder / "set", "x");
  EXPECT_THAT(MessageOf([&] { Folder(folder / "set", kOrigin); }),
              EndsWith(": is a file; --out names a folder to make."));
}

TEST(SynthFolderTest, SecondProcessIsTurnedAway) {
  const TestFolder folder;
  std::optional<Folder> first;
  first.emplace(folder / "set", kOrigin);
  // A lock belongs to an open file: a second one in this process meets it as another would.
  EXPECT_THAT(MessageOf([&] { Folder(folder / "set", kOrigin); }),
              HasSubstr("another process is making this data set"));
  first.reset();
  EXPECT_EQ(MessageOf([&] { Folder(folder / "set", kOrigin); }), "nothing was thrown");
}

}  // namespace
}  // namespace occvla::world::synth
