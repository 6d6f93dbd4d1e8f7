#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/rng.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/cache_file.h"
#include "occvla/data/nuscenes/table_store.h"
#include "occvla/data/nuscenes/test_tables.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr const char* kVersion = "v1.0-test";

// A number for everything that the tables say: long texts make gtest's differences slow.
std::string HashOf(const Tables& tables) {
  std::string bytes;
  const auto& rows = tables.rows();
  for (const SampleDataRow& row : rows.sample_data) {
    bytes += row.token.ToString();
    bytes += tables.Text(row.filename);
    bytes += std::to_string(row.next) + " " + std::to_string(row.sample);
    bytes += tables.Channel(row);
  }
  for (const AnnotationRow& row : rows.sample_annotation)
    bytes.append(reinterpret_cast<const char*>(row.translation.data()), sizeof row.translation);
  for (const EgoPoseRow& row : rows.ego_pose)
    bytes.append(reinterpret_cast<const char*>(row.rotation.data()), sizeof row.rotation);
  for (const SampleRow& row : rows.sample) bytes += std::to_string(row.annotations.end) + " ";
  bytes += std::to_string(tables.facts().dangling_map_logs);
  return Sha256(std::as_bytes(std::span(bytes)));
}

// Names of a folder's files and hashes of what is in them.
std::map<std::string, std::string> ContentsOf(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::directory_iterator(folder))
    contents[entry.path().filename().string()] = Sha256OfFile(entry.path());
  return contents;
}

class TableCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("XDG_CACHE_HOME", (folder_ / "home").c_str(), 1);
    Write();
  }
  // The files as of an hour ago, so that their times are to be relied on.
  void Write() const {
    made_.Write(folder_.path(), kVersion);
    Age(std::chrono::hours(1));
  }
  void Age(std::chrono::seconds age) const {
    const auto time = fs::file_time_type::clock::now() - age;
    for (const auto& entry : fs::directory_iterator(folder_ / kVersion))
      if (entry.is_regular_file()) fs::last_write_time(entry.path(), time);
  }
  Tables Read(CacheUse use = CacheUse::kReadAndWrite) const {
    return ReadTables(folder_.path(), kVersion, use);
  }
  fs::path CacheFolder() const { return folder_ / kVersion / ".occvla-cache"; }

  TestFolder folder_;
  TestTables made_;
};

TEST_F(TableCacheTest, SecondOpeningReadsTheCacheAndSaysTheSame) {
  const Tables first = Read(), second = Read(), without = Read(CacheUse::kNone);
  EXPECT_FALSE(first.facts().from_cache);
  EXPECT_TRUE(second.facts().from_cache);
  EXPECT_FALSE(without.facts().from_cache);
  EXPECT_EQ(HashOf(second), HashOf(without));
  EXPECT_EQ(HashOf(first), HashOf(without));
  EXPECT_EQ(second.facts().content_key, without.facts().content_key);
  EXPECT_EQ(first.facts().cache_file, second.facts().cache_file);
  EXPECT_THAT(second.facts().cache_file.filename().string(),
              MatchesRegex("tables-[0-9a-f]+\\.bin"));
  EXPECT_EQ(first.facts().cache_problem, "");
  EXPECT_EQ(second.FindSample(second.rows().sample[5].token), 5);
}

TEST_F(TableCacheTest, WithoutCacheNothingIsWrittenOrRead) {
  (void)Read(CacheUse::kNone);
  EXPECT_FALSE(fs::exists(CacheFolder()));
  EXPECT_FALSE(fs::exists(folder_ / "home"));
}

TEST_F(TableCacheTest, AChangedTableIsReadAnew) {
  (void)Read();
  made_["sample_annotation"][3]["num_lidar_pts"] = 99;  // Two digits before, two after.
  Write();
  const Tables changed = Read();
  EXPECT_FALSE(changed.facts().from_cache);
  EXPECT_EQ(changed.rows().sample_annotation[3].lidar_points, 99);
  EXPECT_TRUE(Read().facts().from_cache);
  EXPECT_EQ(ContentsOf(CacheFolder()).size(), 3) << "the old one is removed";
}

// A time that is not safely before the stamp's proves nothing: the same time and size may hide a
// later change.
TEST_F(TableCacheTest, AChangeThatTheClockDoesNotShowIsSeen) {
  Age(-std::chrono::hours(1));
  const auto time = fs::last_write_time(folder_ / kVersion / "sample_annotation.json");
  (void)Read();
  made_["sample_annotation"][3]["num_lidar_pts"] = 99;
  made_.Write(folder_.path(), kVersion);
  for (const auto& entry : fs::directory_iterator(folder_ / kVersion))
    if (entry.is_regular_file()) fs::last_write_time(entry.path(), time);
  EXPECT_EQ(Read().rows().sample_annotation[3].lidar_points, 99);
}

TEST_F(TableCacheTest, ATouchedTableIsRecognisedByItsContentAndStampedAnew) {
  (void)Read();
  const auto before = ContentsOf(CacheFolder());
  const auto written = fs::last_write_time(Read().facts().cache_file);
  Age(std::chrono::hours(2));
  const Tables touched = Read();
  EXPECT_TRUE(touched.facts().from_cache);
  EXPECT_EQ(fs::last_write_time(touched.facts().cache_file), written);
  const auto after = ContentsOf(CacheFolder());
  EXPECT_NE(after.at("stamps"), before.at("stamps"));
  EXPECT_EQ(after.size(), before.size());
}

TEST_F(TableCacheTest, ALostStampIsMadeAgainFromTheContent) {
  (void)Read();
  const auto before = ContentsOf(CacheFolder());
  fs::remove(CacheFolder() / "stamps");
  EXPECT_TRUE(Read().facts().from_cache);
  EXPECT_EQ(ContentsOf(CacheFolder()), before);
}

TEST_F(TableCacheTest, AnyDamagedByteMakesItAnew) {
  const std::string expected = HashOf(Read(CacheUse::kNone));
  const fs::path path = Read().facts().cache_file;
  const std::string whole = ReadTextFile(path);
  for (size_t at = 0; at < whole.size(); at += whole.size() / 23) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
    const Tables tables = Read();
    EXPECT_FALSE(tables.facts().from_cache) << "byte " << at;
    EXPECT_EQ(HashOf(tables), expected);
    EXPECT_TRUE(ReadTextFile(path) == whole);
  }
}

TEST_F(TableCacheTest, AHalfWrittenOrStrangeFileMakesItAnew) {
  const std::string expected = HashOf(Read(CacheUse::kNone));
  const fs::path path = Read().facts().cache_file;
  const std::string whole = ReadTextFile(path);
  std::string other_format = whole, other_order = whole;
  other_format[8] = 2;
  std::swap(other_order[12], other_order[15]);
  for (const std::string& strange :
       {std::string(), whole.substr(0, 100), whole.substr(0, whole.size() / 2),
        whole.substr(0, whole.size() - 1), whole + "x", std::string(whole.size(), '\0'),
        other_format, other_order}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << strange;
    const Tables tables = Read();
    EXPECT_FALSE(tables.facts().from_cache);
    EXPECT_EQ(HashOf(tables), expected);
    EXPECT_TRUE(Read().facts().from_cache);
  }
}

// Whoever computes the tags as the writer does gets no further than the bounds.
TEST_F(TableCacheTest, AFileWithGoodTagsAndBadIndicesIsRefused) {
  const std::vector<std::function<void(TableStore&)>> damages = {
      [](auto& t) { t.calibrated_sensor[1].sensor = 7; },
      [](auto& t) { std::memset(&t.calibrated_sensor[1].has_intrinsic, 2, 1); },
      [](auto& t) { t.sensor[0].modality = static_cast<Modality>(3); },
      [](auto& t) { t.sensor[0].channel.size = UINT32_MAX; },
      [](auto& t) { t.instance[0].category = kNoRow; },
      [](auto& t) { t.instance[0].first_annotation = 1000; },
      [](auto& t) { t.instance[0].last_annotation = 1000; },
      [](auto& t) { t.log[0].map = 1; },
      [](auto& t) { t.log[0].location.offset = UINT64_MAX; },
      [](auto& t) { t.map[0].logs.end = 3; },
      [](auto& t) { t.scene[0].log = 2; },
      [](auto& t) { t.scene[0].first_sample = kNoRow; },
      [](auto& t) { t.scene[0].last_sample = 8; },
      [](auto& t) { t.scene[0].name.offset = t.text.size(); },
      [](auto& t) { t.sample[2].scene = 2; },
      [](auto& t) { t.sample[2].next = 8; },
      [](auto& t) { t.sample[2].previous = 8; },
      [](auto& t) { t.sample[3].next = 0; },  // A ring.
      [](auto& t) { t.sample[2].annotations.begin = t.sample[2].annotations.end + 1; },
      [](auto& t) { t.sample[2].keyframes.end = 1000; },
      [](auto& t) { t.sample_annotation[2].sample = 8; },
      [](auto& t) { t.sample_annotation[2].instance = 6; },
      [](auto& t) { t.sample_annotation[2].next = 1000; },
      [](auto& t) { t.sample_annotation[2].previous = 1000; },
      [](auto& t) { t.sample_annotation[2].attributes.end = 1000; },
      [](auto& t) { t.sample_data[2].sample = kNoRow; },
      [](auto& t) { t.sample_data[2].ego_pose = 1000; },
      [](auto& t) { t.sample_data[2].calibrated_sensor = 14; },
      [](auto& t) { t.sample_data[2].next = 1000; },
      [](auto& t) { t.sample_data[2].previous = 1000; },
      [](auto& t) { t.sample_data[2].filename.size = 1 << 30; },
      [](auto& t) { std::memset(&t.sample_data[2].is_key_frame, 0xFF, 1); },
      [](auto& t) { t.map_logs[0] = 2; },
      [](auto& t) { t.sample_annotation_rows[0] = 1000; },
      [](auto& t) { t.sample_keyframe_rows[0] = 1000; },
      [](auto& t) { t.annotation_attribute_rows[0] = 3; },
      [](auto& t) { t.sample_by_token[0] = 8; },
      [](auto& t) { t.sample_data_by_token[0] = 1000; },
      [](auto& t) { t.annotation_by_token[0] = 1000; },
  };
  const TableStore good = ReadTableFiles(folder_.path(), kVersion);
  const fs::path path = folder_ / "cache.bin";
  WriteCacheFile(path, folder_ / "temporary", good, 2);
  EXPECT_NE(OpenCacheFile(path, good.content_key, 2), nullptr);
  for (size_t i = 0; i < damages.size(); ++i) {
    TableStore damaged = good;
    damages[i](damaged);
    WriteCacheFile(path, folder_ / "temporary", damaged, 2);
    try {
      (void)OpenCacheFile(path, good.content_key, 2);
      ADD_FAILURE() << "damage " << i << " was accepted";
    } catch (const DataError& error) {
      EXPECT_EQ(error.what(), path.string() + ": has a row index that leads nowhere.");
    }
  }
}

TEST_F(TableCacheTest, WhereTheFolderCannotBeWrittenTheUsersOwnCacheIsTaken) {
  std::ofstream(CacheFolder()) << "in the way";
  const Tables first = Read(), second = Read();
  EXPECT_THAT(first.facts().cache_file.string(), HasSubstr((folder_ / "home/occvla/").string()));
  EXPECT_TRUE(second.facts().from_cache);
  EXPECT_EQ(second.facts().cache_file, first.facts().cache_file);
}

TEST_F(TableCacheTest, WhereNoFolderCanBeWrittenItGoesWithoutAndSaysWhy) {
  std::ofstream(CacheFolder()) << "in the way";
  std::ofstream(folder_ / "home") << "in the way";
  const Tables tables = Read();
  EXPECT_EQ(tables.rows().sample.size(), 8);
  EXPECT_EQ(tables.facts().cache_file, "");
  EXPECT_THAT(tables.facts().cache_problem, HasSubstr("home/occvla"));
}

TEST_F(TableCacheTest, OpenedByManyAtOnceItIsWholeForEach) {
  const std::string expected = HashOf(Read(CacheUse::kNone));
  std::vector<std::string> got(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& bytes : got) threads.emplace_back([&bytes, this] { bytes = HashOf(Read()); });
  }
  for (const std::string& bytes : got) EXPECT_EQ(bytes, expected);
  EXPECT_TRUE(Read().facts().from_cache);
  EXPECT_EQ(ContentsOf(CacheFolder()).size(), 3);
}

// The lock of a process that dies is free at once, and what it left half done is swept up.
TEST_F(TableCacheTest, KilledAtAnyMomentItGoesOnToTheSameBytes) {
  (void)Read();
  // But for the lock, an empty file: the child may die between removing it and the rest.
  const auto contents = [&] {
    auto files = ContentsOf(CacheFolder());
    files.erase("lock");
    return files;
  };
  const auto expected = contents();
  Rng rng(17, "kill");
  size_t found_unfinished = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        fs::remove_all(CacheFolder());
        (void)Read();
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(rng.Below(40'000)));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    found_unfinished += !fs::exists(CacheFolder()) || contents() != expected;
    (void)Read();
    EXPECT_EQ(contents(), expected) << "round " << round;
  }
  EXPECT_GT(found_unfinished, 0);
}

}  // namespace
}  // namespace occvla::data::nuscenes
