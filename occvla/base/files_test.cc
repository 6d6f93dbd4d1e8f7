#include "occvla/base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"

namespace occvla {
namespace {

template <typename Function>
std::string DataProblem(Function&& function) {
  try {
    function();
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

size_t FilesIn(const std::filesystem::path& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

TEST(MappedFileTest, ShowsTheBytesAndMoves) {
  const TestFolder folder;
  WriteFileAtomically(folder / "a", "hello");
  MappedFile file(folder / "a");
  file.WillNeed();
  EXPECT_EQ(file.text(), "hello");
  MappedFile moved(std::move(file));
  EXPECT_EQ(moved.text(), "hello");
  WriteFileAtomically(folder / "b", "other");
  moved = MappedFile(folder / "b");
  EXPECT_EQ(moved.text(), "other");
  EXPECT_EQ(moved.path(), folder / "b");
}

TEST(MappedFileTest, AnEmptyFileIsEmpty) {
  const TestFolder folder;
  WriteFileAtomically(folder / "empty", "");
  const MappedFile file(folder / "empty");
  EXPECT_TRUE(file.bytes().empty());
  EXPECT_EQ(file.text(), "");
}

TEST(MappedFileTest, WhatIsNoRegularFileIsRefusedAndNeverWaitedFor) {
  const TestFolder folder;
  const std::string base = folder.path().string();
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(DataProblem([&] { MappedFile{folder / "absent"}; }),
            base + "/absent: no such file. Check the path.");
  EXPECT_EQ(DataProblem([&] { MappedFile{folder.path()}; }),
            base + ": expected a regular file, found a folder. Check the path.");
  EXPECT_EQ(DataProblem([&] { MappedFile{folder / "pipe"}; }),
            base + "/pipe: expected a regular file, found something else. Check the path.");
  EXPECT_THROW(MappedFile(folder / "absent", ErrorKind::kCheckpoint), CheckpointError);
}

TEST(ReadFileTest, TheLimitIsAllowedAndOneMoreByteIsNot) {
  const TestFolder folder;
  WriteFileAtomically(folder / "a", "12345");
  EXPECT_EQ(ReadTextFile(folder / "a", 5), "12345");
  EXPECT_EQ(ReadFile(folder / "a", 5).size(), 5u);
  EXPECT_EQ(DataProblem([&] { ReadFile(folder / "a", 4); }),
            folder.path().string() + "/a: holds 5 bytes, at most 4 are accepted here.");
}

// Files of /proc say that they hold 0 bytes.
TEST(ReadFileTest, ContentCountsAndNotTheSizeThatIsClaimed) {
  EXPECT_THAT(ReadTextFile("/proc/self/status"), testing::HasSubstr("Pid:"));
  EXPECT_THAT(DataProblem([] { ReadTextFile("/proc/self/status", 10); }),
              testing::HasSubstr("holds more than 10 bytes, at most 10"));
}

TEST(AtomicFileTest, AppearsOnlyWhenCommitted) {
  const TestFolder folder;
  WriteFileAtomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.Write("half ");
    EXPECT_EQ(file.size(), 5u);
    EXPECT_EQ(ReadTextFile(folder / "a"), "old");
  }
  EXPECT_EQ(ReadTextFile(folder / "a"), "old");
  EXPECT_EQ(FilesIn(folder.path()), 1u);  // Nothing temporary stays.

  AtomicFile file(folder / "a");
  file.Write("new");
  file.Write(std::as_bytes(std::span(std::string_view("er"))));
  file.Commit();
  EXPECT_EQ(ReadTextFile(folder / "a"), "newer");
  EXPECT_EQ(FilesIn(folder.path()), 1u);
}

TEST(AtomicFileTest, TwoWritersOfOneNameDoNotMeet) {
  const TestFolder folder;
  AtomicFile first(folder / "a"), second(folder / "a");
  first.Write("first");
  second.Write("second");
  first.Commit();
  second.Commit();
  EXPECT_EQ(ReadTextFile(folder / "a"), "second");
}

TEST(AtomicFileTest, LongNamesWork) {
  const TestFolder folder;
  const std::string name(250, 'n');
  WriteFileAtomically(folder / name, "x");
  EXPECT_EQ(ReadTextFile(folder / name), "x");
}

TEST(AtomicFileTest, ComplaintsSayWhatToDo) {
  const TestFolder folder;
  const std::string base = folder.path().string();
  EXPECT_EQ(
      DataProblem([&] { AtomicFile file(folder / "no/such"); }),
      base + "/no/such: cannot be written: its folder does not exist. Make the folder first.");
  EXPECT_EQ(DataProblem([&] { AtomicFile file(folder.path()); }),
            base + ": cannot be written: it names a folder. Name a file in it.");
}

TEST(WriteErrorTest, AFullDiskIsAnErrorOfTheDevice) {
  try {
    ThrowWriteError("out/w.bin", ENOSPC);
  } catch (const DeviceError& error) {
    EXPECT_STREQ(
        error.what(),
        "out/w.bin: cannot be written: the disk is full. Free space there or choose another "
        "folder, then run again.");
  }
  EXPECT_THROW(ThrowWriteError("a", EDQUOT), DeviceError);
  EXPECT_EQ(DataProblem([] { ThrowWriteError("a", EROFS); }),
            "a: cannot be written: Read-only file system. Check the path and its permissions.");
}

// FIPS 180-2, appendix B.
TEST(Sha256Test, GivesTheKnownAnswers) {
  const TestFolder folder;
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(Sha256(std::as_bytes(std::span(std::string_view("abc")))), abc);
  EXPECT_EQ(Sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  WriteFileAtomically(folder / "abc", "abc");
  EXPECT_EQ(Sha256OfFile(folder / "abc"), abc);
}

TEST(Sha256Test, FilesLongerThanOnePieceHashAsInMemory) {
  const TestFolder folder;
  const std::string text((size_t{1} << 20) + 17, 'x');
  WriteFileAtomically(folder / "x", text);
  EXPECT_EQ(Sha256OfFile(folder / "x"), Sha256(std::as_bytes(std::span(text))));
}

TEST(ErrorTest, KindsThrowTheirClassWithItsCodes) {
  const std::tuple<ErrorKind, int, int> table[] = {{ErrorKind::kConfig, 2, 400},
                                                   {ErrorKind::kData, 3, 422},
                                                   {ErrorKind::kCheckpoint, 4, 500},
                                                   {ErrorKind::kDevice, 5, 503},
                                                   {ErrorKind::kBusy, 6, 429}};
  for (const auto& [kind, exit_code, http_status] : table) {
    try {
      ThrowError(kind, "text");
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "text");
      EXPECT_EQ(error.exit_code(), exit_code);
      EXPECT_EQ(error.http_status(), http_status);
    }
  }
}

}  // namespace
}  // namespace occvla
