#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace occvla {

/// A progress bar on stderr with rate and time left: `label  37% [####....] 120/324 frames  12.4/s
/// 16 s left`. Draws only on a terminal, and only once the work has lasted half a second; elsewhere
/// silent. One thread.
class Progress {
 public:
  Progress(std::string label, uint64_t total, std::string unit);
  ~Progress();  ///< Clears the line.
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Add(uint64_t done = 1);
  /// The line as it would be drawn after `elapsed` seconds; for tests and logs.
  std::string Line(double elapsed_seconds, int columns) const;

 private:
  std::string label_, unit_;
  uint64_t total_ = 0, done_ = 0;
  bool terminal_ = false, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace occvla
