#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

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
  /// What was done before this process began: it counts as done, not into the rate. Before `Add`.
  void StartAt(uint64_t done);
  /// Stands on the line in place of rate and time left, for work that knows better; drawn with the
  /// next `Add`.
  void Note(std::string text) { note_ = std::move(text); }
  bool terminal() const { return terminal_; }
  /// The line as it would be drawn after `elapsed` seconds; for tests and logs.
  std::string Line(double elapsed_seconds, int columns) const;

 private:
  std::string label_, unit_, note_;
  uint64_t total_ = 0, done_ = 0, before_ = 0;
  bool terminal_ = false, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace occvla
