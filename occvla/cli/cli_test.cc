#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/base/files.h"
#include "occvla/base/safetensors.h"
#include "occvla/cli/run.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/test_map.h"
#include "occvla/data/text/tokenizer.h"
#include "occvla/infer/machine.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome Occvla(const std::vector<std::string>& args, std::stop_token interrupt = {}) {
  std::ostringstream out, err;
  const int code = RunProgram(args, out, err, std::move(interrupt));
  return {code, out.str(), err.str()};
}

class CliTest : public ::testing::Test {
 protected:
  CliTest() {
    std::string name = (fs::path(::testing::TempDir()) / "occvla_cli_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~CliTest() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string WithTokenizer() const {
    WriteFileAtomically(folder_ / "tokenizer.json", data::SmallTokenizerJson(512));
    return folder_.string();
  }

 private:
  fs::path folder_;
};

TEST_F(CliTest, VersionIsOneLine) {
  const auto run = Occvla({"--version"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "occvla " OCCVLA_VERSION "\n");
  EXPECT_EQ(run.err, "");
}

TEST_F(CliTest, EveryVerbExplainsItselfWithAnExample) {
  for (const auto& verb : std::vector<std::vector<std::string>>{{"tokenize"},
                                                                {"init"},
                                                                {"convert", "hf"},
                                                                {"convert", "occworld"},
                                                                {"dump", "model"},
                                                                {"dump", "image"},
                                                                {"dump", "map"},
                                                                {"dump", "vqvae"},
                                                                {"bench", "model"},
                                                                {"data", "check"},
                                                                {"data", "stats"},
                                                                {"data", "show"},
                                                                {"data", "export-planning"},
                                                                {"data", "pack"},
                                                                {"doctor"}}) {
    auto args = verb;
    args.push_back("--help");
    const auto run = Occvla(args);
    std::string example = "Example:\n  occvla";
    for (const auto& word : verb) example += " " + word;
    EXPECT_EQ(run.code, 0) << example;
    EXPECT_THAT(run.out, HasSubstr(example));
    EXPECT_EQ(run.err, "");
  }
}

TEST_F(CliTest, AnUnknownVerbIsNamedWithTheNearest) {
  const auto run = Occvla({"tokenise", "--text", "x"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err,
            "occvla: there is no verb \"tokenise\". Did you mean tokenize? "
            "`occvla --help` says more.\n");
  EXPECT_EQ(Occvla({"dump", "vqvea"}).err,
            "occvla: dump: there is no verb \"vqvea\". Did you mean vqvae? "
            "`occvla dump --help` says more.\n");
}

TEST_F(CliTest, AVerbIsNeeded) {
  EXPECT_EQ(Occvla({}).code, 2);
  EXPECT_EQ(Occvla({"dump"}).err,
            "occvla: dump: one of these must follow: model, examples, image, frame, map, vqvae. "
            "`occvla dump --help` says more.\n");
}

TEST_F(CliTest, AnUnknownFlagIsNamedWithTheNearest) {
  const auto run = Occvla({"tokenize", "--tokeniser", "d", "--text", "x"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.err,
            "occvla: tokenize: --tokeniser is not understood. Did you mean --tokenizer? "
            "`occvla tokenize --help` says more.\n");
  EXPECT_THAT(Occvla({"tokenize", "--txet=x"}).err, HasSubstr("--txet=x is not understood. Did you "
                                                              "mean --text?"));
}

TEST_F(CliTest, MissingAndMalformedFlagsAreUsageErrors) {
  EXPECT_EQ(Occvla({"tokenize", "--text", "x"}).err,
            "occvla: tokenize: --tokenizer is required. `occvla tokenize --help` says "
            "more.\n");
  EXPECT_EQ(Occvla({"init", "--preset", "tiny", "--out", Path("a"), "--seed", "x"}).code, 2);
  EXPECT_EQ(Occvla({"init", "--preset", "tiny", "--out", Path("a"), "--dtype", "f64"}).code, 2);
  EXPECT_EQ(Occvla({"dump", "image", "--input", "a", "--output", "b", "--size", "0"}).code, 2);
  EXPECT_EQ(Occvla({"tokenize", "--tokenizer", "d", "--text", "x", "--decode", "1"}).code, 2);
  EXPECT_FALSE(fs::exists(Path("a")));
}

TEST_F(CliTest, TokenizesAndDecodes) {
  const auto folder = WithTokenizer();
  const auto ids = Occvla({"tokenize", "--tokenizer", folder, "--text", "turn left"});
  EXPECT_EQ(ids.code, 0) << ids.err;
  EXPECT_THAT(ids.out, ::testing::MatchesRegex("[0-9]+( [0-9]+)*\n"));
  const auto text = Occvla({"tokenize", "--tokenizer", folder, "--decode", ids.out});
  EXPECT_EQ(text.out, "turn left\n");

  WriteFileAtomically(Path("text.txt"), std::string_view("turn left"));
  EXPECT_EQ(Occvla({"tokenize", "--tokenizer", folder, "--file", Path("text.txt")}).out, ids.out);
}

TEST_F(CliTest, ControlWordsAreTextUnlessAskedFor) {
  const auto folder = WithTokenizer();
  EXPECT_EQ(Occvla({"tokenize", "--tokenizer", folder, "--text", "<eos>", "--control-words"}).out,
            "1\n");
  EXPECT_NE(Occvla({"tokenize", "--tokenizer", folder, "--text", "<eos>"}).out, "1\n");
}

TEST_F(CliTest, RefusesWhatIsNoId) {
  const auto folder = WithTokenizer();
  const auto run = Occvla({"tokenize", "--tokenizer", folder, "--decode", "5 x7"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, StartsWith("occvla: --decode: \"x7\" is no id; ids of this tokenizer run"));
  EXPECT_EQ(Occvla({"tokenize", "--tokenizer", folder, "--decode", "99999999999999999999"}).code,
            2);
}

TEST_F(CliTest, MissingFilesHaveTheCodeOfTheirKind) {
  EXPECT_EQ(Occvla({"tokenize", "--tokenizer", Path("none"), "--text", "x"}).code, 4);
  EXPECT_EQ(Occvla({"dump", "image", "--input", Path("none.jpg"), "--output", Path("o")}).code, 3);
  const auto run = Occvla({"dump", "vqvae", "--checkpoint", Path("none.pth"), "--input", Path("i"),
                           "--output", Path("o")});
  EXPECT_EQ(run.code, 4) << run.err;
  EXPECT_THAT(run.err, HasSubstr("none.pth"));
  EXPECT_FALSE(fs::exists(Path("o")));
}

TEST_F(CliTest, DumpsAMapsAnswers) {
  data::nuscenes::WriteMap(Path("map.json"), data::nuscenes::TestMap().map);
  const auto ask = [&](std::string_view queries) {
    WriteFileAtomically(Path("q.json"), queries);
    return Occvla({"dump", "map", "--map", Path("map.json"), "--queries", Path("q.json"),
                   "--output", Path("r.json")});
  };
  const auto run = ask(R"({"closest": [{"x": 30, "y": 11, "radius": 5}],
                           "near": [{"layer": "road_segment", "x": 55, "y": 10, "radius": 1}],
                           "connectivity": [{"token": "lane-b"}],
                           "curvature": [{"token": "left", "s": 3}]})");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(ReadTextFile(Path("r.json")),
            R"({"closest":["lane-a"],"connectivity":[{"incoming":["straight"],)"
            R"("outgoing":["nowhere"]}],"curvature":[0.1],"near":[["junction"]]})");
  EXPECT_EQ(ask(R"({"closest": [], "nearest": []})").code, 3);
  EXPECT_THAT(ask(R"({"near": [{"layer": "lake", "x": 0, "y": 0, "radius": 1}]})").err,
              HasSubstr("near[0].layer is no layer of a map"));
  EXPECT_THAT(ask(R"({"curvature": [{"token": "lake", "s": 0}]})").err,
              HasSubstr("curvature[0].token is no lane and no lane_connector of this map"));
}

TEST_F(CliTest, DumpsAnImageAsDecodedAndAsSeen) {
  data::Image image{.width_px = 3, .height_px = 2, .rgb = {}};
  image.rgb.assign(18, 255);
  data::WritePng(Path("white.png"), image);
  const auto run = Occvla({"dump", "image", "--input", Path("white.png"), "--output",
                           Path("o.safetensors"), "--size", "4"});
  EXPECT_EQ(run.code, 0) << run.err;
  const SafetensorsFile dumped(Path("o.safetensors"));
  EXPECT_EQ(dumped.At("rgb").shape, (std::vector<int64_t>{2, 3, 3}));
  EXPECT_EQ(dumped.At("rgb").bytes[0], std::byte{255});
  EXPECT_EQ(dumped.At("pixel_values").shape, (std::vector<int64_t>{3, 4, 4}));
  float value = 0;
  std::memcpy(&value, dumped.At("pixel_values").bytes.data(), sizeof value);
  EXPECT_EQ(value, 1.f);
}

TEST_F(CliTest, InitSaysWhatItMade) {
  const auto run = Occvla(
      {"init", "--preset", "tiny", "--seed", "3", "--out", Path("tiny"), "--set", "text.layers=2"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith(Path("tiny") + ": "));
  EXPECT_THAT(run.out, HasSubstr(" parameters, "));
  EXPECT_THAT(ReadTextFile(Path("tiny") + "/config.json"), HasSubstr("\"num_hidden_layers\": 2"));
  EXPECT_EQ(Occvla({"init", "--preset", "tiny", "--out", Path("tiny")}).code, 2) << "it exists";
}

TEST_F(CliTest, DoctorReadsEveryValueOfACheckpoint) {
  ASSERT_EQ(Occvla({"init", "--preset", "tiny", "--dtype", "f32", "--out", Path("m")}).code, 0);
  const auto whole = Occvla({"doctor", "--checkpoint", Path("m")});
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_THAT(whole.out, HasSubstr("every value finite"));
  // The file's last four bytes become a NaN.
  auto bytes = ReadFile(Path("m/model.safetensors"), size_t{64} << 20);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + bytes.size() - sizeof nan, &nan, sizeof nan);
  WriteFileAtomically(Path("m/model.safetensors"), std::span<const std::byte>(bytes));
  const auto broken = Occvla({"doctor", "--checkpoint", Path("m")});
  EXPECT_EQ(broken.code, 4);
  EXPECT_THAT(broken.err, HasSubstr("values that are not finite:"));
}

TEST_F(CliTest, InitNamesTheNearestPresetAndField) {
  const auto preset = Occvla({"init", "--preset", "tyni", "--out", Path("a")});
  EXPECT_EQ(preset.code, 2);
  EXPECT_THAT(preset.err, HasSubstr("tiny"));
  const auto field =
      Occvla({"init", "--preset", "tiny", "--out", Path("a"), "--set", "text.layer=2"});
  EXPECT_EQ(field.code, 2);
  EXPECT_THAT(field.err, HasSubstr("text.layers"));
  EXPECT_FALSE(fs::exists(Path("a")));
}

TEST_F(CliTest, AnInterruptedVerbEndsWithSixAndLeavesNothing) {
  std::stop_source stop;
  stop.request_stop();
  const auto run = Occvla({"init", "--preset", "tiny", "--out", Path("a")}, stop.get_token());
  EXPECT_EQ(run.code, 6);
  EXPECT_EQ(run.err,
            "occvla: interrupted; nothing was left half-written. The same command starts again.\n");
  EXPECT_FALSE(fs::exists(Path("a")));
}

TEST(MachineTest, KnowsTheMachineItRunsOn) {
  const auto machine = infer::ExamineMachine();
  EXPECT_GT(machine.processors, 0);
  EXPECT_GT(machine.threads, 0);
  EXPECT_GT(machine.memory_bytes, uint64_t{1} << 28);
  EXPECT_LE(machine.memory_free_bytes, machine.memory_bytes);
  EXPECT_FALSE(machine.kernels.empty());
  EXPECT_THAT(machine.torch, HasSubstr("."));
}

TEST(MachineTest, WarnsOfWhatIsSlowAndOnlyOfThat) {
  const infer::Machine good{.cpu = "good",
                            .features = {"avx2", "avx512f", "avx512_bf16"},
                            .kernels = "avx512",
                            .processors = 64,
                            .threads = 64,
                            .torch = "2.13.0",
                            .torch_capability = "AVX512",
                            .memory_bytes = uint64_t{128} << 30,
                            .memory_free_bytes = uint64_t{100} << 30,
                            .disk_free_bytes = uint64_t{100} << 30,
                            .has_gpu = false,
                            .cuda = "not built"};
  const infer::Speed fast{.read_bytes_per_second = 200e9, .f32_flops = 2e12, .bf16_flops = 8e12};
  EXPECT_TRUE(infer::Warnings(good, fast).empty());

  auto small = good;
  small.memory_bytes = small.memory_free_bytes = uint64_t{4} << 30;
  EXPECT_THAT(infer::Warnings(small, fast),
              ::testing::ElementsAre("4.3 GB of memory are too few for paligemma2-3b-224, which "
                                     "needs 8 GB: its weights would be read from disk again and "
                                     "again."));
  EXPECT_THAT(infer::Warnings(good, {20.92e9, 0.2e12, 0.402e12}),
              ::testing::ElementsAre(
                  "paligemma2-3b-224 needs at least 20 s for the six images of a frame: matrix "
                  "products are the limit.",
                  "paligemma2-3b-224 needs at least 250 ms a generated token: memory bandwidth is "
                  "the limit."));
  auto gpu = good;
  gpu.has_gpu = true;
  EXPECT_THAT(infer::Warnings(gpu, fast),
              ::testing::ElementsAre(HasSubstr("A GPU is there but is not")));
}

}  // namespace
}  // namespace occvla::cli
