// The verb `eval planning` from its command line to its report, on a small made-up data set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"
#include "occvla/cli/run.h"
#include "occvla/data/nuscenes/test_dataset.h"
#include "occvla/data/nuscenes/test_map.h"

namespace occvla::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out, err;
};

// A car drives east on the test map's lane at 4 m/s; another stands in the opposite lane.
class EvalPlanningTest : public ::testing::Test {
 protected:
  static constexpr size_t kFrames = 14;

  EvalPlanningTest() {
    std::vector<data::nuscenes::TestPlace> places;
    for (size_t at = 0; at < kFrames; ++at)
      places.push_back({2 + 2.0 * static_cast<double>(at), 10, 0});
    made_.AddScene("scene-0001", places);
    std::vector<data::nuscenes::TestSighting> sightings;
    for (size_t at = 0; at < kFrames; ++at) sightings.push_back({at, {20, 15, 0}});
    made_.AddTrack("vehicle.car", sightings);
    made_.WriteTables(folder_.path(), "v1.0-made");
    std::filesystem::create_directories(folder_ / "maps/expansion");
    data::nuscenes::WriteMap(folder_ / "maps/expansion/test-town.json",
                             data::nuscenes::TestMap().map);
    json plans = json::object();
    for (size_t at = 0; at + 1 < kFrames; ++at) {
      json& plan = plans[Token(at)];
      for (int step = 1; step <= 6; ++step)
        plan.push_back({2.0 * step, at == 5 ? 1.5 * step : 0.0});
    }
    WriteFileAtomically(folder_ / "plans.json", plans.dump());
  }

  static std::string Token(size_t at) { return data::nuscenes::TestDataset::Token("sample", at); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  Outcome Run(std::vector<std::string> args) const {
    std::ostringstream out, err;
    const int code = RunProgram(args, out, err, {});
    return {code, out.str(), err.str()};
  }
  Outcome Eval(const std::vector<std::string>& more) const {
    std::vector<std::string> args = {"eval", "planning"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
  std::vector<std::string> FromData(const std::string& out,
                                    const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {"--dataroot",
                                     folder_.path().string(),
                                     "--version",
                                     "v1.0-made",
                                     "--no-cache",
                                     "--split",
                                     "all",
                                     "--predictions",
                                     Path("plans.json"),
                                     "--out",
                                     Path(out)};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  TestFolder folder_;
  data::nuscenes::TestDataset made_;
};

TEST_F(EvalPlanningTest, ReportsAgainstADataSet) {
  const Outcome run = Eval(FromData("report.json"));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out,
              HasSubstr("14 frames, 1 dropped\n  1 x no prediction: the token is not in the "
                        "prediction file\n"));
  const json report = ReadJsonFile(folder_ / "report.json");
  EXPECT_EQ(report["samples"]["total"], 14);
  EXPECT_EQ(report["samples"]["dropped"], json::array({Token(13)}));
  EXPECT_EQ(report["samples"]["why"][Token(13)],
            "no prediction: the token is not in the prediction file");
  EXPECT_EQ(report["protocols"].size(), 9u);
  EXPECT_EQ(report["protocols"]["uniad"]["n"], 13);
  EXPECT_EQ(report["protocols"]["vad"]["n"], 8);
  EXPECT_EQ(report["protocols"]["stp3"]["n"], 6);
  EXPECT_EQ(report["protocols"]["occworld-single"]["n"], 2);
  // One of eight strays 1.5 m more with each step: 9 m at 3 s, into the car and off the road.
  EXPECT_NEAR(report["clean"]["l2"]["3s"], 9.0 / 8, 1e-9);
  EXPECT_NEAR(report["clean"]["off_road"]["rate"]["3s"], 1.0 / 8, 1e-9);
  EXPECT_NEAR(report["clean"]["collision"]["3s"], 1.0 / 8, 1e-9);
  EXPECT_EQ(report["baselines"]["constant_velocity"]["missing"], 1);
  EXPECT_NEAR(report["baselines"]["constant_velocity"]["clean"]["l2"]["3s"], 0, 1e-9);
}

TEST_F(EvalPlanningTest, AGroundTruthFileGivesTheSameProtocols) {
  ASSERT_EQ(Eval(FromData("report.json")).code, 0);
  ASSERT_EQ(Run({"data", "export-planning", "--dataroot", folder_.path().string(), "--version",
                 "v1.0-made", "--no-cache", "--split", "all", "--out", Path("truth.json")})
                .code,
            0);
  const Outcome run = Eval({"--ground-truth", Path("truth.json"), "--predictions",
                            Path("plans.json"), "--out", Path("second.json"), "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json first = ReadJsonFile(folder_ / "report.json"), second = json::parse(run.out);
  EXPECT_EQ(second, ReadJsonFile(folder_ / "second.json"));
  EXPECT_EQ(second["samples"], first["samples"]);
  for (const auto& [name, protocol] : first["protocols"].items()) {
    EXPECT_EQ(second["protocols"][name]["n"], protocol["n"]);
    EXPECT_EQ(second["protocols"][name]["collision"], protocol["collision"]);
  }
  EXPECT_TRUE(second["clean"]["off_road"].is_null());
}

TEST_F(EvalPlanningTest, ShardsMergeToTheSameBytes) {
  ASSERT_EQ(Eval(FromData("report.json")).code, 0);
  ASSERT_EQ(Eval(FromData("part0.json", {"--shard", "0/2"})).code, 0);
  ASSERT_EQ(Eval(FromData("part1.json", {"--shard", "1/2"})).code, 0);
  const Outcome run =
      Eval({"--merge", Path("part1.json"), Path("part0.json"), "--out", Path("merged.json")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(ReadTextFile(folder_ / "merged.json"), ReadTextFile(folder_ / "report.json"));
}

TEST_F(EvalPlanningTest, RefusesWhatCannotBeMeant) {
  EXPECT_EQ(Eval({"--out", Path("x")}).code, 2);
  EXPECT_THAT(Eval(FromData("x", {"--shard", "2/2"})).err,
              HasSubstr("--shard must be i/n with i from 0 to n - 1, like 0/4, but is \"2/2\"."));
  EXPECT_THAT(Eval(FromData("x", {"--ground-truth", "y"})).err,
              HasSubstr("Name one of --dataroot (with --version and --split), --ground-truth and "
                        "--merge"));
  WriteFileAtomically(folder_ / "plans.json", "{\"" + Token(0) + "\": [[1, 2]]}");
  const Outcome run = Eval(FromData("x"));
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err, HasSubstr("\"" + Token(0) + "\" has 1 point instead of six"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

}  // namespace
}  // namespace occvla::cli
