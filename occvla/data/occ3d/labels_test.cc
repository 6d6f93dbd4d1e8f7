#include "occvla/data/occ3d/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/npy.h"
#include "occvla/base/test_folder.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::data::occ3d {
namespace {

using geom::VoxelGrid;
using ::testing::HasSubstr;

Labels SomeLabels() {
  Labels labels{.semantics = std::vector<uint8_t>(VoxelGrid::kCount, 17),
                .mask_lidar = std::vector<uint8_t>(VoxelGrid::kCount, 0),
                .mask_camera = std::vector<uint8_t>(VoxelGrid::kCount, 0)};
  for (size_t voxel = 0; voxel < VoxelGrid::kCount; voxel += 16) labels.semantics[voxel] = 11;
  for (size_t voxel = 0; voxel < VoxelGrid::kCount; voxel += 8) labels.mask_lidar[voxel] = 1;
  for (size_t voxel = 0; voxel < VoxelGrid::kCount; voxel += 32) labels.mask_camera[voxel] = 1;
  return labels;
}

using Arrays = std::map<std::string, NpyArray>;

Arrays SomeArrays() {
  NpyArray array{DType::kU8, {200, 200, 16}, std::vector<std::byte>(VoxelGrid::kCount)};
  return {{"semantics", array}, {"mask_lidar", array}, {"mask_camera", array}};
}

// What ReadLabels says about a file of these arrays, without the folder's name.
std::string ComplaintAbout(const Arrays& arrays) {
  const TestFolder folder;
  const auto path = folder / "labels.npz";
  WriteNpz(path, arrays);
  try {
    (void)ReadLabels(path);
  } catch (const DataError& error) {
    std::string text = error.what();
    const std::string prefix = folder.path().string() + "/";
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
    return text;
  }
  return "accepted";
}

TEST(LabelsTest, ReadsWhatItWrites) {
  const TestFolder folder;
  const Labels labels = SomeLabels();
  WriteLabels(folder / "labels.npz", labels);
  const Labels again = ReadLabels(folder / "labels.npz");
  EXPECT_EQ(again.semantics, labels.semantics);
  EXPECT_EQ(again.mask_lidar, labels.mask_lidar);
  EXPECT_EQ(again.mask_camera, labels.mask_camera);
}

TEST(LabelsTest, SameLabelsGiveTheSameBytes) {
  const TestFolder folder;
  WriteLabels(folder / "a.npz", SomeLabels());
  WriteLabels(folder / "b.npz", SomeLabels());
  EXPECT_EQ(ReadTextFile(folder / "a.npz"), ReadTextFile(folder / "b.npz"));
}

TEST(LabelsTest, NamesEveryArrayThatIsWrong) {
  Arrays arrays = SomeArrays();
  arrays["semantics"].shape = {16, 200, 200};
  arrays["mask_lidar"].dtype = DType::kBool;
  arrays.erase("mask_camera");
  arrays["flow"] = arrays["semantics"];
  EXPECT_EQ(ComplaintAbout(arrays),
            "labels.npz: not Occ3D labels: \"semantics\" must be U8 [200, 200, 16], but is U8 "
            "[16, 200, 200]; \"mask_lidar\" must be U8 [200, 200, 16], but is BOOL [200, 200, 16]; "
            "\"mask_camera\" is missing; it holds the unknown array \"flow\". Fetch the file "
            "again.");
}

TEST(LabelsTest, NamesTheFirstValueThatDoesNotBelongThere) {
  Arrays arrays = SomeArrays();
  arrays["semantics"].bytes[VoxelGrid::Index(3, 4, 5)] = std::byte{18};
  arrays["semantics"].bytes[VoxelGrid::Index(100, 0, 0)] = std::byte{255};
  arrays["mask_camera"].bytes[VoxelGrid::Index(199, 199, 15)] = std::byte{2};
  EXPECT_EQ(ComplaintAbout(arrays),
            "labels.npz: not Occ3D labels: \"semantics\" must be 0 to 17, but is 18 at [3][4][5]; "
            "\"mask_camera\" must be 0 to 1, but is 2 at [199][199][15]. Fetch the file again.");
}

// Deflate packs zeros a thousandfold: what a member declares is looked at before it is inflated.
TEST(LabelsTest, RefusesABombBeforeInflatingIt) {
  Arrays arrays = SomeArrays();
  arrays["semantics"] = {DType::kU8, {1 << 20}, std::vector<std::byte>(1 << 20)};
  EXPECT_EQ(ComplaintAbout(arrays),
            "labels.npz: member \"semantics.npy\" declares 1048704 bytes, at most 640000 are "
            "accepted here. Save the arrays again with numpy.savez_compressed.");
}

TEST(LabelsTest, RefusesMoreMembersThanAnyoneNeeds) {
  Arrays arrays;
  for (int member = 0; member < 17; ++member)
    arrays["a" + std::to_string(member)] = {DType::kU8, {1}, {std::byte{1}}};
  EXPECT_EQ(ComplaintAbout(arrays),
            "labels.npz: holds 17 members, at most 16 are accepted here. Save the arrays again "
            "with numpy.savez_compressed.");
}

TEST(LabelsTest, RefusesAMemberThatClimbs) {
  const TestFolder folder;
  const auto path = folder / "labels.npz";
  WriteNpz(path, SomeArrays());
  std::string file = ReadTextFile(path);
  // The same length, so that the archive stays whole: "mask_lidar.npy" -> "../../lidar.npy".
  for (size_t at = file.find("mask_lidar.npy"); at != std::string::npos;
       at = file.find("mask_lidar.npy")) {
    file.replace(at, 14, "../../lida.npy");
  }
  WriteFileAtomically(path, std::string_view(file));
  try {
    (void)ReadLabels(path);
    FAIL() << "a member that climbs was accepted";
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(),
              path.string() +
                  ": member \"../../lida.npy\": its name climbs or has empty parts. Save the "
                  "arrays again with numpy.savez_compressed.");
  }
}

TEST(LabelsTest, RefusesAFileThatIsCut) {
  const TestFolder folder;
  const auto path = folder / "labels.npz";
  WriteLabels(path, SomeLabels());
  std::string file = ReadTextFile(path);
  file.resize(file.size() / 2);
  WriteFileAtomically(path, std::string_view(file));
  try {
    (void)ReadLabels(path);
    FAIL() << "half a file was accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("labels.npz: is not a whole zip archive: "));
  }
}

TEST(LabelsTest, WritesNoLabelsThatItWouldNotRead) {
  const TestFolder folder;
  Labels labels = SomeLabels();
  labels.mask_lidar[16] = 7;
  labels.mask_camera.pop_back();
  try {
    WriteLabels(folder / "labels.npz", labels);
    FAIL() << "labels that cannot be read were written";
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(),
              (folder / "labels.npz").string() +
                  ": cannot be written: \"mask_lidar\" must be 0 to 1, but is 7 at [0][1][0]; "
                  "\"mask_camera\" must hold 640000 values, but holds 639999.");
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "labels.npz"));
}

TEST(LabelsTest, CountsClassesAndMasks) {
  const LabelCounts counts = CountLabels(SomeLabels());
  EXPECT_EQ(counts.classes[11], 40'000);
  EXPECT_EQ(counts.classes[17], 600'000);
  EXPECT_EQ(counts.masks[0][1][0], 40'000);  // Every second voxel of the lidar's is free.
  EXPECT_EQ(counts.masks[1][1][0], 20'000);
  EXPECT_EQ(counts.masks[1][1][1], 20'000);
  EXPECT_EQ(counts.masks[0][0][0], 560'000);
  EXPECT_EQ(counts.Occupied(), 40'000);
  EXPECT_EQ(counts.SeenByLidar(), 80'000);
  EXPECT_EQ(counts.SeenByCamera(), 20'000);
}

}  // namespace
}  // namespace occvla::data::occ3d
