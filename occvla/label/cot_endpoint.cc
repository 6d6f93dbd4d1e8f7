#include "occvla/label/cot_endpoint.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/label/answer_cache.h"
#include "occvla/label/cot_endpoint_question.h"

namespace occvla::label {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// What the threads share.
class Work {
 public:
  Work(const CotEndpointRequest& request, Clock& clock)
      : request_(request),
        cache_(request.cache),
        endpoint_(request.address, request.config.chat, clock),
        results_(request.frames) {}

  CotEndpointReport Run();

 private:
  struct Result {
    bool done = false;
    std::string token, failure;
    bool labelled = false;
    std::optional<data::ChainOfThought> text;
    uint64_t contradicting = 0, unparsed = 0, too_long = 0, from_cache = 0;
  };

  void Answer(size_t index, Result& result);
  std::optional<ChatAnswer> Ask(const data::Frame& frame, const std::string& images,
                                const CotAsk& ask, Result& result);
  void Worker();
  void WatchProgress();
  [[noreturn]] void ThrowCause(uint64_t done);
  CotEndpointReport Report() const;

  const CotEndpointRequest& request_;  // Outlives the work.
  AnswerCache cache_;
  ChatEndpoint endpoint_;
  std::vector<Result> results_;  // Each written by the thread that took its index.
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t done_ = 0, running_ = 0;  // Guarded.
  int64_t failures_in_a_row_ = 0;    // Guarded.
  std::exception_ptr cause_;         // Guarded; the first that ended the run.
  std::stop_source stop_;
};

// Nothing, and the failure told, when the endpoint gave no reply.
std::optional<ChatAnswer> Work::Ask(const data::Frame& frame, const std::string& images,
                                    const CotAsk& ask, Result& result) {
  const CotEndpointConfig& config = request_.config;
  ChatQuestion question = CotQuestion(frame, config, ask);
  const std::string hash = HashOfQuestion(question, images, config, ask);
  if (auto kept = cache_.Find(hash)) {
    ++result.from_cache;
    return kept;
  }
  AddImages(frame, config, question);
  ChatReply reply = endpoint_.Ask(question, hash, stop_.get_token());
  if (reply.answer) cache_.Keep(hash, config.chat.model, *reply.answer);
  result.failure = std::move(reply.problem);
  return std::move(reply.answer);
}

void Work::Answer(size_t index, Result& result) {
  const data::Frame frame = request_.frame(index);
  result.token = frame.token;
  result.labelled = frame.meta_action.has_value();
  if (!result.labelled) return;
  const std::string images = HashOfImages(frame);
  CotAsk ask;
  for (; ask.number <= request_.config.reasks; ++ask.number) {
    const auto answer = Ask(frame, images, ask, result);
    if (!answer) return;
    data::ChainOfThought text;
    ask.before = JudgeCot(answer->text, *frame.meta_action, &text);
    switch (ask.before) {
      case CotVerdict::kGood:
        result.text = std::move(text);
        return;
      case CotVerdict::kContradicts:
        ++result.contradicting;
        break;
      case CotVerdict::kUnparsed:
        ++result.unparsed;
        break;
      case CotVerdict::kTooLong:
        ++result.too_long;
        break;
    }
  }
}

void Work::Worker() {
  while (!stop_.stop_requested()) {
    const size_t index = next_++;
    if (index >= results_.size()) break;
    std::exception_ptr cause;
    try {
      Answer(index, results_[index]);
    } catch (...) {
      cause = std::current_exception();
    }
    std::lock_guard lock(mutex_);
    if (!cause) {
      results_[index].done = true;
      ++done_;
      const bool failed = !results_[index].failure.empty();
      failures_in_a_row_ = failed ? failures_in_a_row_ + 1 : 0;
      if (failures_in_a_row_ >= request_.config.most_failures) {
        cause = std::make_exception_ptr(
            DataError(std::to_string(failures_in_a_row_) +
                      " keyframes in a row got no reply: " + results_[index].failure));
      }
    }
    if (cause && !cause_) cause_ = cause;
    if (cause) stop_.request_stop();
    changed_.notify_all();
  }
  std::lock_guard lock(mutex_);
  --running_;
  changed_.notify_all();
}

void Work::WatchProgress() {
  std::unique_lock lock(mutex_);
  while (running_ > 0) {
    changed_.wait_for(lock, std::chrono::milliseconds(200));
    const uint64_t done = done_;
    if (!request_.progress) continue;
    lock.unlock();
    request_.progress(done, results_.size());
    lock.lock();
  }
}

CotEndpointReport Work::Run() {
  const std::stop_callback passed_on(request_.stop, [this] { stop_.request_stop(); });
  {
    std::vector<std::jthread> threads;  // Joined before anything that they use goes.
    const size_t count = std::min<size_t>(static_cast<size_t>(request_.config.concurrency),
                                          std::max<size_t>(results_.size(), 1));
    running_ = count;
    for (size_t i = 0; i < count; ++i) threads.emplace_back([this] { Worker(); });
    try {
      WatchProgress();
    } catch (...) {
      stop_.request_stop();
      throw;
    }
  }
  if (cause_ || done_ < results_.size()) ThrowCause(done_);
  return Report();
}

void Work::ThrowCause(uint64_t done) {
  const std::string far = " " + std::to_string(done) + " of " + std::to_string(results_.size()) +
                          " keyframes are done; their answers are kept in " +
                          cache_.folder().string() + ", and the same command goes on from there.";
  if (!cause_) throw BusyError("interrupted." + far);
  try {
    std::rethrow_exception(cause_);
  } catch (const BusyError& error) {
    throw BusyError(error.what() + far);
  } catch (const ConfigError& error) {
    throw ConfigError(error.what() + far);
  } catch (const DataError& error) {
    throw DataError(error.what() + far);
  }
}

CotEndpointReport Work::Report() const {
  CotEndpointReport report;
  for (const Result& result : results_) {
    report.contradicting += result.contradicting;
    report.unparsed += result.unparsed;
    report.too_long += result.too_long;
    report.from_cache += result.from_cache;
    if (!result.labelled) {
      ++report.unlabelled;
    } else if (result.text) {
      ++report.accepted;
    } else if (!result.failure.empty()) {
      report.failed.emplace_back(result.token, result.failure);
    } else {
      ++report.unusable;
    }
    report.texts.push_back(result.text);
  }
  report.use = endpoint_.use();
  return report;
}

}  // namespace

void CotEndpointConfig::Validate() const {
  std::vector<std::string> problems = chat.Problems();
  for (auto& problem : problems) problem = "chat." + problem;
  const auto need = [&](bool good, const char* name, int64_t value, const std::string& range) {
    if (!good)
      problems.push_back(std::string(name) + " must be " + range + ", is " + std::to_string(value));
  };
  need(concurrency >= 1 && concurrency <= 256, "concurrency", concurrency, "1 to 256");
  need(image_width_px >= 16 && image_width_px <= 8192, "image_width_px", image_width_px,
       "16 to 8192");
  need(jpeg_quality >= 1 && jpeg_quality <= 100, "jpeg_quality", jpeg_quality, "1 to 100");
  need(reasks >= 0 && reasks <= 10, "reasks", reasks, "0 to 10");
  need(most_failures >= 1, "most_failures", most_failures, "at least 1");
  if (!problems.empty())
    throw ConfigError("chain of thought by endpoint:\n  - " + Join(problems, "\n  - "));
}

std::string CotEndpointReport::ToString() const {
  const auto n = [](auto number) { return std::to_string(number); };
  std::string text = n(accepted) + " of " + n(texts.size()) + " keyframes have a text; " +
                     n(unlabelled) + " have no label, " + n(unusable) +
                     " no answer that could be used, " + n(failed.size()) + " no reply\n" +
                     "refused answers: " + n(contradicting) + " contradict the label, " +
                     n(unparsed) + " have not the three lines, " + n(too_long) + " are too long\n" +
                     n(from_cache) + " answers from the cache, " + n(use.requests) +
                     " requests sent (" + n(use.retries) + " of them retries), " +
                     n(use.prompt_tokens) + " tokens in, " + n(use.answer_tokens) + " out\n";
  for (const auto& [token, why] : failed) text += "no reply for " + token + ": " + why + "\n";
  return text;
}

CotVerdict JudgeCot(const std::string& answer, const data::MetaAction& label,
                    data::ChainOfThought* text) {
  constexpr std::array<std::string_view, 3> kNames = {"Scene:", "Intent:", "Meta action:"};
  std::array<std::string_view, 3> fields;
  size_t found = 0;
  std::string_view rest = answer;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = Trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    if (found == kNames.size() || !line.starts_with(kNames[found])) return CotVerdict::kUnparsed;
    fields[found] = Trimmed(line.substr(kNames[found].size()));
    if (fields[found].empty() || HasControl(fields[found]) || !IsValidUtf8(fields[found]))
      return CotVerdict::kUnparsed;
    ++found;
  }
  const auto action = data::ParseMetaAction(fields[2]);
  if (found != kNames.size() || !action) return CotVerdict::kUnparsed;
  if (fields[0].size() > kMaxCotLine || fields[1].size() > kMaxCotLine) return CotVerdict::kTooLong;
  if (*action != label) return CotVerdict::kContradicts;
  *text = {std::string(fields[0]), std::string(fields[1]), *action};
  return CotVerdict::kGood;
}

CotEndpointReport MakeCotByEndpoint(const CotEndpointRequest& request, Clock& clock) {
  request.config.Validate();
  return Work(request, clock).Run();
}

}  // namespace occvla::label
