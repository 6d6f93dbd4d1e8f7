#include "occvla/train/ranks.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <sys/random.h>

#define USE_C10D_GLOO  // The wheel's headers show ProcessGroupGloo only so.
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/train/runs/line_socket.h"
#include "occvla/train/runs/rank_watch.h"

namespace occvla::train {
namespace {

using std::chrono::milliseconds;
using Tensors = std::vector<at::Tensor>;

// Small tensors travel together up to this size: below it a message's fixed cost is felt.
constexpr int64_t kBucketBytes = 8 << 20;
constexpr size_t kLongestText = 1 << 20;
// How long the reason of a broken connection is waited for.
constexpr milliseconds kReason{3000};

const char* const kAdvice =
    " Look at the log of that rank and at its machine, then start all ranks again with --resume.";

at::ScalarType SumType(at::ScalarType type) {
  return type == at::kHalf || type == at::kBFloat16 ? at::kFloat : type;
}

// Runs of neighbours of one type and device that fit a bucket; one that does not fit goes alone.
std::vector<Tensors> Buckets(const Tensors& tensors) {
  std::vector<Tensors> buckets;
  int64_t bytes = 0;
  for (const auto& tensor : tensors) {
    const auto more = static_cast<int64_t>(tensor.nbytes());
    const bool joins = !buckets.empty() && bytes + more <= kBucketBytes &&
                       buckets.back().back().scalar_type() == tensor.scalar_type() &&
                       buckets.back().back().device() == tensor.device();
    if (!joins) {
      buckets.emplace_back();
      bytes = 0;
    }
    buckets.back().push_back(tensor);
    bytes += more;
  }
  return buckets;
}

// Hands `work` a contiguous CPU tensor of all elements, and puts back what it left there.
void Flat(const Tensors& bucket, at::ScalarType type,
          const std::function<void(at::Tensor&)>& work) {
  const auto& first = bucket.front();
  const bool as_it_is =
      bucket.size() == 1 && first.is_contiguous() && first.is_cpu() && first.scalar_type() == type;
  if (as_it_is) {
    auto same = first.detach().view({-1});
    return work(same);
  }
  Tensors parts;
  for (const auto& tensor : bucket) parts.push_back(tensor.detach().reshape({-1}));
  auto flat = at::cat(parts).to(at::kCPU, type);
  work(flat);
  int64_t offset = 0;
  for (const auto& tensor : bucket) {
    tensor.detach().copy_(flat.narrow(0, offset, tensor.numel()).view(tensor.sizes()));
    offset += tensor.numel();
  }
}

std::string RandomToken() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    throw DeviceError("the system gives no random bytes.");
  std::string token;
  for (const auto byte : bytes)
    for (const int digit : {byte >> 4, byte & 15}) token += "0123456789abcdef"[digit];
  return token;
}

std::string FirstLine(const std::string& text) {
  return Printable(text.substr(0, text.find('\n')));
}

}  // namespace

class Ranks::Group {
 public:
  Group(const RankPlace& place, const Options& options)
      : place_(place), options_(options), exceptions_(std::uncaught_exceptions()) {
    Meet();
    thread_ = std::jthread([this] { Work(); });
  }

  ~Group() {
    if (std::uncaught_exceptions() > exceptions_ && failure_.empty() && watch_)
      watch_->SayStopped("an error ended it; its log says which");
    {
      const std::lock_guard lock(mutex_);
      quit_ = true;
    }
    changed_.notify_all();
  }

  const RankPlace& place() const { return place_; }
  c10d::ProcessGroupGloo& gloo() { return *gloo_; }
  RankWatch& watch() { return *watch_; }
  uint64_t summed_bytes() const { return summed_bytes_; }

  // Puts `job` behind what was started before; its errors come as DeviceError.
  std::future<void> Start(std::string what, std::function<void()> job) {
    std::promise<void> done;
    auto future = done.get_future();
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(what), std::move(job), std::move(done)});
    changed_.notify_all();
    return future;
  }

  void Run(std::string what, std::function<void()> job) {
    Start(std::move(what), std::move(job)).get();
  }

  void Sum(const Tensors& tensors) {
    for (const auto& bucket : Buckets(tensors)) {
      Flat(bucket, SumType(bucket.front().scalar_type()), [&](at::Tensor& flat) {
        options_.order == SumOrder::kTree ? SumByTree(flat) : SumByRing(flat);
        summed_bytes_ += flat.nbytes();
      });
    }
  }

  void Broadcast(const Tensors& tensors, int root) {
    for (const auto& bucket : Buckets(tensors)) {
      Flat(bucket, bucket.front().scalar_type(), [&](at::Tensor& flat) {
        c10d::BroadcastOptions from;
        from.rootRank = root;
        from.timeout = options_.timeout;
        // Bytes: Gloo does not know every type.
        Tensors bytes{flat.view(at::kByte)};
        gloo_->broadcast(bytes, from)->wait();
      });
    }
  }

  std::vector<std::string> Gather(const std::string& text) {
    const auto sizes = GatherTensor(at::full({1}, static_cast<int64_t>(text.size()), at::kLong));
    int64_t longest = 0;
    for (const auto& size : sizes) longest = std::max(longest, size.item<int64_t>());
    auto own = at::zeros({longest}, at::kByte);
    std::copy(text.begin(), text.end(), own.mutable_data_ptr<uint8_t>());
    std::vector<std::string> texts;
    const auto all = GatherTensor(own);
    for (size_t i = 0; i < all.size(); ++i)
      texts.emplace_back(reinterpret_cast<const char*>(all[i].const_data_ptr<uint8_t>()),
                         static_cast<size_t>(sizes[i].item<int64_t>()));
    return texts;
  }

  double Max(double value) {
    Tensors tensors{at::full({1}, value, at::kDouble)};
    c10d::AllreduceOptions highest;
    highest.reduceOp = c10d::ReduceOp::MAX;
    highest.timeout = options_.timeout;
    gloo_->allreduce(tensors, highest)->wait();
    return tensors.front().item<double>();
  }

 private:
  struct Job {
    std::string what;
    std::function<void()> work;
    std::promise<void> done;
  };

  void Work() {
    const c10::AutoGradMode no_gradients(false);
    for (uint64_t number = 1;; ++number) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return quit_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      try {
        Do(number, job);
        job.done.set_value();
      } catch (...) {
        job.done.set_exception(std::current_exception());
      }
    }
  }

  void Do(uint64_t number, const Job& job) {
    const auto what = "operation " + std::to_string(number) + " (" + job.what + ")";
    if (failure_.empty())
      if (const auto verdict = watch_->Verdict(); !verdict.empty()) Fail(verdict, what);
    if (!failure_.empty()) throw DeviceError(failure_);
    watch_->Begin(number);
    try {
      job.work();
    } catch (const std::exception& error) {
      // Gloo throws when a neighbour's connection ends or nothing comes for the timeout.
      const std::string text = error.what();
      auto verdict = watch_->Verdict();
      if (verdict.empty() && text.find("imed out") != text.npos) watch_->SayLate(number, what);
      if (verdict.empty()) verdict = watch_->Verdict(kReason);
      if (verdict.empty()) verdict = "a connection between ranks broke: " + FirstLine(text);
      Fail(verdict, what);
    }
  }

  [[noreturn]] void Fail(const std::string& verdict, const std::string& what) {
    failure_ = verdict + " (noticed by rank " + std::to_string(place_.rank) + " of " +
               std::to_string(place_.size) + " in " + what + ")." + kAdvice;
    throw DeviceError(failure_);
  }

  void SumByRing(at::Tensor& flat) {
    Tensors tensors{flat};
    c10d::AllreduceOptions sum;
    sum.timeout = options_.timeout;
    gloo_->allreduce(tensors, sum)->wait();
  }

  // Ranks beyond the greatest power of two give theirs to a partner and take its result.
  void SumByTree(at::Tensor& flat) {
    const int rank = place_.rank;
    const int size = static_cast<int>(std::bit_floor(static_cast<unsigned>(place_.size)));
    if (rank >= size) {
      Send(flat, rank - size);
      return Receive(flat, rank - size);
    }
    auto theirs = at::empty_like(flat);
    const bool has_partner = rank + size < place_.size;
    if (has_partner) {
      Receive(theirs, rank + size);
      flat.add_(theirs);
    }
    for (int bit = size / 2; bit > 0; bit /= 2) {
      // a + b and b + a are the same bits.
      Tensors in{theirs}, out{flat};
      const auto receiving = gloo_->recv(in, rank ^ bit, kTag);
      const auto sending = gloo_->send(out, rank ^ bit, kTag);
      receiving->wait(options_.timeout);
      sending->wait(options_.timeout);
      flat.add_(theirs);
    }
    if (has_partner) Send(flat, rank + size);
  }

  void Send(at::Tensor& tensor, int to) {
    Tensors tensors{tensor};
    gloo_->send(tensors, to, kTag)->wait(options_.timeout);
  }
  void Receive(at::Tensor& tensor, int from) {
    Tensors tensors{tensor};
    gloo_->recv(tensors, from, kTag)->wait(options_.timeout);
  }

  Tensors GatherTensor(const at::Tensor& own) {
    Tensors in{own};
    std::vector<Tensors> out(1);
    for (int i = 0; i < place_.size; ++i) out.front().push_back(at::empty_like(own));
    c10d::AllgatherOptions gather;
    gather.timeout = options_.timeout;
    gloo_->allgather(out, in, gather)->wait();
    return out.front();
  }

  std::string MeetingPoint() const { return place_.address + ":" + std::to_string(place_.port); }

  void Meet() {
    try {
      const auto store = OpenStore(std::chrono::steady_clock::now() + options_.meeting);
      OpenWatch(*store);
      watch_->WaitForAll(options_.meeting);
      auto options = c10d::ProcessGroupGloo::Options::create(options_.meeting);
      options->threads = 1;  // One operation at a time.
      options->devices.push_back(Device());
      gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store, place_.rank, place_.size, options);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      auto verdict = watch_ ? watch_->Verdict(kReason) : "";
      if (verdict.empty()) verdict = FirstLine(error.what());
      throw DeviceError("ranks cannot meet at " + MeetingPoint() + ": " + verdict + "." + kAdvice);
    }
  }

  c10::intrusive_ptr<c10d::Store> OpenStore(std::chrono::steady_clock::time_point deadline) {
    const bool serves = place_.rank == 0 && !place_.agent_serves;
    // Asked first whether somebody answers: the store would complain to stderr while it tries.
    if (!serves && !ConnectTo(place_.address, place_.port, deadline))
      throw DeviceError("rank 0 does not answer at " + MeetingPoint() + " within " +
                        std::to_string(options_.meeting.count() / 1000) +
                        " s. Is it running, are address and port the same on all ranks, and does a "
                        "firewall let them through?");
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(place_.port);
    options.isServer = serves;
    options.waitWorkers = false;
    options.timeout = options_.meeting;
    try {
      c10::intrusive_ptr<c10d::Store> store =
          c10::make_intrusive<c10d::TCPStore>(place_.address, options);
      return c10::make_intrusive<c10d::PrefixStore>("occvla/" + place_.attempt, store);
    } catch (const std::exception& error) {
      if (!serves) throw;
      throw DeviceError("rank 0 cannot listen at " + MeetingPoint() + ": " +
                        FirstLine(error.what()) +
                        ". Set MASTER_PORT to a free port of this machine on all ranks.");
    }
  }

  void OpenWatch(c10d::Store& store) {
    RankWatch::Options options{.rank = place_.rank,
                               .size = place_.size,
                               .address = place_.address,
                               .port = 0,
                               .token = "",
                               .silence = options_.timeout,
                               .heartbeat = options_.heartbeat};
    if (place_.rank == 0) {
      options.token = RandomToken();
      watch_ = std::make_unique<RankWatch>(options);
      store.set("watch", std::to_string(watch_->port()) + " " + options.token);
      return;
    }
    const auto text = store.get_to_str("watch");
    const auto space = text.find(' ');
    options.port = std::atoi(text.substr(0, space).c_str());
    options.token = text.substr(space + 1);
    watch_ = std::make_unique<RankWatch>(options);
  }

  std::shared_ptr<::gloo::transport::Device> Device() const {
    if (!place_.interface.empty())
      return c10d::ProcessGroupGloo::createDeviceForInterface(place_.interface);
    const auto own = AddressTowards(place_.address);
    // Rank 0's own name may lead to its loopback, where other machines do not find it.
    const bool loopback = own.starts_with("127.") || own == "::1";
    const bool meant = place_.address.starts_with("127.") || place_.address == "localhost" ||
                       place_.address == "::1";
    if (own.empty() || (loopback && !meant)) return c10d::ProcessGroupGloo::createDefaultDevice();
    return c10d::ProcessGroupGloo::createDeviceForHostname(own);
  }

  static constexpr int kTag = 0;

  const RankPlace place_;
  const Options options_;
  const int exceptions_;
  std::unique_ptr<RankWatch> watch_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool quit_ = false;
  std::string failure_;  // Of the thread below.
  std::atomic<uint64_t> summed_bytes_ = 0;
  std::jthread thread_;  // Last: it uses all of the above.
};

Ranks::Ranks(const RankPlace& place, const Options& options) {
  if (place.size > 1) group_ = std::make_unique<Group>(place, options);
}
Ranks::~Ranks() = default;

int Ranks::rank() const { return group_ ? group_->place().rank : 0; }
int Ranks::size() const { return group_ ? group_->place().size : 1; }
uint64_t Ranks::summed_bytes() const { return group_ ? group_->summed_bytes() : 0; }

void Ranks::Sum(Tensors tensors) { StartSum(std::move(tensors)).get(); }

std::future<void> Ranks::StartSum(Tensors tensors) {
  if (group_)
    return group_->Start(
        "sum", [group = group_.get(), tensors = std::move(tensors)] { group->Sum(tensors); });
  std::promise<void> done;
  done.set_value();
  return done.get_future();
}

void Ranks::Broadcast(Tensors tensors, int root) {
  if (group_) group_->Run("broadcast", [&] { group_->Broadcast(tensors, root); });
}

void Ranks::BroadcastOwned(Tensors tensors, const std::vector<int>& owners) {
  TORCH_CHECK(tensors.size() == owners.size(), tensors.size(), " tensors but ", owners.size(),
              " owners");
  if (!group_) return;
  std::map<int, Tensors> by_owner;
  for (size_t i = 0; i < tensors.size(); ++i) by_owner[owners[i]].push_back(tensors[i]);
  group_->Run("broadcast by owner", [&] {
    for (const auto& [owner, owned] : by_owner) group_->Broadcast(owned, owner);
  });
}

void Ranks::Barrier() { Max(0); }

std::vector<std::string> Ranks::Gather(const std::string& text) {
  TORCH_CHECK(text.size() <= kLongestText, "a text of ", text.size(), " bytes is too long");
  std::vector<std::string> texts{text};
  if (group_) group_->Run("gather", [&] { texts = group_->Gather(text); });
  return texts;
}

double Ranks::Max(double value) {
  if (group_) group_->Run("maximum", [&] { value = group_->Max(value); });
  return value;
}

void Ranks::RequireEqual(const std::string& what, const std::string& text) {
  const auto texts = Gather(text);
  std::map<std::string, std::vector<int>> by_text;
  for (size_t i = 0; i < texts.size(); ++i) by_text[texts[i]].push_back(static_cast<int>(i));
  if (by_text.size() == 1) return;
  std::string message = "ranks have different " + what + ":";
  for (const auto& [found, ranks] : by_text)
    message += "\n  - " + RanksText(ranks) + ": " + Quoted(found);
  throw ConfigError(message + "\nStart all ranks with the same config and the same data.");
}

void Ranks::Stop(const std::string& cause) noexcept {
  try {
    if (group_) group_->watch().SayStopped(cause);
  } catch (const std::exception&) {
    // The others learn it when this process ends.
  }
}

}  // namespace occvla::train
