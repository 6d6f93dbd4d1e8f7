#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "occvla/serve/dispatcher.h"
#include "occvla/serve/http_server.h"

namespace occvla::serve {

/// Counts what the server did, for Prometheus. Any thread.
class Metrics {
 public:
  void Count(const Exchange& exchange);

  /// The text of GET /metrics (format 0.0.4). Memory is the process's own.
  std::string Text(const Dispatcher::State& engine, size_t connections) const;

 private:
  static constexpr std::array<double, 12> kBounds_s = {0.005, 0.02, 0.05, 0.1, 0.2, 0.5,
                                                       1,     2,    5,    10,  30,  60};
  struct Times {
    std::array<uint64_t, kBounds_s.size()> below{};
    uint64_t count = 0;
    double sum_s = 0;
  };
  struct Kind {
    std::string method, route;
    int status;
    friend auto operator<=>(const Kind&, const Kind&) = default;
  };

  mutable std::mutex mutex_;
  std::map<Kind, uint64_t> requests_;
  std::map<std::string, Times> times_;  // By route.
  uint64_t body_bytes_ = 0;
  const std::chrono::system_clock::time_point began_ = std::chrono::system_clock::now();
};

/// A path without what varies in it, so that clients cannot make new series: /v1/frames/TOKEN is
/// /v1/frames; what the server does not know is "other".
std::string RouteOf(const std::string& path);

}  // namespace occvla::serve
