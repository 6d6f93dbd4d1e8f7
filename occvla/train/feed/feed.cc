#include "occvla/train/feed/feed.h"

#include <algorithm>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/data/image/image.h"
#include "occvla/data/text/prompt.h"
#include "occvla/train/feed/augment.h"
#include "occvla/train/feed/feed_index.h"
#include "occvla/train/feed/mirror.h"
#include "occvla/train/feed/mirror_text.h"
#include "occvla/train/feed/question_draw.h"

namespace occvla::train {

struct Feed::Impl {
  FeedConfig config;
  FeedOptions options;
  FeedIndex index;
  size_t positions = 0;

  std::vector<uint32_t> EpochOrder(uint64_t epoch) const;
  Example Make(size_t frame, uint64_t position) const;
  std::vector<data::QuestionAnswer> QuestionsOf(std::string_view token) const;
  std::vector<data::QuestionAnswer> DrawDialogues(Example& example) const;
  Dialogue Encode(const data::QuestionAnswer& question) const;
  bool Fits(const Dialogue& dialogue) const;
  void Flip(const std::vector<data::QuestionAnswer>& texts, Example& example) const;
};

Feed::Feed(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Feed::Feed(Feed&&) noexcept = default;
Feed& Feed::operator=(Feed&&) noexcept = default;
Feed::~Feed() = default;

Feed Feed::Open(const FeedConfig& config, const FeedOptions& options) {
  config.Validate();
  if (options.wish.text && options.tokenizer == nullptr)
    throw ConfigError("data: text is wished, but there is no tokenizer that makes ids of it.");
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  impl->options = options;
  impl->index = OpenIndex(config, options);
  for (const FrameCounts& counts : impl->index.counts) impl->positions += counts.an_epoch;
  if (impl->positions == 0 || impl->positions > UINT32_MAX) {
    throw ConfigError("data: an epoch has " + std::to_string(impl->positions) +
                      " positions, expected 1 to 4294967295. Check data.weights.");
  }
  return Feed(std::move(impl));
}

const FeedConfig& Feed::config() const { return impl_->config; }
const FeedOptions& Feed::options() const { return impl_->options; }
size_t Feed::frames() const { return impl_->index.frames.size(); }
size_t Feed::positions_an_epoch() const { return impl_->positions; }
const std::vector<FrameCounts>& Feed::counts() const { return impl_->index.counts; }
std::string_view Feed::Token(size_t frame) const { return impl_->index.frames.at(frame).token; }
const std::string& Feed::fingerprint() const { return impl_->index.fingerprint; }

std::vector<uint32_t> Feed::EpochOrder(uint64_t epoch) const { return impl_->EpochOrder(epoch); }

std::vector<uint32_t> Feed::Impl::EpochOrder(uint64_t epoch) const {
  std::vector<uint32_t> frames;
  frames.reserve(positions);
  for (size_t set = 0; set < index.counts.size(); ++set) {
    const uint32_t first = index.first[set];
    const size_t used = index.counts[set].used, wanted = index.counts[set].an_epoch;
    for (size_t i = 0; i < used * (used > 0 ? wanted / used : 0); ++i)
      frames.push_back(first + static_cast<uint32_t>(i % used));
    const size_t rest = used > 0 ? wanted % used : 0;
    if (rest == 0) continue;
    // Which frames come once more (or at all) changes from epoch to epoch.
    const uint64_t seed = Rng(options.seed, "frames by lot", set).NextU64();
    std::vector<uint32_t> lot = data::EpochOrder(used, data::SampleOrder::kShuffled, seed, epoch);
    lot.resize(rest);
    std::sort(lot.begin(), lot.end());
    for (const uint32_t frame : lot) frames.push_back(first + frame);
  }
  const auto order = data::EpochOrder(frames.size(), options.order, options.seed, epoch);
  std::vector<uint32_t> ordered(frames.size());
  for (size_t i = 0; i < order.size(); ++i) ordered[i] = frames[order[i]];
  return ordered;
}

size_t Feed::FrameAt(uint64_t position) const {
  return EpochOrder(position / impl_->positions)[position % impl_->positions];
}

std::vector<data::QuestionAnswer> Feed::Impl::QuestionsOf(std::string_view token) const {
  std::vector<data::QuestionAnswer> asked;
  for (data::QuestionAnswer& question : index.questions.Of(token)) {
    if (!MayBeAsked(config, question.kind)) continue;
    if (!config.with_past_actions && FamilyOf(question.kind) == QuestionFamily::kChainOfThought)
      question.question = data::ChainOfThoughtPrompt({});
    asked.push_back(std::move(question));
  }
  return asked;
}

// Chooses what this position asks; the texts in the order of the example's dialogues.
std::vector<data::QuestionAnswer> Feed::Impl::DrawDialogues(Example& example) const {
  std::vector<data::QuestionAnswer> questions = QuestionsOf(example.token), drawn;
  Rng rng(options.seed, "questions of a frame", 0, example.position);
  DrawQuestions(questions, config, rng, [&](size_t i) {
    Dialogue dialogue = Encode(questions[i]);
    if (!Fits(dialogue)) {
      ++example.dialogues_too_long;
      return false;
    }
    example.dialogues.push_back(std::move(dialogue));
    drawn.push_back(questions[i]);
    return true;
  });
  if (!drawn.empty()) return drawn;
  throw DataError("none of its " + std::to_string(questions.size()) +
                  " questions fits into data.max_text_tokens (" +
                  std::to_string(config.max_text_tokens) + "). Raise it.");
}

Dialogue Feed::Impl::Encode(const data::QuestionAnswer& question) const {
  return {.prefix = data::PrefixIds(*options.tokenizer, question.question),
          .suffix = data::SuffixIds(*options.tokenizer, question.answer),
          .kind = question.kind};
}

bool Feed::Impl::Fits(const Dialogue& dialogue) const {
  return dialogue.prefix.size() + dialogue.suffix.size() <=
         static_cast<size_t>(config.max_text_tokens);
}

// All or nothing: an example is mirrored only where every text of it can be.
void Feed::Impl::Flip(const std::vector<data::QuestionAnswer>& texts, Example& example) const {
  std::vector<Dialogue> mirrored;
  for (const data::QuestionAnswer& text : texts) {
    const auto question = MirrorText(text.question), answer = MirrorText(text.answer);
    if (question && answer)
      mirrored.push_back(Encode({.question = *question, .answer = *answer, .kind = text.kind}));
    example.flip_refused = !question || !answer || !Fits(mirrored.back());
    if (example.flip_refused) return;
  }
  example.dialogues = std::move(mirrored);
  MirrorAllButTexts(example);
}

data::Frame Feed::FrameOf(size_t frame) const {
  const IndexedFrame& entry = impl_->index.frames.at(frame);
  return impl_->index.sets[entry.set].dataset.FrameOf(entry.row);
}

std::vector<data::QuestionAnswer> Feed::QuestionsOf(size_t frame) const {
  return impl_->QuestionsOf(impl_->index.frames.at(frame).token);
}

Example Feed::Make(size_t frame, uint64_t position) const { return impl_->Make(frame, position); }

Example Feed::Impl::Make(size_t frame_number, uint64_t position) const {
  const IndexedFrame& entry = index.frames.at(frame_number);
  const OpenedSet& set = index.sets[entry.set];
  try {
    const data::Frame frame = set.dataset.FrameOf(entry.row);
    Example example;
    example.token = frame.token;
    example.position = position;
    example.size_px = options.size_px;
    if (options.wish.images) {
      if (set.pack) {
        const auto pixels = set.pack->Pixels(set.pack->Find(frame.token).value());
        example.rgb.assign(pixels.begin(), pixels.end());
      } else {
        example.rgb =
            data::LoadRgb(frame, options.size_px, data::ResizeFilter::kBicubic, /*threads=*/1);
      }
    }
    if (options.wish.occupancy) example.labels = data::occ3d::ReadLabels(frame.occupancy);
    example.ego = frame.ego;
    example.meta_action = frame.meta_action;
    FillTrajectory(frame, example);
    if (options.wish.calibration) {
      example.cameras.emplace();
      for (size_t i = 0; i < frame.images.size(); ++i)
        (*example.cameras)[i] = frame.images[i].camera.value();
    }
    std::vector<data::QuestionAnswer> texts;
    if (options.wish.text) texts = DrawDialogues(example);
    if (options.augment) {
      if (IsFlipped(config.augment, options.seed, position)) Flip(texts, example);
      ChangeColours(config.augment, options.seed, position, options.size_px, example.rgb);
    }
    return example;
  } catch (const DataError& error) {
    throw DataError("keyframe " + entry.token + ": " + error.what());
  }
}

std::unique_ptr<FeedLoader> Feed::Walk(const FeedRange& range) const {
  const Impl& impl = *impl_;
  return std::make_unique<FeedLoader>(
      data::LoaderOptions{
          .count = impl.positions,
          .order_of = [&impl](uint64_t epoch) { return impl.EpochOrder(epoch); },
          .begin = range.begin,
          .end = range.end,
          .rank = range.rank,
          .ranks = range.ranks,
          .threads = static_cast<size_t>(impl.config.threads),
          .ahead = static_cast<size_t>(impl.config.ahead),
          .on_damage = impl.config.skip_damaged ? data::OnDamage::kSkip : data::OnDamage::kStop,
          .interrupt = range.interrupt},
      [&impl](uint32_t frame, uint64_t position) { return impl.Make(frame, position); });
}

std::vector<size_t> EvenlySpread(size_t count, size_t most) {
  const size_t wanted = most == 0 ? count : std::min(count, most);
  std::vector<size_t> picked(wanted);
  // The middles of `wanted` equal parts.
  for (size_t i = 0; i < wanted; ++i) picked[i] = (2 * i + 1) * count / (2 * wanted);
  return picked;
}

}  // namespace occvla::train
