#pragma once
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::train {

/// What `--ranks N` starts on this machine.
struct LaunchOptions {
  int ranks = 2;
  std::vector<std::string> command;  ///< Program (a path) and its arguments, the same for each.
  /// How long ranks that are left over have to end by themselves once one has ended in error, and
  /// again between SIGTERM and SIGKILL.
  std::chrono::milliseconds grace{15'000};
};

struct LaunchResult {
  int exit_code = 0;
  std::string report;  ///< What ended in error first and its last words; empty when all is well.
};

/// Runs the command once for each rank, with torchrun's variables and an even share of the cores
/// (OMP_NUM_THREADS, unless it is set), and waits for all.
///
/// Rank 0 has this process's output and error streams. Of the others `line` gets what they write to
/// theirs, but for log lines below a warning, as "[rank 3] text" without its line feed.
/// When `stop` is asked for, all get SIGTERM once, and their own time to save. When one ends in
/// error the others get `grace` to notice; its exit code is the result's (5 where a signal ended
/// it). When this process ends, however it does, so do the ranks.
///
/// Call it on a thread that lives as long as the ranks. Throws DeviceError where no process or port
/// is to be had.
LaunchResult LaunchRanks(const LaunchOptions& options, std::stop_token stop,
                         const std::function<void(std::string_view)>& line);

/// The path of the program that runs.
std::string ThisProgram();

}  // namespace occvla::train
