#pragma once
#include <stop_token>
#include <thread>

namespace occvla::cli {

/// Turns SIGINT and SIGTERM into a stop request while it lives. A verb that polls ends by itself
/// and tidily; whatever has not ended `grace_seconds` later, or gets a second signal, ends at once
/// with exit code 6. One at a time in a process; children that the program starts keep the default
/// action.
class InterruptHandler {
 public:
  explicit InterruptHandler(double grace_seconds = 3);
  ~InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void Watch(double grace_seconds);

  std::stop_source stop_;
  std::thread watcher_;
};

}  // namespace occvla::cli
