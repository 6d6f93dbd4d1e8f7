#include "occvla/train/runs/rank_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/train/runs/line_socket.h"

namespace occvla::train {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLastWords{1000};

std::string Seconds(milliseconds time) {
  const auto whole = time.count() / 1000, tenths = time.count() % 1000 / 100;
  return std::to_string(whole) + (tenths ? "." + std::to_string(tenths) : "") + " s";
}

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A cause may have several lines, a message has one.
std::string Folded(std::string text) {
  std::replace(text.begin(), text.end(), '\n', '\x1f');
  return text;
}
std::string Unfolded(std::string text) {
  std::replace(text.begin(), text.end(), '\x1f', '\n');
  return text;
}

struct Peer {
  LineSocket socket;
  int rank = -1;  // Not introduced yet.
  Clock::time_point heard = Clock::now();
  uint64_t operation = 0;
  bool left = false;   // In good order.
  bool knows = false;  // Has heard the verdict.
};

}  // namespace

std::string RanksText(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (i > 0) text += i + 1 == ranks.size() ? " and " : ", ";
    text += std::to_string(ranks[i]);
  }
  return text;
}

class RankWatch::Impl {
 public:
  explicit Impl(const Options& options)
      : options_(options), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_) throw DeviceError("no event descriptor is left. Raise the limit (ulimit -n).");
    if (options.rank == 0) listener_ = ListenAt(options.address);
    thread_ = std::jthread([this] { options_.rank == 0 ? Serve() : Follow(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      leaving_ = Clock::now();
    }
    Wake();
  }

  int port() const { return options_.rank == 0 ? listener_.port : options_.port; }

  void WaitForAll(milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return all_came_ || !verdict_.empty(); });
    if (all_came_ && verdict_.empty()) return;
    if (verdict_.empty() && options_.rank == 0) {
      std::vector<int> missing;
      for (int rank = 1; rank < options_.size; ++rank)
        if (std::find(came_.begin(), came_.end(), rank) == came_.end()) missing.push_back(rank);
      verdict_ = RanksText(missing) + " of " + std::to_string(options_.size) + " did not come to " +
                 options_.address + " within " + Seconds(timeout);
      Wake();
    }
    // Rank 0 knows who is missing and tells.
    changed_.wait_for(lock, kLastWords, [&] { return !verdict_.empty(); });
    if (verdict_.empty())
      verdict_ = "rank 0 did not answer at " + options_.address + " within " + Seconds(timeout);
    throw DeviceError("ranks cannot meet: " + verdict_ + ".");
  }

  void Begin(uint64_t number) {
    const std::lock_guard lock(mutex_);
    operation_ = number;
  }

  void SayLate(uint64_t number, const std::string& what) {
    const std::lock_guard lock(mutex_);
    operation_ = number;
    if (options_.rank == 0)
      NoteLate(number, what);
    else
      unsent_.push_back("late " + std::to_string(number) + " " + Folded(what));
    Wake();
  }

  void SayStopped(const std::string& cause) {
    const std::lock_guard lock(mutex_);
    if (options_.rank == 0)
      Decide("rank 0 stopped: " + cause);
    else
      unsent_.push_back("stop " + Folded(cause));
    Wake();
  }

  std::string Verdict(milliseconds grace) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, grace, [&] { return !verdict_.empty(); });
    return verdict_;
  }

 private:
  void Wake() {
    const uint64_t one = 1;
    // A full counter wakes as well.
    [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
  }

  // The first cause stands: what follows is mostly its consequence.
  void Decide(const std::string& verdict) {
    if (verdict_.empty()) verdict_ = verdict;
    changed_.notify_all();
  }

  void NoteLate(uint64_t number, const std::string& what) {
    std::vector<int> late;
    if (operation_ < number) late.push_back(0);
    for (const auto& peer : peers_)
      if (peer.rank > 0 && peer.operation < number) late.push_back(peer.rank);
    std::sort(late.begin(), late.end());
    if (late.empty())
      Decide("all ranks came to " + what +
             ", but it did not end: the network between them is cut "
             "or too slow");
    else
      Decide(RanksText(late) + " did not come to " + what + ", where others waited");
  }

  // Sleeps until something comes or it is time to say that we are alive.
  void Sleep(std::vector<pollfd> watched) {
    watched.push_back({wake_.get(), POLLIN, 0});
    poll(watched.data(), watched.size(), static_cast<int>(options_.heartbeat.count()));
    uint64_t count;
    [[maybe_unused]] const auto got = read(wake_.get(), &count, sizeof count);
  }

  void Serve() {
    std::unique_lock lock(mutex_);
    for (bool told = false, all_told = false;;) {
      std::vector<pollfd> watched{{listener_.socket.get(), POLLIN, 0}};
      for (const auto& peer : peers_) watched.push_back({peer.socket.fd(), POLLIN, 0});
      lock.unlock();
      Sleep(std::move(watched));
      lock.lock();
      while (auto connection = Accept(listener_)) {
        // Strangers cannot crowd the ranks out for longer than they keep knocking.
        if (peers_.size() > static_cast<size_t>(options_.size) * 2 + 16) break;
        peers_.push_back({LineSocket(std::move(*connection))});
      }
      for (auto& peer : peers_) Hear(peer);
      std::erase_if(peers_, [](const Peer& peer) { return !peer.socket.open(); });
      if (!all_told && all_came_) TellAll("all");
      all_told = all_came_;
      if (!told && !verdict_.empty()) TellAll("verdict " + Folded(verdict_));
      told = !verdict_.empty();
      TellAll(".");
      if (leaving_ && ServerMayLeave()) break;
    }
    TellAll("bye");
  }

  void TellAll(const std::string& line) {
    for (auto& peer : peers_)
      if (peer.rank > 0) peer.socket.Write(line);
  }

  bool ServerMayLeave() const {
    return verdict_.empty() || Clock::now() > *leaving_ + kLastWords ||
           std::all_of(peers_.begin(), peers_.end(),
                       [](const Peer& peer) { return peer.rank < 0 || peer.knows; });
  }

  void Hear(Peer& peer) {
    for (const auto& line : peer.socket.Read()) {
      peer.heard = Clock::now();
      if (peer.rank < 0)
        Introduce(peer, line);
      else
        Understand(peer, line);
    }
    if (peer.rank < 0) {
      if (Clock::now() - peer.heard > options_.silence) peer.socket.Close();
    } else if (!peer.socket.open()) {
      if (!peer.left)
        Decide("rank " + std::to_string(peer.rank) + " vanished: its process ended without a word");
    } else if (Clock::now() - peer.heard > options_.silence) {
      Decide("rank " + std::to_string(peer.rank) + " was not heard for " +
             Seconds(options_.silence) + ": it is stopped or cut off");
      peer.socket.Close();
    }
  }

  void Introduce(Peer& peer, const std::string& line) {
    const std::string greeting = "occvla " + options_.token + " ";
    const auto rank =
        line.starts_with(greeting) ? Number(line.substr(greeting.size())) : std::nullopt;
    if (!rank || *rank < 1 || *rank >= static_cast<uint64_t>(options_.size))
      return peer.socket.Close();
    const int number = static_cast<int>(*rank);
    if (std::find(came_.begin(), came_.end(), number) != came_.end()) {
      Decide("two processes came as rank " + std::to_string(number));
      peer.socket.Write("verdict " + verdict_);
      return peer.socket.Close();
    }
    peer.rank = number;
    came_.push_back(number);
    all_came_ = came_.size() + 1 == static_cast<size_t>(options_.size);
    changed_.notify_all();
    if (!verdict_.empty()) peer.socket.Write("verdict " + Folded(verdict_));
  }

  void Understand(Peer& peer, const std::string& line) {
    if (line == "bye") {
      peer.left = peer.knows = true;
    } else if (line == "known") {
      peer.knows = true;
    } else if (line.starts_with("stop ")) {
      peer.left = true;
      Decide("rank " + std::to_string(peer.rank) + " stopped: " + Unfolded(line.substr(5)));
    } else if (line.starts_with("late ")) {
      const auto space = line.find(' ', 5);
      const auto number = Number(line.substr(5, space - 5));
      if (number && space != line.npos)
        NoteLate(peer.operation = *number, Unfolded(line.substr(space + 1)));
    } else if (line.starts_with(".")) {
      peer.operation = Number(line.substr(1)).value_or(peer.operation);
    }
  }

  void Follow() {
    auto connection = ConnectUntilLeaving();
    std::unique_lock lock(mutex_);
    if (!connection) return;
    LineSocket server(std::move(*connection));
    server.Write("occvla " + options_.token + " " + std::to_string(options_.rank));
    auto heard = Clock::now();
    while (!leaving_) {
      lock.unlock();
      Sleep({{server.fd(), POLLIN, 0}});
      lock.lock();
      for (const auto& line : server.Read()) {
        heard = Clock::now();
        if (line == "bye") return;
        if (line == "all") all_came_ = true;
        if (line.starts_with("verdict ")) {
          Decide(Unfolded(line.substr(8)));
          server.Write("known");
        }
        changed_.notify_all();
      }
      if (!server.open()) return Decide("rank 0 vanished: its process ended without a word");
      if (Clock::now() - heard > options_.silence)
        return Decide("rank 0 was not heard for " + Seconds(options_.silence) +
                      ": it is stopped or cut off");
      Flush(server);
    }
    Flush(server);
    server.Write("bye");
  }

  void Flush(LineSocket& server) {
    for (const auto& line : unsent_) server.Write(line);
    unsent_.clear();
    server.Write("." + std::to_string(operation_));
  }

  std::optional<Descriptor> ConnectUntilLeaving() {
    for (;;) {
      auto connection =
          ConnectTo(options_.address, options_.port, Clock::now() + milliseconds(200));
      const std::lock_guard lock(mutex_);
      if (connection || leaving_) return connection;
    }
  }

  const Options options_;
  Listener listener_;
  Descriptor wake_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string verdict_;
  std::vector<Peer> peers_;          // Of rank 0.
  std::vector<int> came_;            // Of rank 0.
  std::vector<std::string> unsent_;  // Of the others.
  uint64_t operation_ = 0;
  bool all_came_ = false;
  std::optional<Clock::time_point> leaving_;
  std::jthread thread_;  // Last: it uses all of the above.
};

RankWatch::RankWatch(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
RankWatch::~RankWatch() = default;
int RankWatch::port() const { return impl_->port(); }
void RankWatch::WaitForAll(std::chrono::milliseconds timeout) { impl_->WaitForAll(timeout); }
void RankWatch::Begin(uint64_t number) { impl_->Begin(number); }
void RankWatch::SayLate(uint64_t number, const std::string& what) { impl_->SayLate(number, what); }
void RankWatch::SayStopped(const std::string& cause) { impl_->SayStopped(cause); }
std::string RankWatch::Verdict(std::chrono::milliseconds grace) const {
  return impl_->Verdict(grace);
}

}  // namespace occvla::train
