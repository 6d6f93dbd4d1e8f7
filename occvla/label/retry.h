#pragma once
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

namespace occvla::label {

/// The time, and waiting by it. Tests bring one that does not wait.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Seconds since 1970, UTC.
  virtual double Now() = 0;
  /// False when `stop` was asked for before the seconds were over.
  virtual bool Wait(double seconds, const std::stop_token& stop) = 0;
};

/// The machine's. Any thread.
class SystemClock final : public Clock {
 public:
  double Now() override;
  bool Wait(double seconds, const std::stop_token& stop) override;
};

/// Exponential backoff: before retry n = 1, 2, ... the wait is `first_wait` 2^(n-1), at most
/// `longest_wait`, times a factor from 0.5 to 1 that depends on `key` and n alone. A server that
/// asked for more (Retry-After) gets it.
struct Backoff {
  double first_wait = 1;     ///< Seconds.
  double longest_wait = 60;  ///< Seconds; bounds the doubling, not what a server asks for.

  double WaitBefore(int64_t retry, std::string_view key, std::optional<double> retry_after) const;
};

/// The header Retry-After (RFC 9110, 10.2.3): whole seconds or an HTTP date, as seconds from `now`,
/// not below 0. Nothing for anything else.
std::optional<double> ParseRetryAfter(std::string_view value, double now);

}  // namespace occvla::label
