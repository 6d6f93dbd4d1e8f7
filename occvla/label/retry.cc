#include "occvla/label/retry.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <string>

#include "occvla/base/rng.h"

namespace occvla::label {

double SystemClock::Now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

bool SystemClock::Wait(double seconds, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
  return !stop.stop_requested();
}

double Backoff::WaitBefore(int64_t retry, std::string_view key,
                           std::optional<double> retry_after) const {
  const double doubled =
      first_wait * std::exp2(static_cast<double>(std::min<int64_t>(retry, 60) - 1));
  Rng rng(static_cast<uint64_t>(retry), "retry " + std::string(key));
  const double wait = std::min(doubled, longest_wait) * (0.5 + 0.5 * rng.Uniform());
  return std::max(wait, retry_after.value_or(0));
}

std::optional<double> ParseRetryAfter(std::string_view value, double now) {
  if (value.empty() || value.size() > 40) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string_view::npos) {
    if (value.size() > 9) return std::nullopt;
    return std::stod(std::string(value));
  }
  tm date = {};
  const std::string text(value);  // strptime points into it.
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::max(0.0, static_cast<double>(timegm(&date)) - now);
}

}  // namespace occvla::label
