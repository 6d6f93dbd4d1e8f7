#include "occvla/serve/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "occvla/base/error.h"

namespace occvla::serve {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kForget = 0.1;  // Weight of the newest request in the mean time of one.

struct Job {
  infer::Request request;
  size_t place = 0;
  std::shared_ptr<const std::function<void(size_t, Outcome)>> on_end;

  void Fail(const char* why) const {
    (*on_end)(place, {{}, std::make_exception_ptr(BusyError(why))});
  }
};

bool IsCancelled(const Job& job) { return job.request.cancelled && *job.request.cancelled; }

}  // namespace

class Dispatcher::Impl {
 public:
  Impl(EngineCall engine, const DispatchLimits& limits)
      : engine_(std::move(engine)), limits_(limits), feeder_([this] { Feed(); }) {}

  ~Impl() {
    Close();
    Drain(0);
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    feeder_.join();
  }

  void Submit(std::vector<infer::Request> requests, std::function<void(size_t, Outcome)> on_end) {
    const auto shared =
        std::make_shared<const std::function<void(size_t, Outcome)>>(std::move(on_end));
    std::vector<Job> dropped;
    {
      std::lock_guard lock(mutex_);
      if (state_.closed) throw BusyError("the server is stopping");
      dropped = TakeCancelled();
      if (jobs_.size() + requests.size() > limits_.waiting) {
        state_.refused += requests.size();
      } else {
        for (size_t i = 0; i < requests.size(); ++i)
          jobs_.push_back({std::move(requests[i]), i, shared});
        requests.clear();
      }
    }
    changed_.notify_all();
    for (const auto& job : dropped) job.Fail("the request was cancelled");
    if (!requests.empty()) throw BusyError("as many requests wait as may; try again later");
  }

  void Close() {
    std::lock_guard lock(mutex_);
    state_.closed = true;
  }

  size_t Drain(double grace_s) {
    std::unique_lock lock(mutex_);
    const auto empty = [&] { return jobs_.empty() && !running_; };
    changed_.wait_for(lock, std::chrono::duration<double>(grace_s), empty);
    const size_t left = jobs_.size() + (running_ ? 1 : 0);
    const auto failed = std::exchange(jobs_, {});
    state_.cancelled += failed.size();
    if (running_) running_->store(true);
    lock.unlock();
    for (const auto& job : failed) job.Fail("the server stopped before this request's turn");
    lock.lock();
    changed_.wait(lock, empty);
    return left;
  }

  State state() const {
    std::lock_guard lock(mutex_);
    State state = state_;
    state.waiting = jobs_.size();
    state.running = running_ ? 1 : 0;
    state.wait_s = mean_s_ * static_cast<double>(state.waiting + state.running);
    return state;
  }

 private:
  // Whose client has left makes room for others. With the lock held.
  std::vector<Job> TakeCancelled() {
    std::vector<Job> dropped;
    for (auto& job : jobs_)
      if (IsCancelled(job)) dropped.push_back(job);
    std::erase_if(jobs_, IsCancelled);
    state_.cancelled += dropped.size();
    return dropped;
  }

  // The next job: see the class. Called with jobs waiting and the lock held.
  Job Take() {
    const auto same = [&](const Job& job) { return job.request.frame_key == key_; };
    auto next = jobs_.end();
    if (row_left_ > 0) next = std::find_if(jobs_.begin(), jobs_.end(), same);
    if (next == jobs_.end()) {
      next = std::find_if_not(jobs_.begin(), jobs_.end(), same);
      if (next == jobs_.end()) next = jobs_.begin();
      key_ = next->request.frame_key;
      row_left_ = std::min<size_t>(
          limits_.in_a_row, static_cast<size_t>(std::count_if(jobs_.begin(), jobs_.end(), same)));
    }
    --row_left_;
    Job job = std::move(*next);
    jobs_.erase(next);
    return job;
  }

  void Feed() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      Job job = Take();
      running_ = job.request.cancelled ? job.request.cancelled
                                       : std::make_shared<std::atomic<bool>>(false);
      lock.unlock();
      Run(job);
      lock.lock();
      running_.reset();
      changed_.notify_all();
    }
  }

  void Run(Job& job) {
    const auto began = Clock::now();
    std::exception_ptr error;
    data::Prediction prediction;
    const bool dropped = IsCancelled(job);
    const auto cancelled = job.request.cancelled;
    try {
      if (dropped) throw BusyError("the request was cancelled");
      prediction = engine_(std::move(job.request)).get();
    } catch (...) {
      error = std::current_exception();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    {
      std::lock_guard lock(mutex_);
      if (!dropped) state_.busy_s += seconds;
      if (error) {
        ++(cancelled && *cancelled ? state_.cancelled : state_.failed);
      } else {
        const auto& timings = prediction.timings;
        ++state_.done;
        ++(timings.frame_cached ? state_.frames_cached : state_.frames_seen);
        state_.prompt_tokens += static_cast<uint64_t>(timings.prompt_tokens);
        state_.new_tokens += static_cast<uint64_t>(timings.new_tokens);
        mean_s_ = mean_s_ == 0 ? seconds : mean_s_ * (1 - kForget) + seconds * kForget;
      }
    }
    (*job.on_end)(job.place, {std::move(prediction), error});
  }

  const EngineCall engine_;
  const DispatchLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::shared_ptr<std::atomic<bool>> running_;  // Cancels what the engine works on.
  State state_;
  std::string key_;      // Of the last frame.
  size_t row_left_ = 0;  // Of those that waited on it when its turn came.
  double mean_s_ = 0;
  bool ending_ = false;
  std::thread feeder_;  // Last: it uses all of the above.
};

Dispatcher::Dispatcher(EngineCall engine, const DispatchLimits& limits)
    : impl_(std::make_unique<Impl>(std::move(engine), limits)) {}
Dispatcher::~Dispatcher() = default;

void Dispatcher::Submit(std::vector<infer::Request> requests,
                        std::function<void(size_t, Outcome)> on_end) {
  impl_->Submit(std::move(requests), std::move(on_end));
}
void Dispatcher::Close() { impl_->Close(); }
size_t Dispatcher::Drain(double grace_s) { return impl_->Drain(grace_s); }
Dispatcher::State Dispatcher::state() const { return impl_->state(); }

}  // namespace occvla::serve
