#include "occvla/train/runs/step_meter.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "occvla/base/log.h"
#include "occvla/base/progress.h"

namespace occvla::train {
namespace {

template <typename... Values>
std::string Format(const char* format, Values... values) {
  char text[64];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// "4.1k", three digits or so.
std::string CountText(double count) {
  if (count < 100) return Format("%.1f", count);
  if (count < 1000) return Format("%.0f", count);
  if (count < 1e6) return Format(count < 1e5 ? "%.1fk" : "%.0fk", count / 1e3);
  return Format("%.1fM", count / 1e6);
}

std::string DurationText(double seconds) {
  const auto whole = static_cast<long long>(std::min(seconds + 0.5, 3.6e6));
  if (whole < 60) return Format("%lld s", whole);
  if (whole < 3600) return Format("%lld min %02lld s", whole / 60, whole % 60);
  return Format("%lld h %02lld min", whole / 3600, whole / 60 % 60);
}

}  // namespace

double StepMeter::SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

StepMeter::StepMeter(int64_t done, int64_t steps, Clock clock)
    : clock_(std::move(clock)), before_(done), done_(done), steps_(steps) {
  begin_ = last_ = clock_();
}

void StepMeter::StepDone(int64_t samples, int64_t tokens) {
  const double now = clock_();
  window_.push_back({now - last_ - paused_, waiting_, samples, tokens});
  if (window_.size() > kWindow) window_.pop_front();
  last_ = now;
  waiting_ = paused_ = 0;
  ++done_;
}

StepRates StepMeter::Rates() const {
  Step sum;
  for (const Step& step : window_) {
    sum.seconds += step.seconds;
    sum.waiting += step.waiting;
    sum.samples += step.samples;
    sum.tokens += step.tokens;
  }
  StepRates rates;
  if (!(sum.seconds > 0)) return rates;
  rates.samples_per_s = static_cast<double>(sum.samples) / sum.seconds;
  rates.tokens_per_s = static_cast<double>(sum.tokens) / sum.seconds;
  rates.steps_per_s = static_cast<double>(window_.size()) / sum.seconds;
  rates.waiting_share = sum.waiting / sum.seconds;
  rates.left_s = (last_ - begin_) / static_cast<double>(done_ - before_) *
                 static_cast<double>(std::max<int64_t>(steps_ - done_, 0));
  return rates;
}

std::map<std::string, double> StepMeter::Values() const {
  const StepRates rates = Rates();
  return {{"samples_per_s", rates.samples_per_s},
          {"tokens_per_s", rates.tokens_per_s},
          {"steps_per_s", rates.steps_per_s},
          {"waiting_share", rates.waiting_share}};
}

std::string StepMeter::Text() const {
  const StepRates rates = Rates();
  return CountText(rates.samples_per_s) + " samples/s  " + CountText(rates.tokens_per_s) +
         " tokens/s  " + Format("%.1f", 100 * rates.waiting_share) + " % waiting  " +
         DurationText(rates.left_s) + " left";
}

StepProgress::StepProgress(std::string label, const StepMeter& meter, double log_every_s)
    : label_(std::move(label)), meter_(meter), log_every_s_(log_every_s) {
  bar_ = std::make_unique<Progress>(label_, static_cast<uint64_t>(meter.steps()), "steps");
  bar_->StartAt(static_cast<uint64_t>(meter.done()));
}

StepProgress::~StepProgress() = default;

void StepProgress::Show(const std::map<std::string, double>& values) {
  std::string text;
  for (const auto& [name, value] : values) text += name + " " + Format("%.4g", value) + "  ";
  text += meter_.Text();
  if (bar_->terminal()) {
    bar_->Note(std::move(text));
    return bar_->Add();
  }
  const double now = StepMeter::SteadySeconds();
  if (logged_at_ >= 0 && now - logged_at_ < log_every_s_ && meter_.done() < meter_.steps()) return;
  logged_at_ = now;
  log::Info(label_, "step " + std::to_string(meter_.done()) + "/" + std::to_string(meter_.steps()) +
                        "  " + text);
}

}  // namespace occvla::train
