#include "occvla/train/frame_threads.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace occvla::train {

FrameThreads::FrameThreads(int workers, int threads) : workers_(std::max(1, workers)) {
  at::set_num_threads(std::max(1, threads));
  if (workers_ == 1) return;
  const int share = std::max(1, threads / workers_);
  for (int i = 0; i < workers_; ++i) {
    threads_.emplace_back([this, share] {
      at::set_num_threads(share);
      Work();
    });
  }
}

FrameThreads::~FrameThreads() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  changed_.notify_all();
}

void FrameThreads::Run(size_t count, const std::function<void(size_t)>& make,
                       const std::function<void(size_t)>& take) {
  if (workers_ == 1) {
    for (size_t i = 0; i < count; ++i) {
      make(i);
      take(i);
    }
    return;
  }
  std::unique_lock lock(mutex_);
  count_ = count;
  started_ = taken_ = 0;
  failed_ = false;
  make_ = &make;
  take_ = &take;
  made_.assign(count, 0);
  errors_.assign(count, nullptr);
  changed_.notify_all();
  changed_.wait(lock, [&] { return running_ == 0 && (taken_ == count || failed_); });
  count_ = 0;
  for (const auto& error : errors_)
    if (error) std::rethrow_exception(error);
}

void FrameThreads::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] {
      return quit_ ||
             (started_ < count_ && !failed_ && started_ < taken_ + static_cast<size_t>(workers_));
    });
    if (quit_) return;
    WorkOn(lock);
  }
}

void FrameThreads::WorkOn(std::unique_lock<std::mutex>& lock) {
  const size_t i = started_++;
  ++running_;
  lock.unlock();
  std::exception_ptr error;
  try {
    (*make_)(i);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  made_[i] = 1;
  if (error) {
    errors_[i] = error;
    failed_ = true;
  }
  // Whoever comes by takes what is ready, so that the one who is slow holds nobody up.
  while (!taking_ && !failed_ && taken_ < count_ && made_[taken_]) {
    taking_ = true;
    const size_t next = taken_;
    lock.unlock();
    try {
      (*take_)(next);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    taking_ = false;
    if (error) {
      errors_[next] = error;
      failed_ = true;
      break;
    }
    ++taken_;
    changed_.notify_all();
  }
  --running_;
  changed_.notify_all();
}

}  // namespace occvla::train
