#include "occvla/train/runs/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

extern char** environ;

namespace occvla::train {
namespace {

constexpr int kCannotStart = 127;
constexpr size_t kLongestLine = 64 << 10;

std::vector<std::string> EnvironmentWith(
    const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name(*entry, std::strcspn(*entry, "="));
    bool replaced = false;
    for (const auto& variable : variables) replaced |= variable.first == name;
    if (!replaced) all.emplace_back(*entry);
  }
  for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: calls that are safe whatever the other threads held, and no more.
[[noreturn]] void Become(pid_t parent, int output, char* const* arguments, char* const* variables) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotStart);  // It ended before the line above.
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (output >= 0) {
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
  }
  execve(arguments[0], arguments, variables);
  constexpr char kText[] = "the program cannot be started again\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText, sizeof kText - 1);
  _exit(kCannotStart);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command,
                           const std::vector<std::pair<std::string, std::string>>& variables,
                           Output output) {
  auto arguments = command;
  auto environment = EnvironmentWith(variables);
  const auto argument_pointers = Pointers(arguments), variable_pointers = Pointers(environment);
  Descriptor write_end;
  if (output == Output::kCapture) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      throw DeviceError(std::string("no pipe is to be had: ") + std::strerror(errno) + ".");
    output_ = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
    fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0)
    Become(parent, write_end.get(), argument_pointers.data(), variable_pointers.data());
  if (pid_ < 0)
    throw DeviceError(std::string("no further process can be started: ") + std::strerror(errno) +
                      ". Run fewer ranks.");
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      ended_(other.ended_),
      output_(std::move(other.output_)),
      partial_(std::move(other.partial_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0 || ended_) return;
  Signal(SIGKILL);
  Wait();
}

std::vector<std::string> ChildProcess::ReadLines() {
  std::vector<std::string> lines;
  const auto take = [&](size_t end) {
    auto line = partial_.substr(0, end);
    const auto redrawn = line.rfind('\r');
    if (redrawn == line.npos) lines.push_back(std::move(line));
    partial_.erase(0, end + 1);
  };
  char bytes[4096];
  while (output_) {
    const auto count = read(output_.get(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count <= 0) {
      output_.Close();
      break;
    }
    partial_.append(bytes, static_cast<size_t>(count));
    for (auto end = partial_.find('\n'); end != partial_.npos; end = partial_.find('\n')) take(end);
    if (partial_.size() > kLongestLine) take(partial_.size());
  }
  if (!output_ && !partial_.empty()) take(partial_.size());
  return lines;
}

void ChildProcess::Signal(int signal) {
  if (!Ended()) kill(pid_, signal);
}

std::optional<int> ChildProcess::Ended() {
  int status = 0;
  if (!ended_ && waitpid(pid_, &status, WNOHANG) == pid_)
    ended_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  return ended_;
}

int ChildProcess::Wait() {
  int status = 0;
  while (!ended_) {
    if (waitpid(pid_, &status, 0) == pid_)
      ended_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    else if (errno != EINTR)
      ended_ = kCannotStart;
  }
  return *ended_;
}

}  // namespace occvla::train
