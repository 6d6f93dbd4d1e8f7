#pragma once
#include <functional>
#include <optional>
#include <string>

namespace occvla::train {

/// Where one process stands among those that train together.
struct RankPlace {
  int rank = 0, size = 1;
  int local_rank = 0;   ///< Among the ranks of this machine: which of its devices is taken.
  std::string address;  ///< Host name or address of rank 0's machine; empty for one rank.
  int port = 0;
  /// torchrun's agent answers at the port already: rank 0 is a guest there like the others.
  bool agent_serves = false;
  /// Tells one start of a job from the next where they share an agent.
  std::string attempt;
  /// Network interface that sums travel by; empty = the one that leads to `address`.
  std::string interface;
};

/// Reads a variable of the environment; nullopt where it is not set.
using Environment = std::function<std::optional<std::string>(const char*)>;
std::optional<std::string> ProcessEnvironment(const char* name);

/// From torchrun's variables (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), else from
/// those that srun sets in a step (SLURM_PROCID, SLURM_STEP_NUM_TASKS or SLURM_NTASKS,
/// SLURM_LOCALID, SLURM_STEP_NODELIST or SLURM_LAUNCH_NODE_IPADDR, SLURM_JOB_ID), where MASTER_ADDR
/// and MASTER_PORT win over what would be derived; one rank where neither is there. A shell or a
/// batch script of Slurm, which has tasks but is none, is one rank. GLOO_SOCKET_IFNAME is the
/// interface. Throws ConfigError that lists everything that is missing, not a number or out of
/// range.
RankPlace PlaceFromEnvironment(const Environment& environment = ProcessEnvironment);

/// The first host of Slurm's list: "gpu[03-07,12],login1" -> "gpu03". Empty where it is none.
std::string FirstHost(const std::string& nodes);

}  // namespace occvla::train
