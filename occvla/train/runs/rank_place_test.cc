#include "occvla/train/runs/rank_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "occvla/base/error.h"

namespace occvla::train {
namespace {

using Variables = std::map<std::string, std::string>;

RankPlace PlaceOf(const Variables& variables) {
  return PlaceFromEnvironment([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

std::string ErrorOf(const Variables& variables) {
  try {
    PlaceOf(variables);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(RankPlaceTest, WithoutALauncherThereIsOneRank) {
  for (const auto& variables :
       {Variables{}, Variables{{"MASTER_ADDR", "a"}, {"MASTER_PORT", "1"}},
        // A batch script is no task, though its job has some.
        Variables{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "7"}},
        Variables{{"SLURM_STEP_ID", "4294967291"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}}) {
    const auto place = PlaceOf(variables);
    EXPECT_EQ(place.rank, 0);
    EXPECT_EQ(place.size, 1);
  }
}

TEST(RankPlaceTest, TorchrunIsRead) {
  const auto place = PlaceOf({{"RANK", "5"},
                              {"WORLD_SIZE", "8"},
                              {"LOCAL_RANK", "1"},
                              {"MASTER_ADDR", "node7"},
                              {"MASTER_PORT", "29400"},
                              {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                              {"TORCHELASTIC_RESTART_COUNT", "2"},
                              {"GLOO_SOCKET_IFNAME", "eth1"}});
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.size, 8);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.address, "node7");
  EXPECT_EQ(place.port, 29400);
  EXPECT_TRUE(place.agent_serves);
  EXPECT_EQ(place.attempt, "2");
  EXPECT_EQ(place.interface, "eth1");
}

TEST(RankPlaceTest, AllThatIsWrongIsSaidAtOnce) {
  EXPECT_EQ(ErrorOf({{"RANK", "2"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "99999"}}),
            "ranks from the environment (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT):\n"
            "  - MASTER_PORT must be a whole number from 1 to 65535, but is \"99999\"\n"
            "  - MASTER_ADDR is not set\n"
            "  - RANK must be below WORLD_SIZE (2), but is 2\n"
            "Start the program with torchrun, with --ranks N, or with none of these variables "
            "set.");
  EXPECT_THAT(ErrorOf({{"RANK", "0"}}), ::testing::HasSubstr("WORLD_SIZE is not set"));
  EXPECT_THAT(ErrorOf({{"WORLD_SIZE", "1"}}), ::testing::HasSubstr("RANK is not set"));
}

TEST(RankPlaceTest, SlurmIsReadAndMasterAddressWins) {
  Variables step{{"SLURM_STEP_ID", "0"},
                 {"SLURM_PROCID", "3"},
                 {"SLURM_NTASKS", "16"},
                 {"SLURM_STEP_NUM_TASKS", "8"},
                 {"SLURM_LOCALID", "3"},
                 {"SLURM_STEP_NODELIST", "gpu[003-004],x1"},
                 {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.1"},
                 {"SLURM_JOB_ID", "123456"}};
  auto place = PlaceOf(step);
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.size, 8);
  EXPECT_EQ(place.local_rank, 3);
  EXPECT_EQ(place.address, "gpu003");
  EXPECT_EQ(place.port, 20000 + 123456 % 12000);
  step["MASTER_ADDR"] = "host";
  step["MASTER_PORT"] = "1234";
  place = PlaceOf(step);
  EXPECT_EQ(place.address, "host");
  EXPECT_EQ(place.port, 1234);
}

TEST(RankPlaceTest, ASlurmStepWithoutAMeetingPointIsRefused) {
  EXPECT_EQ(ErrorOf({{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}}),
            "ranks from Slurm's environment:\n"
            "  - none of MASTER_ADDR, SLURM_STEP_NODELIST and SLURM_LAUNCH_NODE_IPADDR is set\n"
            "  - SLURM_JOB_ID is not set\n"
            "Start the program with srun inside a job, or set MASTER_ADDR and MASTER_PORT.");
}

TEST(RankPlaceTest, TheFirstHostOfAListIsFound) {
  EXPECT_EQ(FirstHost("n1"), "n1");
  EXPECT_EQ(FirstHost("n1,n2"), "n1");
  EXPECT_EQ(FirstHost("gpu[03-07,12],login1"), "gpu03");
  EXPECT_EQ(FirstHost("gpu[7]"), "gpu7");
  EXPECT_EQ(FirstHost("rack[1-2]-ib,n3"), "rack1-ib");
  EXPECT_EQ(FirstHost("a,b[1-2]"), "a");
  EXPECT_EQ(FirstHost("gpu["), "");
  EXPECT_EQ(FirstHost("gpu[]"), "");
  EXPECT_EQ(FirstHost(""), "");
}

}  // namespace
}  // namespace occvla::train
