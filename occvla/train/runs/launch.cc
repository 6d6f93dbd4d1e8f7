#include "occvla/train/runs/launch.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <optional>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/train/runs/child_process.h"
#include "occvla/train/runs/line_socket.h"

namespace occvla::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLastLines = 12;
constexpr int kDevice = 5;  // What a rank ends with that saw another one vanish.

struct Rank {
  ChildProcess process;
  std::deque<std::string> last_lines;
};

// "2026-11-28T05:13:26.123 info train: ..." is what a rank other than 0 keeps to itself.
bool IsBelowWarning(std::string_view line) {
  constexpr std::string_view kTime = "2026-11-28T05:13:26.123";
  return line.size() > kTime.size() && line[10] == 'T' &&
         line.substr(kTime.size()).starts_with(" info ");
}

std::string Ending(int ended) {
  if (ended >= 0) return "ended with exit code " + std::to_string(ended);
  const char* name = sigdescr_np(-ended);
  return "was ended by signal " + std::to_string(-ended) +
         (name ? std::string(" (") + name + ")" : "");
}

class Launch {
 public:
  Launch(const LaunchOptions& options, const std::function<void(std::string_view)>& line)
      : options_(options), line_(line) {
    const auto port = std::to_string(FreePort());
    const auto cores = std::max(1u, std::thread::hardware_concurrency());
    const auto share = std::max(1u, cores / static_cast<unsigned>(options.ranks));
    for (int rank = 0; rank < options.ranks; ++rank) {
      std::vector<std::pair<std::string, std::string>> variables{
          {"RANK", std::to_string(rank)},
          {"WORLD_SIZE", std::to_string(options.ranks)},
          {"LOCAL_RANK", std::to_string(rank)},
          {"MASTER_ADDR", "127.0.0.1"},
          {"MASTER_PORT", port},
          {"TORCHELASTIC_USE_AGENT_STORE", ""}};
      if (std::getenv("OMP_NUM_THREADS") == nullptr)
        variables.emplace_back("OMP_NUM_THREADS", std::to_string(share));
      const auto output =
          rank == 0 ? ChildProcess::Output::kInherit : ChildProcess::Output::kCapture;
      ranks_.push_back({ChildProcess(options.command, variables, output), {}});
    }
  }

  LaunchResult Run(const std::stop_token& stop) {
    bool asked = false;
    std::optional<Clock::time_point> next_signal;
    int signal = SIGTERM;
    while (Running()) {
      Sleep();
      ForwardAll();
      if (!first_failed_) first_failed_ = FirstFailed();
      if (stop.stop_requested() && !asked) {
        asked = true;
        SignalAll(SIGTERM);
      }
      if (first_failed_ && !next_signal) next_signal = Clock::now() + options_.grace;
      if (next_signal && Clock::now() > *next_signal) {
        SignalAll(signal);
        signal = SIGKILL;
        next_signal = Clock::now() + options_.grace;
      }
    }
    ForwardAll();
    if (!first_failed_) first_failed_ = FirstFailed();
    return Result();
  }

 private:
  bool Running() {
    return std::any_of(ranks_.begin(), ranks_.end(),
                       [](Rank& rank) { return !rank.process.Ended(); });
  }

  void Sleep() {
    std::vector<pollfd> watched;
    for (const auto& rank : ranks_)
      if (rank.process.output() >= 0) watched.push_back({rank.process.output(), POLLIN, 0});
    // A pipe closes with its process, so most ends wake this up; the rest is seen soon after.
    poll(watched.data(), watched.size(), 20);
  }

  void ForwardAll() {
    for (size_t i = 1; i < ranks_.size(); ++i) {
      for (const auto& text : ranks_[i].process.ReadLines()) {
        auto& last = ranks_[i].last_lines;
        last.push_back(Printable(text, 2000));
        if (last.size() > kLastLines) last.pop_front();
        if (!IsBelowWarning(text)) line_("[rank " + std::to_string(i) + "] " + last.back());
      }
    }
  }

  // Of several that ended since the last look: a killed one before one that noticed it.
  std::optional<size_t> FirstFailed() {
    const auto weight = [&](size_t i) {
      const int ended = ranks_[i].process.Ended().value_or(0);
      return ended == 0 ? 0 : ended == 6 ? 1 : ended == kDevice ? 2 : ended > 0 ? 3 : 4;
    };
    size_t heaviest = 0;
    for (size_t i = 1; i < ranks_.size(); ++i)
      if (weight(i) > weight(heaviest)) heaviest = i;
    if (weight(heaviest) == 0) return std::nullopt;
    return heaviest;
  }

  void SignalAll(int signal) {
    for (auto& rank : ranks_) rank.process.Signal(signal);
  }

  LaunchResult Result() {
    if (!first_failed_) return {};
    auto& failed = ranks_[*first_failed_];
    const int ended = failed.process.Wait();
    LaunchResult result;
    result.exit_code = ended < 0 ? kDevice : ended;
    result.report = "rank " + std::to_string(*first_failed_) + " of " +
                    std::to_string(ranks_.size()) + " " + Ending(ended) + ".";
    if (failed.last_lines.empty()) return result;
    result.report += " Its last lines:";
    for (const auto& text : failed.last_lines) result.report += "\n  " + text;
    return result;
  }

  const LaunchOptions& options_;
  const std::function<void(std::string_view)>& line_;
  std::vector<Rank> ranks_;
  std::optional<size_t> first_failed_;
};

}  // namespace

LaunchResult LaunchRanks(const LaunchOptions& options, std::stop_token stop,
                         const std::function<void(std::string_view)>& line) {
  if (options.ranks < 1)
    throw ConfigError("the number of ranks must be at least 1, but is " +
                      std::to_string(options.ranks) + ".");
  return Launch(options, line).Run(stop);
}

std::string ThisProgram() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace occvla::train
