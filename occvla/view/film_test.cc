#include "occvla/view/film.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla::view {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

data::Image Plain(int width_px, int height_px, uint8_t grey) {
  return {width_px, height_px,
          std::vector<uint8_t>(static_cast<size_t>(width_px * height_px) * 3, grey)};
}

/// An `ffmpeg` that is a shell script.
std::filesystem::path FakeFfmpeg(const TestFolder& folder, const std::string& script) {
  const auto path = folder / "ffmpeg";
  WriteFileAtomically(path, "#!/bin/sh\n" + script);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

size_t Count(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(WebPFilmTest, HoldsAFrameAPicture) {
  const TestFolder folder;
  const auto film = OpenWebP({.path = folder / "a.webp", .pictures_per_second = 4});
  for (const int grey : {0, 120, 250}) film->Add(Plain(32, 16, static_cast<uint8_t>(grey)));
  film->Finish();
  const std::string file = ReadTextFile(folder / "a.webp");
  EXPECT_THAT(file, StartsWith("RIFF"));
  EXPECT_EQ(file.substr(8, 4), "WEBP");
  EXPECT_EQ(Count(file, "ANMF"), 3u);
}

TEST(WebPFilmTest, WithoutFinishNothingIsLeft) {
  const TestFolder folder;
  OpenWebP({.path = folder / "a.webp"})->Add(Plain(32, 16, 9));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WebPFilmTest, PicturesOfTwoSizesAreRefused) {
  const TestFolder folder;
  const auto film = OpenWebP({.path = folder / "a.webp"});
  film->Add(Plain(32, 16, 9));
  try {
    film->Add(Plain(16, 32, 9));
    FAIL() << "another size was accepted";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "film: a picture of 16 x 32 among those of 32 x 16.");
  }
}

TEST(Mp4FilmTest, EveryPixelReachesFfmpegAndItsFileGetsTheName) {
  const TestFolder folder;
  const auto ffmpeg = FakeFfmpeg(
      folder, "for last; do :; done\necho \"$@\" > \"${last#file:}\"\ncat >> \"${last#file:}\"\n");
  std::filesystem::create_directory(folder / "-i; rm -r x");
  const auto path = folder / "-i; rm -r x" / "$(touch y).mp4";
  const auto film = OpenMp4({.path = path, .pictures_per_second = 2.5}, ffmpeg);
  film->Add(Plain(320, 180, 65));
  film->Add(Plain(320, 180, 66));
  film->Finish();
  const std::string file = ReadTextFile(path);
  EXPECT_THAT(file, HasSubstr("-video_size 320x180 -framerate 2.5 -i pipe:0"));
  const auto pixels = file.substr(file.find('\n') + 1);
  EXPECT_EQ(pixels, std::string(320 * 180 * 3, 'A') + std::string(320 * 180 * 3, 'B'));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}), 1);
}

TEST(Mp4FilmTest, WhatFfmpegComplainsOfIsSaidAndNothingIsLeft) {
  const TestFolder folder;
  const auto ffmpeg = FakeFfmpeg(folder, "echo 'no encoder here' >&2\nexit 3\n");
  std::filesystem::create_directory(folder / "out");
  try {
    const auto film = OpenMp4({.path = folder / "out" / "a.mp4"}, ffmpeg);
    for (int i = 0; i < 50; ++i) film->Add(Plain(320, 180, 65));
    film->Finish();
    FAIL() << "a failure passed as a film";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a.mp4: "));
    EXPECT_THAT(error.what(),
                HasSubstr("ended with status 3 before the film was whole: no encoder here. Name a "
                          "film that ends in .webp, which needs no other program."));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "out"));
}

TEST(Mp4FilmTest, AFilmThatIsGivenUpEndsFfmpeg) {
  const TestFolder folder;
  const auto ffmpeg = FakeFfmpeg(folder, "exec sleep 1000\n");
  std::filesystem::create_directory(folder / "out");
  OpenMp4({.path = folder / "out" / "a.mp4"}, ffmpeg)->Add(Plain(2, 2, 65));
  EXPECT_TRUE(std::filesystem::is_empty(folder / "out"));
}

TEST(FindFfmpegTest, LooksIntoFoldersFromTheRootOnly) {
  const TestFolder folder;
  const std::string here = folder.path().string();
  EXPECT_EQ(FindFfmpeg(here), std::nullopt);
  WriteFileAtomically(folder / "ffmpeg", std::string_view("not a program"));
  EXPECT_EQ(FindFfmpeg(here), std::nullopt);
  FakeFfmpeg(folder, "true\n");
  EXPECT_EQ(FindFfmpeg("/nowhere::relative:" + here), folder / "ffmpeg");
  EXPECT_EQ(FindFfmpeg(""), std::nullopt);
  const auto relative = std::filesystem::relative(folder.path()).string();
  EXPECT_EQ(FindFfmpeg(relative), std::nullopt);
}

}  // namespace
}  // namespace occvla::view
