#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "occvla/train/runs/line_socket.h"

namespace occvla::train {

/// One process that this one started; it is killed with its owner, or with this process.
class ChildProcess {
 public:
  enum class Output { kInherit, kCapture };

  /// Runs `command` with this process's environment, in which `variables` are set, in a process
  /// group of its own: what a terminal sends goes to this process alone. Throws DeviceError.
  ChildProcess(const std::vector<std::string>& command,
               const std::vector<std::pair<std::string, std::string>>& variables, Output output);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;

  /// The end of a pipe with what it writes to stdout and stderr; never blocks. -1 once closed.
  int output() const { return output_.get(); }
  /// What has come since, by lines, without progress bars' redrawn ones; all of it once ended.
  std::vector<std::string> ReadLines();

  void Signal(int signal);
  /// How it ended; nullopt while it runs. The exit code, or the negative number of a signal.
  std::optional<int> Ended();
  int Wait();

 private:
  pid_t pid_ = -1;
  std::optional<int> ended_;
  Descriptor output_;
  std::string partial_;
};

}  // namespace occvla::train
