#include "occvla/base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace occvla {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// "12.4" below 100, "1240" above; no exponent.
std::string RateText(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, rate < 100 ? "%.1f" : "%.0f", rate);
  return text;
}

std::string DurationText(double seconds) {
  // A rate near 0 promises centuries; nobody reads past a day.
  const auto whole = static_cast<int64_t>(std::min(seconds + 0.5, 359'999.0));
  char text[32];
  if (whole < 60) {
    std::snprintf(text, sizeof text, "%d s", static_cast<int>(whole));
  } else if (whole < 3600) {
    std::snprintf(text, sizeof text, "%d min %02d s", static_cast<int>(whole / 60),
                  static_cast<int>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%d h %02d min", static_cast<int>(whole / 3600),
                  static_cast<int>(whole / 60 % 60));
  }
  return text;
}

int TerminalColumns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress(std::string label, uint64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Add(uint64_t done) {
  done_ += done;
  if (!terminal_) return;
  const auto now = Clock::now();
  const double elapsed = Seconds(now - start_);
  if (elapsed < 0.5 || (drawn_ && Seconds(now - last_) < 0.1)) return;
  last_ = now;
  drawn_ = true;
  // One column stays free: a terminal that writes into its last one goes to the next line.
  std::fprintf(stderr, "\r%s\x1b[K", Line(elapsed, TerminalColumns() - 1).c_str());
}

void Progress::StartAt(uint64_t done) { done_ = before_ = done; }

std::string Progress::Line(double elapsed_seconds, int columns) const {
  const uint64_t done = std::min(done_, total_);
  const double part = total_ == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total_);
  const int percent = static_cast<int>(part * 100.0);
  char percent_text[16];
  std::snprintf(percent_text, sizeof percent_text, " %3d%% ", percent);
  std::string counts(1, ' ');
  counts += std::to_string(done_);
  counts += '/';
  counts += std::to_string(total_) + " " + unit_;
  if (!note_.empty()) {
    counts += "  " + note_;
  } else if (done_ > before_ && elapsed_seconds > 0) {
    const double rate = static_cast<double>(done_ - before_) / elapsed_seconds;
    counts += "  " + RateText(rate) + "/s " +
              DurationText(static_cast<double>(total_ - done) / rate) + " left";
  }
  const auto limit = static_cast<size_t>(std::max(columns, 0));
  std::string line = label_ + percent_text;
  const size_t taken = line.size() + counts.size() + 2;
  if (taken + 4 <= limit) {  // A bar shorter than four says nothing.
    const size_t width = std::min<size_t>(limit - taken, 40);
    const auto full = static_cast<size_t>(part * static_cast<double>(width));
    line.append(1, '[').append(full, '#').append(width - full, '.').append(1, ']');
  }
  line += counts;
  return line.substr(0, limit);
}

}  // namespace occvla
