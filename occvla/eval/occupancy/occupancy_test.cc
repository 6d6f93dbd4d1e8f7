#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/npy.h"
#include "occvla/base/rng.h"
#include "occvla/base/test_folder.h"
#include "occvla/eval/occupancy/evaluate.h"
#include "occvla/eval/occupancy/lidar_origins.h"
#include "occvla/eval/occupancy/volumes.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::eval {
namespace {

using geom::VoxelGrid;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Values = std::vector<uint8_t>;

template <typename Run>
std::string ErrorOf(Run&& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

template <typename T>
NpyArray Array(DType dtype, const std::vector<int64_t>& shape, const std::vector<T>& values) {
  NpyArray array{dtype, shape, {}};
  const auto bytes = std::as_bytes(std::span(values));
  array.bytes.assign(bytes.begin(), bytes.end());
  return array;
}

// Files of tiny keyframes, 1 x 2 x 2 voxels each.
class OccupancyFilesTest : public ::testing::Test {
 protected:
  void Truth(const std::string& name, const Values& semantics, const Values& lidar,
             const Values& camera) {
    std::filesystem::create_directories(truth() / name);
    WriteNpz(truth() / name / "labels.npz", {{"semantics", Array(DType::kU8, kShape, semantics)},
                                             {"mask_lidar", Array(DType::kU8, kShape, lidar)},
                                             {"mask_camera", Array(DType::kU8, kShape, camera)}});
  }
  void Prediction(const std::string& name, const Values& labels) {
    std::filesystem::create_directories(predictions());
    WriteNpz(predictions() / (name + ".npz"), {{"pred", Array(DType::kU8, kShape, labels)}});
  }
  std::filesystem::path truth() const { return folder_ / "truth"; }
  std::filesystem::path predictions() const { return folder_ / "predictions"; }
  std::string In(const std::string& path) const { return (folder_ / path).string(); }

  static inline const std::vector<int64_t> kShape = {1, 2, 2};
  TestFolder folder_;
};

TEST(ConfusionTest, CountsUnderEachMaskWhatItShows) {
  const Values truth = {4, 4, 17, 255}, prediction = {4, 17, 4, 4}, lidar = {1, 1, 1, 1},
               camera = {1, 0, 1, 1};
  const MaskedConfusions counts = CountVoxels({truth, lidar, camera, prediction});
  EXPECT_EQ(counts.camera.counts[4][4], 1);
  EXPECT_EQ(counts.camera.counts[4][17], 0);
  EXPECT_EQ(counts.camera.counts[17][4], 1);
  EXPECT_EQ(counts.lidar, counts.unmasked);
  EXPECT_DOUBLE_EQ(*IouOf(counts.camera).iou[4], 0.5);
  EXPECT_DOUBLE_EQ(*IouOf(counts.unmasked).mean, 1.0 / 3);
  EXPECT_FALSE(IouOf(counts.unmasked).iou[0]);
  EXPECT_FALSE(IouOf(Confusion{}).mean);
}

// Runs of equal voxels and their ends, against one voxel after the other.
TEST(ConfusionTest, RunsAreCountedLikeSingleVoxels) {
  Rng rng(5, "test");
  Values truth, prediction, lidar, camera;
  while (truth.size() < 3000) {
    const auto t = static_cast<uint8_t>(rng.Below(19)), p = static_cast<uint8_t>(rng.Below(18)),
               masks = static_cast<uint8_t>(rng.Below(4));
    for (uint64_t n = rng.Below(40); n > 0; --n) {
      truth.push_back(t == 18 ? kIgnoredVoxel : t);
      prediction.push_back(p);
      lidar.push_back(masks & 1);
      camera.push_back(masks >> 1);
    }
  }
  MaskedConfusions one_by_one;
  for (size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == kIgnoredVoxel) continue;
    one_by_one.unmasked.counts[truth[i]][prediction[i]] += 1;
    one_by_one.camera.counts[truth[i]][prediction[i]] += camera[i];
    one_by_one.lidar.counts[truth[i]][prediction[i]] += lidar[i];
  }
  EXPECT_EQ(CountVoxels({truth, lidar, camera, prediction}), one_by_one);
}

Values FreeVolume() { return Values(VoxelGrid::kCount, 17); }

TEST(RaysTest, ThereAreFourteenThousandDirections) {
  ASSERT_EQ(RayDirections().size(), 14'040U);
  EXPECT_NEAR(std::asin(RayDirections().front().z()), -std::acos(-1.0) / 4, 1e-6);
  EXPECT_NEAR(std::asin(RayDirections().back().z()), 0.219, 1e-4);
}

// A wall 10 m ahead in the truth, 12 m ahead in the prediction: two metres of difference, less a
// rounding.
TEST(RaysTest, HitIsWhereTheRayLeavesTheFirstOccupiedVoxel) {
  Values truth = FreeVolume(), prediction = FreeVolume();
  const auto wall = [](Values& labels, int i, uint8_t label) {
    for (int j = 0; j < VoxelGrid::kY; ++j) {
      for (int k = 0; k < VoxelGrid::kZ; ++k) labels[VoxelGrid::Index(i, j, k)] = label;
    }
  };
  wall(truth, 125, 15);       // x from 10.0 to 10.4.
  wall(prediction, 130, 15);  // x from 12.0 to 12.4.
  const RayPair ahead = CastRay({0.2, 0.2, 1.8}, {1, 0, 0}, truth, prediction);
  EXPECT_EQ(ahead.truth.label, 15);
  EXPECT_NEAR(ahead.truth.distance, 10.2, 1e-5);
  EXPECT_NEAR(ahead.prediction.distance, 12.2, 1e-5);
  const RayPair back = CastRay({0.2, 0.2, 1.8}, {-1, 0, 0}, truth, prediction);
  EXPECT_EQ(back.truth.label, 17);
  EXPECT_NEAR(back.truth.distance, 40.2, 1e-5) << "the last voxel";
}

TEST(RaysTest, RayThatMissesTheGridEndsInItsFirstVoxel) {
  Values truth = FreeVolume(), prediction = FreeVolume();
  truth[0] = 3;
  const RayPair pair = CastRay({0, 0, 50}, {0, 0, 1}, truth, prediction);
  EXPECT_EQ(pair.truth.label, 3);
  EXPECT_FLOAT_EQ(pair.truth.distance, -0.4F);
  EXPECT_EQ(pair.prediction.label, 17);
}

TEST(RaysTest, RaysThatAreFreeInTheTruthAreDropped) {
  Values truth = FreeVolume(), prediction = FreeVolume();
  prediction[VoxelGrid::Index(110, 100, 7)] = 4;
  const Eigen::Vector3d origin(0, 0, 1.8);
  EXPECT_EQ(CountRays(std::span(&origin, 1), truth, prediction), RayCounts{});
  const RayCounts counts = CountRays(std::span(&origin, 1), prediction, truth);
  EXPECT_GT(counts.rays, 0);
  EXPECT_EQ(counts.truth[4], counts.rays);
  EXPECT_EQ(*RayIouOf(counts).mean, 0);
}

TEST(RaysTest, ThresholdsCountDistancesBelowThem) {
  Values truth = FreeVolume(), prediction = FreeVolume();
  for (int j = 0; j < VoxelGrid::kY; ++j) {
    for (int k = 0; k < VoxelGrid::kZ; ++k) {
      truth[VoxelGrid::Index(150, j, k)] = 15;
      prediction[VoxelGrid::Index(154, j, k)] = 15;  // 1.6 m behind, 1.2 m and more along a ray.
    }
  }
  const Eigen::Vector3d origin(0, 0, 1.8);
  const RayCounts counts = CountRays(std::span(&origin, 1), truth, prediction);
  EXPECT_EQ(counts.right[0][15], 0);
  EXPECT_GT(counts.right[1][15], 0);
  EXPECT_LE(counts.right[1][15], counts.right[2][15]);
}

TEST(OriginsTest, EightAreSpreadEvenlyOverThoseInReach) {
  std::vector<LidarPlace> places(60, {geom::Pose::Identity(), geom::Pose::Identity()});
  for (size_t i = 0; i < places.size(); ++i) {
    places[i].X_GE.translation().x() = 1000 + 2.0 * static_cast<double>(i);
    places[i].X_EL.translation() = Eigen::Vector3d(1, 0, 1.8);
  }
  const auto origins = RayOrigins(places, 0);
  std::vector<double> x;
  for (const auto& p_E : origins) x.push_back(std::round(p_E.x()));
  // 1, 3, ... 37 are in reach: nineteen. linspace(0, 18, 8) rounded, halves to even.
  EXPECT_THAT(x, ElementsAre(1, 7, 11, 17, 21, 27, 31, 37));
  EXPECT_EQ(RayOrigins(std::span(places).first(3), 1).size(), 3U);
}

TEST_F(OccupancyFilesTest, ThreadsAndShardsGiveTheSameCounts) {
  for (int i = 0; i < 7; ++i) {
    const std::string name = "k" + std::to_string(i);
    Truth(name, {4, 17, static_cast<uint8_t>(i), 255}, {1, 1, 0, 1}, {1, 0, 0, 1});
    Prediction(name, {4, 4, 2, 3});
  }
  const auto cases = PairOccupancy(truth(), predictions());
  const OccupancyCounts whole =
      EvaluateOccupancy(cases, {.shard = {}, .threads = 1, .progress = {}});
  EXPECT_EQ(whole.frames, 7);
  EXPECT_EQ(EvaluateOccupancy(cases, {.shard = {}, .threads = 3, .progress = {}}), whole);
  std::vector<NamedText> parts;
  for (size_t i : {2, 1, 0}) {
    const Shard shard{i, 3};
    const auto counts = EvaluateOccupancy(cases, {.shard = shard, .threads = 2, .progress = {}});
    parts.push_back({"part" + std::to_string(i), OccupancyPartJson(counts, shard, NamesOf(cases))});
  }
  EXPECT_EQ(MergeOccupancyParts(parts), whole);
  const std::vector<NamedText> bad = {parts[0], parts[0], {"x", "{}"}};
  EXPECT_EQ(ErrorOf([&] { MergeOccupancyParts(bad); }),
            "The parts do not make a whole: 4 problems:\n"
            "  - part2: is part 2 as part2 is\n"
            "  - x: the document lacks the field \"part_of\"\n"
            "  - part 0 of 3 is missing\n"
            "  - part 1 of 3 is missing\n"
            "Run the missing shards");
}

TEST_F(OccupancyFilesTest, MissingAndUnknownFilesAreToldAllAtOnce) {
  Truth("a", {4, 4, 4, 4}, {1, 1, 1, 1}, {1, 1, 1, 1});
  Truth("b", {4, 4, 4, 4}, {1, 1, 1, 1}, {1, 1, 1, 1});
  Prediction("b", {4, 4, 4, 4});
  Prediction("z", {4, 4, 4, 4});
  EXPECT_EQ(ErrorOf([&] { PairOccupancy(truth(), predictions()); }),
            In("predictions") + " does not fit the ground truth: 2 problems:\n  - " +
                In("predictions/a.npz") + ": is missing\n  - " + In("predictions/z.npz") +
                ": belongs to no keyframe of the ground truth\n"
                "Predict every keyframe, and nothing else");
  WriteFileAtomically(truth() / "lidar_origins.json", std::string_view(R"({"a": [[0, 0, 2]]})"));
  EXPECT_THAT(ErrorOf([&] { PairOccupancy(truth(), predictions()); }),
              HasSubstr("lidar_origins.json: has no origins of \"b\""));
}

TEST_F(OccupancyFilesTest, DamagedFilesAreToldAllAtOnceAndMakeNoNumber) {
  for (const std::string name : {"a", "b", "c", "d"})
    Truth(name, {4, 4, 4, 18}, {1, 1, 1, 1}, {1, 1, 2, 1});
  Truth("b", {4, 4, 4, 4}, {1, 1, 1, 1}, {1, 1, 1, 1});
  Prediction("a", {4, 4, 4, 4});
  Prediction("b", {4, 4, 4, 18});
  Truth("c", {4, 4, 4, 4}, {1, 1, 1, 1}, {1, 1, 1, 1});
  WriteFileAtomically(predictions() / "c.npz", std::string_view("PK"));
  Truth("d", {4, 4, 4, 4}, {1, 1, 1, 1}, {1, 1, 1, 1});
  WriteNpz(predictions() / "d.npz",
           {{"pred", Array(DType::kI64, {4, 1, 1}, std::vector<int64_t>{1, 2, 3, 17})}});
  const std::string text =
      ErrorOf([&] { EvaluateOccupancy(PairOccupancy(truth(), predictions()), {}); });
  EXPECT_THAT(text, HasSubstr("Some keyframes cannot be counted: 4 problems:\n  - " +
                              In("truth/a/labels.npz") +
                              ": \"semantics\" must be 0 to 17, or 255, but is 18 at flat index "
                              "3; \"mask_camera\" must be 0 or 1, but is 2 at flat index 2. Write "
                              "the file again.\n  - " +
                              In("predictions/b.npz") +
                              ": \"pred\" must be 0 to 17, but is 18 at flat index 3."));
  EXPECT_THAT(text, HasSubstr(In("predictions/c.npz") + ": is not a whole zip archive"));
  EXPECT_THAT(text, HasSubstr(In("predictions/d.npz") +
                              ": \"pred\" is [4, 1, 1] where the labels are [1, 2, 2]."));
}

TEST_F(OccupancyFilesTest, ArraysOfAnyIntegerTypeAreRead) {
  std::filesystem::create_directories(predictions());
  const auto path = predictions() / "x.npz";
  const auto read = [&](const NpyArray& array) {
    WriteNpz(path, {{"pred", array}});
    const PredictedVolume volume = ReadPredictedVolume(path);
    const std::span<const uint8_t> labels = volume.labels;
    return Values(labels.begin(), labels.end());
  };
  EXPECT_THAT(read(Array(DType::kI64, kShape, std::vector<int64_t>{0, 4, 16, 17})),
              ElementsAre(0, 4, 16, 17));
  EXPECT_THAT(read(Array(DType::kI16, kShape, std::vector<int16_t>{0, 4, 16, 17})),
              ElementsAre(0, 4, 16, 17));
  EXPECT_EQ(ErrorOf([&] {
              read(Array(DType::kI32, kShape, std::vector<int32_t>{0, -1, 260, 1}));
            }),
            path.string() +
                ": \"pred\" must be 0 to 17, but is -1 at flat index 1. Write the file again.");
  EXPECT_EQ(ErrorOf([&] {
              read(Array(DType::kF32, kShape, std::vector<float>{0, 1, 2, 3}));
            }),
            path.string() +
                ": \"pred\" must be of an integer or bool type, but is F32. Write the file again.");
  EXPECT_EQ(ErrorOf([&] {
              read(Array(DType::kU8, {4}, Values{0, 1, 2, 3}));
            }),
            path.string() + ": \"pred\" must have three axes, but is [4]. Write the file again.");
}

TEST_F(OccupancyFilesTest, AnInterruptionEndsTheWork) {
  for (int i = 0; i < 20; ++i) {
    const std::string name = "k" + std::to_string(i);
    Truth(name, {4, 4, 4, 4}, {1, 1, 1, 1}, {1, 1, 1, 1});
    Prediction(name, {4, 4, 4, 4});
  }
  const auto cases = PairOccupancy(truth(), predictions());
  EXPECT_EQ(ErrorOf([&] {
              EvaluateOccupancy(cases, {.shard = {}, .threads = 2, .progress = [](auto, auto) {
                                          throw BusyError("stopped");
                                        }});
            }),
            "stopped");
}

TEST_F(OccupancyFilesTest, AnOriginFarFromTheCarIsRefused) {
  std::filesystem::create_directories(truth());
  WriteFileAtomically(truth() / "lidar_origins.json",
                      std::string_view(R"({"a": [[0, 0, 2], [0, 1e300, 2]]})"));
  EXPECT_EQ(ErrorOf([&] { ReadRayOrigins(truth() / "lidar_origins.json"); }),
            (truth() / "lidar_origins.json").string() + ": a[1] must lie within 1000 m of the car");
}

TEST(ShardTest, OnlyPartsFromZeroToNAreAccepted) {
  EXPECT_EQ(ParseShard("2/8").index, 2U);
  EXPECT_EQ(ParseShard("0/8").of, 8U);
  EXPECT_EQ(ParseShard("").of, 1U);
  for (const std::string text :
       {"8/8", "9/8", "a/8", "1/", "/8", "1/8x", "-1/8", "1", "0/100001"}) {
    EXPECT_EQ(ErrorOf([&] { ParseShard(text); }),
              "--shard must be i/n with i from 0 to n - 1, like 0/4, but is \"" + text + "\".");
  }
}

}  // namespace
}  // namespace occvla::eval
