#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/text/prompt.h"
#include "occvla/label/chat_endpoint.h"

/// Chain-of-thought texts (facts/model.md C18) written by a chat endpoint that sees the six images.
namespace occvla::label {

struct CotEndpointConfig {
  ChatSettings chat;
  int64_t concurrency = 4;
  int64_t image_width_px = 768;
  int64_t jpeg_quality = 85;
  bool reveal_label = true;
  int64_t reasks = 2;
  int64_t most_failures = 5;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("chat", chat, "the endpoint, its model and the budget");
    v("concurrency", concurrency, "questions under way at once");
    v("image_width_px", image_width_px, "images wider than this are made so wide");
    v("jpeg_quality", jpeg_quality, "of the images that are sent");
    v("reveal_label", reveal_label, "tell the model the meta action that its text must lead to");
    v("reasks", reasks, "further questions after an answer that cannot be used");
    v("most_failures", most_failures, "keyframes in a row without any reply that end the run");
  }
  /// Throws one ConfigError that names every problem.
  void Validate() const;
};

struct CotEndpointRequest {
  CotEndpointConfig config;
  ChatAddress address;
  std::filesystem::path cache;  ///< A folder; made if absent.
  size_t frames = 0;
  std::function<data::Frame(size_t)> frame;  ///< Called from several threads.
  std::stop_token stop;
  /// From the calling thread, now and then; may throw, which ends the work.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// What came of it. Counts of answers are over every question, those from the cache included.
struct CotEndpointReport {
  /// Aligned with the frames; empty where there is no text.
  std::vector<std::optional<data::ChainOfThought>> texts;
  uint64_t accepted = 0;    ///< Keyframes with a text.
  uint64_t unlabelled = 0;  ///< Keyframes without a meta action: nothing was asked.
  uint64_t unusable = 0;    ///< Keyframes where no answer could be used.
  /// Keyframes that the endpoint gave no reply for, with the reason; in the frames' order.
  std::vector<std::pair<std::string, std::string>> failed;
  uint64_t contradicting = 0;  ///< Answers whose meta action is not the label.
  uint64_t unparsed = 0;       ///< Answers without the three lines.
  uint64_t too_long = 0;       ///< Answers with a line of more than kMaxCotLine bytes.
  uint64_t from_cache = 0;     ///< Answers that cost nothing.
  ChatUse use;                 ///< What this run sent.

  /// For people, a line each.
  std::string ToString() const;
};

/// Bytes of the scene or the intent.
inline constexpr size_t kMaxCotLine = 1000;

enum class CotVerdict { kGood, kContradicts, kUnparsed, kTooLong };
/// Strict: one line each of "Scene: ", "Intent: " and "Meta action: ", in this order and nothing
/// else but blank lines, UTF-8 without control characters; the meta action must be `label`.
CotVerdict JudgeCot(const std::string& answer, const data::MetaAction& label,
                    data::ChainOfThought* text);

/// Asks for every labelled frame, `concurrency` at once, each at most 1 + `reasks` times. Every
/// answer, usable or not, is kept in the cache by the content of its question (texts, image bytes,
/// model, settings, number of the ask), so that the same run again sends nothing, and gives the
/// same texts whatever the concurrency. When the run must end early (interruption, budget, an
/// endpoint that refuses everything) it throws an error of the cause's kind that also says how
/// far it came; what was answered stays in the cache.
CotEndpointReport MakeCotByEndpoint(const CotEndpointRequest& request, Clock& clock);

}  // namespace occvla::label
