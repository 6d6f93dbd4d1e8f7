#include "occvla/infer/answer.h"

#include <algorithm>

#include "occvla/data/meta_action.h"

namespace occvla::infer {

namespace {

constexpr std::string_view kHeader = "Meta action:";

std::string_view LastLine(std::string_view text) {
  const auto end_of_line = text.rfind('\n');
  return end_of_line == std::string_view::npos ? text : text.substr(end_of_line + 1);
}

}  // namespace

std::string StopFilter::Push(std::string_view text) {
  if (stopped_) return {};
  held_ += text;
  size_t cut = std::string::npos;
  for (const auto& stop : stops_) {
    if (!stop.empty()) cut = std::min(cut, held_.find(stop));
  }
  if (cut != std::string::npos) {
    stopped_ = true;
    return held_.substr(0, cut);
  }
  // The longest tail that begins some stop word stays back.
  size_t tail = 0;
  for (const auto& stop : stops_) {
    for (size_t n = std::min(stop.size(), held_.size()); n > tail; --n) {
      if (held_.compare(held_.size() - n, n, stop, 0, n) == 0) tail = n;
    }
  }
  std::string safe = held_.substr(0, held_.size() - tail);
  held_.erase(0, safe.size());
  return safe;
}

std::string StopFilter::Finish() { return stopped_ ? std::string() : std::move(held_); }

AnswerWriter::AnswerWriter(const data::Tokenizer& tokenizer, const Request& request)
    : tokenizer_(tokenizer),
      request_(request),
      decoder_(tokenizer),
      filter_(request.stop),
      rng_(request.sampling.seed, "sampling") {
  if (!request.constrain_meta_action) return;
  size_t longest = 0;
  for (const auto velocity : data::kVelocityNames) {
    for (const auto direction : data::kDirectionNames) {
      auto ids = tokenizer.Encode(" " + std::string(velocity) + ", " + std::string(direction));
      ids.push_back(tokenizer.eos());
      longest = std::max(longest, ids.size());
      labels_.push_back(std::move(ids));
    }
  }
  const auto header = tokenizer.Encode("\n" + std::string(kHeader));
  reserve_ = static_cast<int64_t>(header.size() + longest);
}

int64_t AnswerWriter::Pick(std::span<const float> logits) {
  if (!forced_.empty()) {
    const int64_t id = forced_.back();
    forced_.pop_back();
    return id;
  }
  if (constraint_) {
    const auto allowed = constraint_->Allowed();
    std::vector<float> some;
    for (const int64_t id : allowed) some.push_back(logits[id]);
    const auto& how = request_.sampling;
    const int64_t id = allowed[Sample(some, how.temperature, how.top_p, rng_)];
    constraint_->Take(id);
    return id;
  }
  return Sample(logits, request_.sampling.temperature, request_.sampling.top_p, rng_);
}

// An answer that must name a label gets one even if the model would end, or talk on, without it.
void AnswerWriter::UpdateConstraint() {
  if (labels_.empty() || constraint_ || !forced_.empty()) return;
  if (LastLine(raw_) == kHeader) {
    constraint_.emplace(labels_);
    return;
  }
  const int64_t left = request_.max_new_tokens - static_cast<int64_t>(ids_.size());
  if (!ended_ && left > reserve_) return;
  // All that was said, a character that is still incomplete included: the header would follow it.
  const auto said = tokenizer_.Decode(ids_);
  const bool at_line_start = said.empty() || said.back() == '\n';
  forced_ = tokenizer_.Encode((at_line_start ? "" : "\n") + std::string(kHeader));
  std::reverse(forced_.begin(), forced_.end());
  ended_ = false;
}

void AnswerWriter::Show(const std::string& text) {
  if (text.empty()) return;
  text_ += text;
  if (request_.on_text) request_.on_text(text);
}

bool AnswerWriter::Advance(std::span<const float> logits) {
  if (ended_ || static_cast<int64_t>(ids_.size()) >= request_.max_new_tokens) return false;
  UpdateConstraint();
  int64_t id = Pick(logits);
  if (id == tokenizer_.eos() && !labels_.empty() && !constraint_) {
    ended_ = true;
    UpdateConstraint();
    id = Pick(logits);
  }
  if (id == tokenizer_.eos()) {
    ended_ = true;
    return false;
  }
  ids_.push_back(id);
  const auto piece = decoder_.Push(id);
  raw_ += piece;
  Show(filter_.Push(piece));
  ended_ = filter_.stopped();
  return !ended_ && static_cast<int64_t>(ids_.size()) < request_.max_new_tokens;
}

std::string AnswerWriter::Finish() {
  if (!filter_.stopped()) {
    Show(filter_.Push(decoder_.Finish()));
    Show(filter_.Finish());
  }
  return ended_ ? "" : "stopped_at_max_tokens";
}

}  // namespace occvla::infer
