#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace occvla {
class Progress;
}

namespace occvla::train {

struct StepRates {
  double samples_per_s = 0, tokens_per_s = 0, steps_per_s = 0;
  double waiting_share = 0;  ///< Of the steps' time, 0 to 1: spent waiting for data.
  double left_s = 0;         ///< To the last step, as this process went so far, pauses included.
};

/// Measures how fast a training loop goes. Steps follow one another; what is marked as a pause
/// (validation, checkpoints) is no part of a step. One thread.
class StepMeter {
 public:
  using Clock = std::function<double()>;  ///< Seconds that only grow.
  static double SteadySeconds();

  /// `done` of `steps` were done before this process began.
  StepMeter(int64_t done, int64_t steps, Clock clock = SteadySeconds);

  /// A stretch of time that ends with the scope.
  class [[nodiscard]] Stretch {
   public:
    Stretch(const Clock& clock, double* sum) : clock_(clock), sum_(sum), start_(clock()) {}
    ~Stretch() { *sum_ += clock_() - start_; }
    Stretch(const Stretch&) = delete;
    Stretch& operator=(const Stretch&) = delete;

   private:
    const Clock& clock_;  // The meter's, which outlives it.
    double* sum_;
    double start_;
  };
  /// `{ const auto waiting = meter.Waiting(); batch = queue.Pop(); }`
  Stretch Waiting() { return {clock_, &waiting_}; }
  /// `{ const auto pause = meter.Pause(); Validate(); }`; between steps.
  Stretch Pause() { return {clock_, &paused_}; }

  /// A step has ended that took `samples` frames and `tokens` tokens (of all ranks).
  void StepDone(int64_t samples, int64_t tokens);

  int64_t done() const { return done_; }
  int64_t steps() const { return steps_; }
  /// Over the latest steps, at most kWindow; zeros before the first.
  StepRates Rates() const;
  /// {"samples_per_s", "tokens_per_s", "steps_per_s", "waiting_share"} for RunFolder::Log.
  std::map<std::string, double> Values() const;
  /// "12.3 samples/s  4.1k tokens/s  0.4 % waiting  5 min 20 s left".
  std::string Text() const;

  static constexpr size_t kWindow = 100;

 private:
  struct Step {
    double seconds = 0, waiting = 0;
    int64_t samples = 0, tokens = 0;
  };

  Clock clock_;
  int64_t before_, done_, steps_;
  double begin_, last_;              // When this process began; when the last step ended.
  double waiting_ = 0, paused_ = 0;  // Since then.
  std::deque<Step> window_;
};

/// Shows a loop on stderr: a bar on a terminal; elsewhere one log line at once and then every
/// `log_every_s` seconds. One thread.
class StepProgress {
 public:
  /// `meter` outlives it. `label` is the stage's name.
  StepProgress(std::string label, const StepMeter& meter, double log_every_s = 30);
  ~StepProgress();
  StepProgress(const StepProgress&) = delete;
  StepProgress& operator=(const StepProgress&) = delete;

  /// After each step; `values` are numbers to show first, like {"loss", 1.5}.
  void Show(const std::map<std::string, double>& values);

 private:
  std::string label_;
  const StepMeter& meter_;
  double log_every_s_;
  double logged_at_ = -1;
  std::unique_ptr<Progress> bar_;
};

}  // namespace occvla::train
