#include "occvla/base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla {

enum class Mask { kOccvla, kPaliGemma };

template <>
struct EnumNames<Mask> {
  static constexpr std::pair<std::string_view, Mask> kNames[] = {{"occvla", Mask::kOccvla},
                                                                 {"paligemma", Mask::kPaliGemma}};
};

namespace {

struct Optimizer {
  double lr = 2e-4;
  bool fused = false;
  std::vector<double> betas{0.9, 0.99};

  bool operator==(const Optimizer&) const = default;
  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("lr", lr, "peak learning rate");
    v("fused", fused, "one kernel for all weights");
    v("betas", betas, "decay of the moments");
  }
};

struct Train {
  int64_t steps = 20'000;
  int workers = 2;
  uint64_t seed = 17;
  Mask mask = Mask::kOccvla;
  Optimizer optimizer;

  bool operator==(const Train&) const = default;
  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("steps", steps, "optimiser steps");
    v("workers", workers, "threads");
    v("seed", seed, "seed of everything");
    v("mask", mask, "who sees whom");
    v("optimizer", optimizer, "how weights move");
  }
};

struct Config {
  std::string name = "run";
  std::filesystem::path out = "runs";
  std::vector<std::string> splits;
  std::vector<int64_t> gpus{0, 1};
  Train train;

  bool operator==(const Config&) const = default;
  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("train", train, "how a stage trains");
    v("name", name, "of the run");
    v("out", out, "folder of the results");
    v("splits", splits, "of the data set");
    v("gpus", gpus, "device numbers");
  }
};

std::string ProblemOf(std::string_view toml) {
  Config config;
  try {
    ParseToml(config, toml, "c.toml");
  } catch (const ConfigError& error) {
    EXPECT_EQ(config, Config{}) << "changed although it threw";
    return error.what();
  }
  return "accepted";
}

std::string ProblemOfSets(const std::vector<std::string>& sets) {
  Config config;
  try {
    LoadConfig(config, "", sets);
  } catch (const ConfigError& error) {
    EXPECT_EQ(config, Config{}) << "changed although it threw";
    return error.what();
  }
  return "accepted";
}

TEST(ConfigTest, EveryKindOfFieldIsReadFromToml) {
  Config config;
  ParseToml(config, R"(
name = "night"
out = "runs/7"
splits = ["train", "val"]
gpus = []
[train]
steps = 5
workers = -1
seed = 9223372036854775807
mask = "paligemma"
[train.optimizer]
lr = 1
fused = true
betas = [0.5, 1]
)",
            "c.toml");
  Config expected{"night", "runs/7", {"train", "val"}, {}, {}};
  expected.train = {5, -1, 9223372036854775807u, Mask::kPaliGemma, {1.0, true, {0.5, 1.0}}};
  EXPECT_EQ(config, expected);
}

TEST(ConfigTest, FieldsThatTheFileDoesNotNameKeepTheirValues) {
  Config config;
  config.name = "kept";
  ParseToml(config, "train.steps = 3", "c.toml");
  EXPECT_EQ(config.name, "kept");
  EXPECT_EQ(config.train.steps, 3);
}

TEST(ConfigTest, AllComplaintsComeAtOnceInTheOrderOfTheLines) {
  EXPECT_EQ(
      ProblemOf("nam = \"x\"\n[train]\nstepz = 4\nworkers = 1.5\nseed = -1\nmask = "
                "\"paligema\"\n[train.optimizer]\nlr = \"fast\"\nbetas = [1.0, true]\n"),
      "7 problems in the configuration:\n"
      "  - c.toml:1: \"nam\" is not a field; did you mean \"name\"?\n"
      "  - c.toml:3: \"train.stepz\" is not a field; did you mean \"train.steps\"?\n"
      "  - c.toml:4: \"train.workers\" must be an integer, but is 1.5\n"
      "  - c.toml:5: \"train.seed\" must be an integer from 0 to 9223372036854775807, but is -1\n"
      "  - c.toml:6: \"train.mask\" must be one of occvla, paligemma, but is \"paligema\"\n"
      "  - c.toml:8: \"train.optimizer.lr\" must be a number, but is \"fast\"\n"
      "  - c.toml:9: \"train.optimizer.betas\" must be an array of numbers (element 1 is not), "
      "but is an array of 2");
}

TEST(ConfigTest, NothingIsCoerced) {
  const std::pair<const char*, const char*> table[] = {
      {"train.workers = 2147483648",
       "c.toml:1: \"train.workers\" must be an integer from -2147483648 to 2147483647, but is "
       "2147483648"},
      {"train.steps = 2.0", "c.toml:1: \"train.steps\" must be an integer, but is 2.0"},
      {"train.steps = true", "c.toml:1: \"train.steps\" must be an integer, but is true"},
      {"train.optimizer.fused = 1",
       "c.toml:1: \"train.optimizer.fused\" must be true or false, but is 1"},
      {"train.optimizer.lr = 9007199254740993",
       "c.toml:1: \"train.optimizer.lr\" must be a number that a double holds exactly, but is "
       "9007199254740993"},
      {"name = 7", "c.toml:1: \"name\" must be a string, but is 7"},
      {"out = [\"a\"]", "c.toml:1: \"out\" must be a path in quotes, but is an array of 1"},
      {"splits = \"train\"", "c.toml:1: \"splits\" must be an array of strings, but is \"train\""},
      {"gpus = [0, 1.0]",
       "c.toml:1: \"gpus\" must be an array of integers (element 1 is not), but is an array of 2"},
      {"train = 3", "c.toml:1: \"train\" must be a table, but is 3"},
      {"[name]\nx = 1", "c.toml:1: \"name\" must be a string, but is a table"},
      {"train.mask = 1979-05-27",
       "c.toml:1: \"train.mask\" must be one of occvla, paligemma in quotes, but is a date or "
       "time"},
  };
  for (const auto& [toml, problem] : table)
    EXPECT_EQ(ProblemOf(toml), std::string("1 problem in the configuration:\n  - ") + problem);
}

TEST(ConfigTest, AnUnknownNameLeadsToWhatIsThere) {
  EXPECT_EQ(ProblemOf("steps = 1"),
            "1 problem in the configuration:\n  - c.toml:1: \"steps\" is not a field; did you mean "
            "\"train.steps\"?");
  EXPECT_EQ(
      ProblemOf("[train.optimizer]\nmomentum_of_something = 1"),
      "1 problem in the configuration:\n  - c.toml:2: \"train.optimizer.momentum_of_something\" "
      "is not a field; [train.optimizer] has lr, fused, betas");
  EXPECT_EQ(
      ProblemOf("[zzzzzz]\na = 1\nb = 2"),
      "1 problem in the configuration:\n  - c.toml:1: \"zzzzzz\" is not a field; the top level "
      "has name, out, splits, gpus, train");
}

TEST(ConfigTest, BrokenTomlAndDuplicatesNameTheLine) {
  EXPECT_EQ(
      ProblemOf("name = \"a\"\nname = \"b\""),
      "1 problem in the configuration:\n  - c.toml:2: not TOML: Error while parsing key-value "
      "pair: cannot redefine existing string 'name'");
  EXPECT_THAT(ProblemOf("a = 1\nb = [1,"), testing::HasSubstr("c.toml:2: not TOML: "));
  EXPECT_THAT(ProblemOf("train.steps = 9223372036854775808"),
              testing::HasSubstr("c.toml:1: not TOML: "));
}

TEST(ConfigTest, DeepNestingIsRefusedBeforeItIsParsed) {
  std::string toml = "a";
  for (int i = 0; i < 100'000; ++i) toml += ".a";
  EXPECT_EQ(ProblemOf(toml + " = 1"),
            "1 problem in the configuration:\n  - c.toml: holds more than 1048576 bytes or 2000 "
            "dots, which no config needs");
}

TEST(ConfigTest, SetReadsTextByTheTypeOfTheField) {
  Config config;
  LoadConfig(config, "",
             std::vector<std::string>{"name=a=b \"c\"", "out=", "train.steps=1_000",
                                      "train.optimizer.lr=3", "train.optimizer.betas=[1, 0.5]",
                                      "train.mask=paligemma", "splits=[\"x\"]",
                                      "train.optimizer.fused=true", "train.workers=-3"});
  EXPECT_EQ(config.name, "a=b \"c\"");
  EXPECT_EQ(config.out, "");
  EXPECT_EQ(config.train.steps, 1000);
  EXPECT_EQ(config.train.optimizer.lr, 3.0);
  EXPECT_EQ(config.train.optimizer.betas, (std::vector<double>{1.0, 0.5}));
  EXPECT_EQ(config.train.mask, Mask::kPaliGemma);
  EXPECT_EQ(config.splits, std::vector<std::string>{"x"});
  EXPECT_TRUE(config.train.optimizer.fused);
  EXPECT_EQ(config.train.workers, -3);
  ApplySet(config, "name=again");
  EXPECT_EQ(config.name, "again");
}

TEST(ConfigTest, SetComplaintsNameTheSet) {
  EXPECT_EQ(
      ProblemOfSets({"train.stepz=1", "train.steps=1.5", "train.optimizer.lr=fast", "train=1",
                     "train.steps", "name=a", "name=b", "train.mask=x", "splits=a,b",
                     "train.seed=1\nname = 2", "name=\xff"}),
      "10 problems in the configuration:\n"
      "  - --set train.stepz=1: \"train.stepz\" is not a field; did you mean \"train.steps\"?\n"
      "  - --set train.steps=1.5: \"train.steps\" must be an integer, but is 1.5\n"
      "  - --set train.optimizer.lr=fast: \"train.optimizer.lr\" must be a number, but is fast\n"
      "  - --set train=1: \"train\" is a table; set its fields one by one\n"
      "  - --set train.steps: expected FIELD=VALUE\n"
      "  - --set name=b: \"name\" is set twice\n"
      "  - --set train.mask=x: \"train.mask\" must be one of occvla, paligemma, but is x\n"
      "  - --set splits=a,b: \"splits\" must be an array of strings, but is a,b\n"
      "  - --set train.seed=1\\nname = 2: \"train.seed\" must be a TOML value, but is 1\\nname = "
      "2\n"
      "  - --set name=\\xff: \"name\" is set twice");
}

TEST(ConfigTest, FileAndSetsComplainTogetherAndSetsWin) {
  const TestFolder folder;
  WriteFileAtomically(folder / "c.toml", "name = \"file\"\n[train]\nsteps = 1\n");
  Config config;
  LoadConfig(config, folder / "c.toml", std::vector<std::string>{"train.steps=2"});
  EXPECT_EQ(config.name, "file");
  EXPECT_EQ(config.train.steps, 2);
  LoadToml(config, folder / "c.toml");
  EXPECT_EQ(config.train.steps, 1);

  WriteFileAtomically(folder / "d.toml", "nme = \"file\"\n");
  try {
    LoadConfig(config, folder / "d.toml", std::vector<std::string>{"a"});
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), "2 problems in the configuration:\n  - " + folder.path().string() +
                                "/d.toml:1: \"nme\" is not a field; did you mean \"name\"?\n"
                                "  - --set a: expected FIELD=VALUE");
  }
  EXPECT_THROW(LoadToml(config, folder / "absent.toml"), ConfigError);
}

TEST(ConfigTest, SavedTomlReadsBackTheSame) {
  Config config;
  config.name = "q\"b\\n\n\t\x01\x7f ü";
  config.splits = {"a", "", "]"};
  config.gpus = {};
  config.train.optimizer.betas = {0.1, 1e300, 5e-324, 3.0, -0.0, 1e22};
  config.train.steps = INT64_MIN;
  config.train.mask = Mask::kPaliGemma;
  const std::string toml = ToToml(config);
  Config back;
  ParseToml(back, toml, "saved");
  EXPECT_EQ(back, config) << toml;
}

TEST(ConfigTest, SavedTomlIsGroupedByTable) {
  EXPECT_EQ(ToToml(Config{}),
            "name = \"run\"\nout = \"runs\"\nsplits = []\ngpus = [0, 1]\n\n[train]\nsteps = "
            "20000\nworkers = 2\nseed = 17\nmask = \"occvla\"\n\n[train.optimizer]\nlr = "
            "2e-04\nfused = false\nbetas = [0.9, 0.99]\n");
}

TEST(ConfigTest, WhatTomlCannotHoldIsNotSaved) {
  Config config;
  config.train.seed = UINT64_MAX;
  config.name = "\xff";
  try {
    ToToml(config);
    FAIL() << "saved";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "2 problems in the configuration:\n"
                 "  - \"train.seed\" is 18446744073709551615, but TOML holds integers up to "
                 "9223372036854775807\n"
                 "  - \"name\" is not UTF-8, as TOML demands");
  }
}

TEST(ConfigTest, HelpShowsNameTypeDefaultAndHelp) {
  EXPECT_EQ(HelpText(Train{}),
            "steps            integer           20000        optimiser steps\n"
            "workers          integer           2            threads\n"
            "seed             integer >= 0      17           seed of everything\n"
            "mask             occvla|paligemma  \"occvla\"     who sees whom\n"
            "[optimizer]  how weights move\n"
            "optimizer.lr     number            2e-04        peak learning rate\n"
            "optimizer.fused  true or false     false        one kernel for all weights\n"
            "optimizer.betas  [number]          [0.9, 0.99]  decay of the moments\n");
}

TEST(ConfigTest, EnumsKnowTheirNames) { EXPECT_EQ(NameOfEnum(Mask::kPaliGemma), "paligemma"); }

}  // namespace
}  // namespace occvla
