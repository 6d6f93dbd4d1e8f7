#include "occvla/data/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/image/image.h"
#include "occvla/data/pack_format.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::data {
namespace {

using ::testing::HasSubstr;

constexpr int kSize = 6;

std::string TokenOf(size_t index) {
  std::string token(32, '0');
  token[31] = static_cast<char>('a' + index);
  return token;
}

occ3d::Labels SomeLabels(uint8_t road) {
  occ3d::Labels labels{std::vector<uint8_t>(geom::VoxelGrid::kCount, 17),
                       std::vector<uint8_t>(geom::VoxelGrid::kCount, 0),
                       std::vector<uint8_t>(geom::VoxelGrid::kCount, 1)};
  for (size_t voxel = 0; voxel < geom::VoxelGrid::kCount; voxel += 16) {
    labels.semantics[voxel] = road;
    labels.mask_lidar[voxel] = 1;
  }
  return labels;
}

PackSource SourceOf(const std::vector<Frame>& frames) {
  return {.version = "v1.0-test",
          .split = "val",
          .frames = frames.size(),
          .frame = [&frames](size_t index) { return frames[index]; }};
}

PackOptions Options() { return {.size_px = kSize, .frames_per_shard = 2, .threads = 2}; }

void Make(const PackSource& source, const PackOptions& options,
          const std::filesystem::path& folder) {
  WritePack(source, options, PlanPack(source, options, folder), folder);
}

std::map<std::string, std::string> Contents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    contents[entry.path().filename().string()] = ReadTextFile(entry.path());
  return contents;
}

template <typename Work>
std::string ErrorOf(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// Five keyframes of images of 9 x 7 pixels, the odd ones with labels, and their pack: made once,
// since every file of a pack is flushed to the disk.
class PackTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TestFolder>();
    for (size_t index = 0; index < 5; ++index) {
      Frame frame;
      frame.token = TokenOf(index);
      for (size_t camera = 0; camera < frame.images.size(); ++camera) {
        Image image{.width_px = 9, .height_px = 7, .rgb = {}};
        for (size_t byte = 0; byte < 9 * 7 * 3; ++byte)
          image.rgb.push_back(static_cast<uint8_t>(byte * (index + 3) * (camera + 7)));
        frame.images[camera].path =
            *folder_ / (std::to_string(index) + "_" + std::to_string(camera) + ".png");
        std::ofstream(frame.images[camera].path) << EncodePng(image);
      }
      if (index % 2 == 1) {
        frame.occupancy = *folder_ / (std::to_string(index) + ".npz");
        occ3d::WriteLabels(frame.occupancy, SomeLabels(static_cast<uint8_t>(index)));
      }
      frames_.push_back(std::move(frame));
    }
    Make(SourceOf(frames_), Options(), Whole());
  }
  static void TearDownTestSuite() {
    folder_.reset();
    frames_.clear();
  }
  static std::filesystem::path Whole() { return *folder_ / "pack"; }

  static std::unique_ptr<TestFolder> folder_;
  static std::vector<Frame> frames_;
};
std::unique_ptr<TestFolder> PackTest::folder_;
std::vector<Frame> PackTest::frames_;

TEST_F(PackTest, HoldsTheVeryPixelsAndLabelsOfTheUnpackedPath) {
  const Pack pack = Pack::Open(Whole());
  ASSERT_EQ(pack.size(), 5u);
  EXPECT_EQ(pack.size_px(), kSize);
  for (size_t index = 0; index < pack.size(); ++index) {
    EXPECT_EQ(pack.Token(index), TokenOf(index));
    EXPECT_EQ(pack.Find(TokenOf(index)), index);
    // Bit for bit: the floats that a model gets.
    EXPECT_EQ(NormalisePixels(pack.Pixels(index), kSize), LoadPixels(frames_[index], kSize));
    const auto labels = pack.Labels(index);
    ASSERT_EQ(labels.has_value(), index % 2 == 1);
    if (!labels) continue;
    const occ3d::Labels expected = SomeLabels(static_cast<uint8_t>(index));
    EXPECT_EQ(labels->semantics, expected.semantics);
    EXPECT_EQ(labels->mask_lidar, expected.mask_lidar);
    EXPECT_EQ(labels->mask_camera, expected.mask_camera);
  }
  const Sample from_pack = pack.ReadSample(3), from_files = MakeSample(frames_[3], kSize);
  EXPECT_EQ(from_pack.rgb, from_files.rgb);
  EXPECT_EQ(from_pack.labels->semantics, from_files.labels->semantics);
  EXPECT_FALSE(pack.Find("x"));
}

TEST_F(PackTest, TellsItsSizeBeforeItStarts) {
  const TestFolder folder;
  const PackPlan plan = PlanPack(SourceOf(frames_), Options(), folder / "pack");
  EXPECT_EQ(plan.frames, 5u);
  EXPECT_EQ(plan.shards, 3u);
  EXPECT_EQ(plan.frames_with_labels, 2u);
  EXPECT_EQ(plan.image_bytes, 5u * 6 * 3 * kSize * kSize);
  EXPECT_EQ(plan.frames_done, 0u);
}

TEST_F(PackTest, GoesOnToTheSameBytesAfterBeingStopped) {
  const auto whole = Contents(Whole());
  ASSERT_EQ(whole.size(), 4u);  // Three shards and pack.json.
  const TestFolder folder;
  for (const size_t stop_after : {1, 3}) {
    const auto path = folder / ("stopped" + std::to_string(stop_after));
    PackOptions options = Options();
    options.threads = stop_after;
    std::stop_source stop;
    options.interrupt = stop.get_token();
    size_t done = 0;
    options.on_done = [&](size_t frames) {
      done += frames;
      if (done == stop_after) stop.request_stop();
    };
    EXPECT_EQ(ErrorOf([&] { Make(SourceOf(frames_), options, path); }),
              "interrupted at sample position " + std::to_string(stop_after) + ".");
    // What a killed process leaves.
    std::ofstream(path / ".shard-00001.pack.99.0") << "half";
    const PackPlan plan = PlanPack(SourceOf(frames_), Options(), path);
    EXPECT_EQ(plan.frames_done, stop_after / 2 * 2);
    PackOptions rest = Options();
    size_t packed = 0;
    rest.on_done = [&](size_t frames) { packed += frames; };
    WritePack(SourceOf(frames_), rest, plan, path);
    EXPECT_EQ(packed, 5 - plan.frames_done);  // What is done is not done again.
    EXPECT_EQ(Contents(path), whole) << stop_after;
  }
}

TEST_F(PackTest, RefusesToGoOnWithAnotherDataSet) {
  const auto path = Whole();
  PackSource other = SourceOf(frames_);
  other.version = "v1.0-mini";
  other.frames = 4;
  PackOptions options = Options();
  options.size_px = 8;
  EXPECT_EQ(ErrorOf([&] { (void)PlanPack(other, options, path); }),
            path.string() +
                ": holds another pack: version v1.0-test, asked for is v1.0-mini; size_px 6, asked "
                "for is 8; frames 5, asked for is 4. Give an empty folder.");
  std::vector<Frame> frames = frames_;
  frames[2].images[1].path = frames_[2].images[2].path;
  EXPECT_EQ(
      ErrorOf([&] { (void)PlanPack(SourceOf(frames), Options(), path); }),
      path.string() + ": holds another pack: files of other names or sizes. Give an empty folder.");
  const TestFolder folder;
  std::ofstream(folder / "notes.txt") << "x";
  EXPECT_EQ(ErrorOf([&] { (void)PlanPack(SourceOf(frames_), Options(), folder.path()); }),
            folder.path().string() + ": holds other files and no pack.json. Give an empty folder.");
}

TEST_F(PackTest, ListsEveryFileThatIsMissingBeforeItStarts) {
  const TestFolder folder;
  std::vector<Frame> frames = frames_;
  frames[1].images[2].path = "a.jpg";
  frames[3].occupancy = "b.npz";
  frames[4].token = TokenOf(0);
  EXPECT_EQ(ErrorOf([&] { (void)PlanPack(SourceOf(frames), Options(), folder / "pack"); }),
            "pack: 3 problems:\n"
            "  - keyframe " +
                TokenOf(1) +
                ": a.jpg: no such file\n"
                "  - keyframe " +
                TokenOf(3) +
                ": b.npz: no such file\n"
                "  - keyframe " +
                TokenOf(0) +
                ": occurs twice\n"
                "`occvla data check` tells what else is missing.");
  EXPECT_FALSE(std::filesystem::exists(folder / "pack"));
}

TEST_F(PackTest, ADamagedImageEndsIt) {
  const TestFolder folder;
  std::vector<Frame> frames = frames_;
  frames[2].images[0].bytes = "GIF89a";
  EXPECT_THAT(ErrorOf([&] { Make(SourceOf(frames), Options(), folder / "pack"); }),
              HasSubstr("frame " + TokenOf(2) + ": 1 of 6 images cannot be used:"));
  EXPECT_EQ(ErrorOf([&] { (void)Pack::Open(folder / "pack"); }),
            (folder / "pack").string() +
                ": holds 2 of 5 keyframes. Run `occvla data pack` again to finish it.");
}

// What is said about a copy of the pack in `whole` of which one shard is overwritten.
std::string ComplaintAboutShard(const std::filesystem::path& whole,
                                const std::function<void(std::string& bytes)>& change) {
  const TestFolder folder;
  std::filesystem::copy(whole, folder / "pack");
  const auto path = folder / "pack/shard-00001.pack";
  std::string bytes = ReadTextFile(path);
  change(bytes);
  std::ofstream(path) << bytes;
  const std::string text = ErrorOf([&] {
    const Pack pack = Pack::Open(folder / "pack");
    for (size_t index = 0; index < pack.size(); ++index) {
      (void)pack.Pixels(index);
      (void)pack.Labels(index);
    }
  });
  const std::string prefix = (folder / "pack/").string();
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

TEST_F(PackTest, NamesShardAndRecordOfDamage) {
  const std::string advice = " Delete the file and run `occvla data pack` again.";
  EXPECT_EQ(
      ComplaintAboutShard(Whole(), [](std::string& bytes) { bytes[64] ^= 1; }),
      "shard-00001.pack, record 0 (keyframe " + TokenOf(2) + "): the images are damaged." + advice);
  EXPECT_EQ(
      ComplaintAboutShard(Whole(),
                          [](std::string& bytes) {
                            const size_t table = sizeof(pack::Trailer) + 2 * sizeof(pack::Record);
                            bytes[bytes.size() - table - 1] ^= 1;
                          }),
      "shard-00001.pack, record 1 (keyframe " + TokenOf(3) + "): the labels are damaged." + advice);
  EXPECT_EQ(ComplaintAboutShard(
                Whole(),
                [](std::string& bytes) { bytes[bytes.size() - sizeof(pack::Trailer) - 1] ^= 1; }),
            "shard-00001.pack: has a damaged table." + advice);
  EXPECT_THAT(ComplaintAboutShard(Whole(), [](std::string& bytes) { bytes.pop_back(); }),
              HasSubstr("bytes, but pack.json says "));
  EXPECT_EQ(ComplaintAboutShard(Whole(), [](std::string& bytes) { bytes.back() = 'x'; }),
            "shard-00001.pack: is no shard of a pack." + advice);
}

TEST_F(PackTest, RebuildsAShardThatIsGone) {
  const TestFolder folder;
  std::filesystem::copy(Whole(), folder / "pack");
  std::filesystem::remove(folder / "pack/shard-00001.pack");
  Make(SourceOf(frames_), Options(), folder / "pack");
  EXPECT_EQ(Contents(folder / "pack"), Contents(Whole()));
}

TEST_F(PackTest, NamesWhatIsWrongInTheIndex) {
  const TestFolder folder;
  const auto complaint = [&](const std::string& text) {
    std::ofstream(folder / "pack.json") << text;
    return ErrorOf([&] { (void)Pack::Open(folder.path()); });
  };
  const std::string path = (folder / "pack.json").string();
  EXPECT_EQ(complaint(R"({"format":"zip"})"),
            path + ": format must be \"occvla-pack\", but is \"zip\"");
  EXPECT_EQ(complaint(R"({"format":"occvla-pack","version":1,"source":{"version":"v","split":"s",
                          "fingerprint":"f"},"size_px":6,"frames":5,"frames_per_shard":2,
                          "shards":[{"file":"../x","frames":2,"bytes":9,"sha256":""}]})"),
            path + ": shards[0].file must be \"shard-00000.pack\", but is \"../x\"");
  EXPECT_EQ(complaint(R"({"format":"occvla-pack","version":1,"source":{"version":"v","split":"s",
                          "fingerprint":"f"},"size_px":6,"frames":5,"frames_per_shard":2,
                          "shards":[{"file":"shard-00000.pack","frames":3,"bytes":9,
                                     "sha256":""}]})"),
            path + ": shards[0].frames must be 2, but is 3");
}

}  // namespace
}  // namespace occvla::data
