#include "occvla/data/prediction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "occvla/base/error.h"
#include "occvla/base/npy.h"

namespace occvla::data {
namespace {

namespace fs = std::filesystem;

Prediction Full() {
  Prediction prediction;
  prediction.token = "abc";
  prediction.trajectory_E = {{{0.5, 0}, {1, 0.25}, {2, 0}, {3, -1}, {4.125, 0}, {6, 1e-3}}};
  prediction.meta_action = MetaAction{Velocity::kAccelerate, Direction::kChangeLaneRight};
  prediction.text = "Zwölf \"Wörter\"\n";
  prediction.token_ids = {5, 257000};
  prediction.timings.decode_ms = 12.5;
  prediction.timings.new_tokens = 2;
  prediction.timings.frame_cached = true;
  prediction.timings.peak_memory_bytes = uint64_t{1} << 40;
  prediction.flags = {"stopped_at_max_tokens"};
  return prediction;
}

std::string ComplaintOf(const std::string& json) {
  try {
    (void)PredictionFromJson(json, "p.json");
  } catch (const DataError& error) {
    return error.what();
  }
  return "read";
}

TEST(PredictionTest, JsonKeepsEveryField) {
  const Prediction read = PredictionFromJson(ToJson(Full(), "abc.npz"), "p.json");
  EXPECT_EQ(read.token, "abc");
  EXPECT_EQ(read.trajectory_E, Full().trajectory_E);
  EXPECT_EQ(read.meta_action, Full().meta_action);
  EXPECT_EQ(read.text, Full().text);
  EXPECT_EQ(read.token_ids, Full().token_ids);
  EXPECT_EQ(read.timings.decode_ms, 12.5);
  EXPECT_EQ(read.timings.new_tokens, 2);
  EXPECT_TRUE(read.timings.frame_cached);
  EXPECT_EQ(read.timings.peak_memory_bytes, uint64_t{1} << 40);
  EXPECT_EQ(read.flags, Full().flags);
}

TEST(PredictionTest, JsonNamesTheOccupancyFileOnlyWhenThereIsOne) {
  EXPECT_THAT(ToJson(Full(), "abc.npz"), ::testing::HasSubstr("\"occupancy_file\": \"abc.npz\""));
  EXPECT_THAT(ToJson(Full()), ::testing::Not(::testing::HasSubstr("occupancy_file")));
}

TEST(PredictionTest, WhatWasNotPredictedIsNull) {
  const std::string json = ToJson({});
  EXPECT_THAT(json, ::testing::HasSubstr("\"trajectory\": null"));
  const Prediction read = PredictionFromJson(json, "p.json");
  EXPECT_FALSE(read.trajectory_E.has_value());
  EXPECT_FALSE(read.meta_action.has_value());
}

TEST(PredictionTest, TextThatEndsInsideACharacterIsStillJson) {
  Prediction prediction;
  prediction.text = "half \xe4\xb8";
  EXPECT_EQ(PredictionFromJson(ToJson(prediction), "p.json").text, "half \xef\xbf\xbd");
}

TEST(PredictionTest, NanInTheTrajectoryIsNotWritten) {
  Prediction prediction = Full();
  (*prediction.trajectory_E)[3][1] = std::nan("");
  try {
    (void)ToJson(prediction);
    FAIL() << "a NaN was written";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "prediction abc: the trajectory has a value that is not finite; check the "
                 "checkpoint's planner for NaN.");
  }
}

TEST(PredictionTest, DamagedJsonIsRefusedWithThePlace) {
  EXPECT_THAT(ComplaintOf(R"({"token": "a", "text": "", "trajectory": [[1, 2]]})"),
              ::testing::StartsWith(
                  "p.json: trajectory must be 6 points [x, y], 0.5 s apart, but is 1 of them"));
  EXPECT_THAT(ComplaintOf(R"({"token": "a", "text": "", "trajectory": "left"})"),
              ::testing::StartsWith(
                  "p.json: trajectory must be 6 points [x, y], 0.5 s apart, but is \"left\""));
  EXPECT_THAT(
      ComplaintOf(R"({"token": "a", "text": "", "meta_action": "Jump"})"),
      ::testing::StartsWith("p.json: meta_action must be \"<velocity>, <direction>\" such as "
                            "\"Maintain speed, Go Straight\", but is \"Jump\""));
  EXPECT_THAT(ComplaintOf(R"({"token": "a", "text": "", "flag": []})"),
              ::testing::HasSubstr("flag"));
  EXPECT_THAT(ComplaintOf(R"({"text": ""})"), ::testing::HasSubstr("token"));
}

class OccupancyFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "occupancyXXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string ComplaintAfterWriting(const std::string& name, std::vector<int64_t> shape,
                                    uint8_t value) {
    NpyArray array{.dtype = DType::kU8, .shape = std::move(shape), .bytes = {}};
    array.bytes.assign(static_cast<size_t>(array.elements()), std::byte{value});
    WriteNpz(folder_ / "o.npz", {{name, array}});
    try {
      (void)ReadOccupancy(folder_ / "o.npz");
    } catch (const DataError& error) {
      return std::string(error.what()).substr(folder_.string().size() + 1);
    }
    return "read";
  }

  fs::path folder_;
};

TEST_F(OccupancyFileTest, KeepsEveryVoxel) {
  OccupancyGrid grid;
  grid.labels.assign(size_t{200} * 200 * 16, kFreeClass);
  grid.labels[12345] = 4;
  WriteOccupancy(folder_ / "o.npz", grid);
  EXPECT_EQ(ReadOccupancy(folder_ / "o.npz").labels, grid.labels);
}

TEST_F(OccupancyFileTest, OtherArraysAreRefused) {
  EXPECT_EQ(ComplaintAfterWriting("semantics", {200, 200, 16}, 1),
            "o.npz: has no array \"pred\". Expected uint8 [200, 200, 16].");
  EXPECT_EQ(ComplaintAfterWriting("pred", {200, 16, 200}, 1),
            "o.npz: \"pred\" must be uint8 [200, 200, 16], but is U8 [200, 16, 200].");
  EXPECT_EQ(ComplaintAfterWriting("pred", {200, 200, 16}, 18),
            "o.npz: \"pred\" holds label 18 at index 0; classes run from 0 to 17.");
}

}  // namespace
}  // namespace occvla::data
