#include "occvla/cli/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace occvla::cli {
namespace {

constexpr int kInterrupted = 6;
constexpr char kSignal = 's', kQuit = 'q';

// A signal handler has no other way to reach anything. Both ends close on exec.
std::atomic<int> write_end{-1};
int read_end = -1;

void OnSignal(int) {
  const int saved = errno;
  // A full pipe means that the watcher has plenty to wake up for.
  [[maybe_unused]] const auto written = write(write_end.load(), &kSignal, 1);
  errno = saved;
}

void SetHandler(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

[[noreturn]] void End() {
  constexpr char kText[] = "occvla: interrupted.\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText, sizeof kText - 1);
  _exit(kInterrupted);
}

}  // namespace

InterruptHandler::InterruptHandler(double grace_seconds) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "a pipe for signals");
  read_end = ends[0];
  write_end = ends[1];
  watcher_ = std::thread([this, grace_seconds] { Watch(grace_seconds); });
  SetHandler(OnSignal);
}

InterruptHandler::~InterruptHandler() {
  SetHandler(SIG_DFL);
  [[maybe_unused]] const auto written = write(write_end.load(), &kQuit, 1);
  watcher_.join();
  close(write_end.exchange(-1));
  close(read_end);
}

void InterruptHandler::Watch(double grace_seconds) {
  int timeout_ms = -1;  // Until the first signal: for ever.
  while (true) {
    pollfd ready{read_end, POLLIN, 0};
    const int count = poll(&ready, 1, timeout_ms);
    if (count < 0 && errno == EINTR) continue;
    char byte = kSignal;
    if (count > 0 && read(read_end, &byte, 1) == 1 && byte == kQuit) return;
    if (stop_.stop_requested()) End();
    stop_.request_stop();
    timeout_ms = static_cast<int>(grace_seconds * 1000);
  }
}

}  // namespace occvla::cli
