#include "occvla/data/text/questions.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/json_walk.h"
#include "occvla/data/text/chain_of_thought.h"
#include "occvla/data/text/drivelm.h"
#include "occvla/data/text/nuscenes_mqa.h"
#include "occvla/data/text/nuscenes_qa.h"
#include "occvla/data/text/omnidrive.h"

namespace occvla::data {
namespace {

namespace fs = std::filesystem;

// A text of the pool. Half a million questions are some ten thousand different sentences.
struct Text {
  uint64_t offset = 0;
  uint32_t size = 0;
};

// Every text once, end to end. The index that finds equal ones goes once all is read.
class TextPool {
 public:
  TextPool() : index_(0, Hash{&bytes_}, Equal{&bytes_}) {}
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  Text Add(std::string_view text) {
    const Text added{bytes_.size(), static_cast<uint32_t>(text.size())};
    bytes_ += text;
    const auto [first, fresh] = index_.insert(added);
    if (!fresh) bytes_.resize(added.offset);
    return *first;
  }
  std::string Take() {
    index_.clear();
    bytes_.shrink_to_fit();
    return std::move(bytes_);
  }

 private:
  static std::string_view View(const std::string& bytes, const Text& text) {
    return std::string_view(bytes).substr(text.offset, text.size);
  }
  struct Hash {
    const std::string* bytes;  // The pool's.
    size_t operator()(const Text& text) const {
      return std::hash<std::string_view>()(View(*bytes, text));
    }
  };
  struct Equal {
    const std::string* bytes;
    bool operator()(const Text& a, const Text& b) const {
      return View(*bytes, a) == View(*bytes, b);
    }
  };

  std::string bytes_;
  std::unordered_set<Text, Hash, Equal> index_;
};

struct Entry {
  Text question, answer;
  uint32_t token = 0;  // Of the tokens.
  uint32_t kind = 0;   // Of the kinds.
};

}  // namespace

struct QuestionStore::Impl {
  std::string texts;
  std::vector<std::string> kinds;
  std::vector<std::string> tokens;  // Sorted.
  std::vector<size_t> first;        // Of each token's entries, and their end.
  std::vector<Entry> entries;       // By token, then in the order of the files.
};

namespace {

class Builder {
 public:
  void Add(std::string_view token, std::string_view question, std::string_view answer,
           const std::string& kind) {
    entries_.push_back({.question = pool_.Add(question),
                        .answer = pool_.Add(answer),
                        .token = Number(tokens_, std::string(token)),
                        .kind = Number(kinds_, kind)});
  }

  void Fill(std::string& texts, std::vector<std::string>& kinds, std::vector<std::string>& tokens,
            std::vector<size_t>& first, std::vector<Entry>& entries) {
    texts = pool_.Take();
    kinds.resize(kinds_.size());
    for (const auto& [name, number] : kinds_) kinds[number] = name;
    for (const auto& [name, number] : tokens_) tokens.push_back(name);
    std::sort(tokens.begin(), tokens.end());
    std::vector<uint32_t> place(tokens.size());  // Of each token by its number.
    for (uint32_t at = 0; at < tokens.size(); ++at) place[tokens_[tokens[at]]] = at;
    // A counting sort: stable, so that each token's questions keep the order of the files.
    first.assign(tokens.size() + 1, 0);
    for (const Entry& entry : entries_) ++first[place[entry.token] + 1];
    for (size_t at = 0; at < tokens.size(); ++at) first[at + 1] += first[at];
    std::vector<size_t> next(first.begin(), first.end() - 1);
    entries.resize(entries_.size());
    for (const Entry& entry : entries_) entries[next[place[entry.token]]++] = entry;
    entries_ = {};
  }

 private:
  using Numbers = std::unordered_map<std::string, uint32_t>;
  static uint32_t Number(Numbers& numbers, const std::string& name) {
    return numbers.emplace(name, static_cast<uint32_t>(numbers.size())).first->second;
  }

  TextPool pool_;
  Numbers tokens_, kinds_;
  std::vector<Entry> entries_;
};

enum class Format { kNuscenesQa, kDrivelm, kNuscenesMqa, kChainOfThought, kUnknown };

// By the first field of a JSON object or the header of a CSV file.
Format Sniff(std::string_view text, const std::string& where) {
  JsonWalk walk(text, where);
  if (walk.Peek() != '{') return IsNuscenesMqa(text) ? Format::kNuscenesMqa : Format::kUnknown;
  // NuScenes-QA's fields are words, DriveLM's the tokens of scenes.
  Format format = Format::kUnknown;
  const auto from = text.find('"');
  if (from == std::string_view::npos) return format;
  const std::string_view rest = text.substr(from + 1, 33);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const bool token =
      rest.size() == 33 && rest.back() == '"' && std::all_of(rest.begin(), rest.end() - 1, is_hex);
  if (token) return Format::kDrivelm;
  if (rest.starts_with("chain_of_thought\"")) return Format::kChainOfThought;
  return text.find("\"questions\"") != std::string_view::npos ? Format::kNuscenesQa : format;
}

class Opener {
 public:
  Opener(Builder& builder, Complaints& complaints) : builder_(builder), complaints_(complaints) {}

  void Open(const fs::path& path) {
    std::error_code error;
    const fs::path canonical = fs::weakly_canonical(path, error);
    if (!opened_.insert(canonical).second) {
      complaints_.Add(path.string(), "is named twice");
      return;
    }
    if (fs::is_directory(path, error)) return OpenFolder(path);
    try {
      OpenFile(MappedFile(path));
    } catch (const DataError& problem) {
      complaints_.AddWhole(problem.what());
    }
  }

 private:
  void OpenFolder(const fs::path& path) {
    if (!IsOmnidriveFolder(path)) {
      complaints_.Add(path.string(),
                      "is a folder, but has none of OmniDrive's conv, vqa, desc and keywords");
      return;
    }
    ReadOmnidrive(
        path,
        [this](const OmnidriveText& text) {
          builder_.Add(text.sample_token, text.question, text.answer,
                       "omnidrive/" + std::string(Name(text.kind)));
        },
        complaints_);
  }

  void OpenFile(const MappedFile& file) {
    const std::string where = file.path().string();
    switch (Sniff(file.text(), where)) {
      case Format::kNuscenesQa:
        return ReadNuscenesQa(
            file.text(), where,
            [this](const NuscenesQaQuestion& question) {
              builder_.Add(question.sample_token, question.question, question.answer,
                           "nuscenes-qa/" + std::string(Name(question.type)) + "/" +
                               std::to_string(question.num_hop));
            },
            complaints_);
      case Format::kDrivelm:
        return ReadDrivelm(
            file.text(), where,
            [this](const DrivelmFrame& frame) {
              for (const DrivelmQuestion& question : frame.questions)
                builder_.Add(frame.sample_token, question.question, question.answer,
                             "drivelm/" + std::string(Name(question.group)));
            },
            complaints_);
      case Format::kNuscenesMqa:
        return ReadNuscenesMqa(
            file.text(), where,
            [this](const NuscenesMqaQuestion& question) {
              builder_.Add(question.sample_token, StripMqaTags(question.question),
                           StripMqaTags(question.answer), "nuscenes-mqa/" + question.question_type);
            },
            complaints_);
      case Format::kChainOfThought:
        return ReadChainOfThought(
            file.text(), where,
            [this](const CotLabel& label) {
              builder_.Add(label.token, ChainOfThoughtPrompt(label.past),
                           FormatChainOfThought(label.text), "occvla/chain-of-thought");
            },
            complaints_);
      case Format::kUnknown:
        complaints_.Add(where,
                        "is neither NuScenes-QA ({\"questions\": [...]}), DriveLM (an object of "
                        "scene tokens), NuScenes-MQA (CSV with sample_token, question, answer, "
                        "question_type) nor our own labels ({\"chain_of_thought\": {...}})");
    }
  }

  Builder& builder_;
  Complaints& complaints_;
  std::set<fs::path> opened_;
};

}  // namespace

QuestionStore::QuestionStore() : impl_(std::make_unique<Impl>()) {}
QuestionStore::~QuestionStore() = default;
QuestionStore::QuestionStore(QuestionStore&&) noexcept = default;
QuestionStore& QuestionStore::operator=(QuestionStore&&) noexcept = default;

QuestionStore QuestionStore::Open(std::span<const fs::path> paths) {
  Builder builder;
  Complaints complaints;
  Opener opener(builder, complaints);
  for (const fs::path& path : paths) opener.Open(path);
  complaints.Throw("questions", "Fetch these files again, or leave them out.");
  auto impl = std::make_unique<Impl>();
  builder.Fill(impl->texts, impl->kinds, impl->tokens, impl->first, impl->entries);
  QuestionStore store;
  store.impl_ = std::move(impl);
  return store;
}

std::vector<QuestionAnswer> QuestionStore::Of(std::string_view sample_token) const {
  std::vector<QuestionAnswer> questions;
  const auto& tokens = impl_->tokens;
  const auto found = std::lower_bound(tokens.begin(), tokens.end(), sample_token);
  if (found == tokens.end() || *found != sample_token) return questions;
  const auto at = static_cast<size_t>(found - tokens.begin());
  const auto text = [&](const Text& place) {
    return impl_->texts.substr(place.offset, place.size);
  };
  for (size_t entry = impl_->first[at]; entry < impl_->first[at + 1]; ++entry) {
    const Entry& stored = impl_->entries[entry];
    questions.push_back({.question = text(stored.question),
                         .answer = text(stored.answer),
                         .kind = impl_->kinds[stored.kind]});
  }
  return questions;
}

std::vector<std::string> QuestionStore::Tokens() const { return impl_->tokens; }

size_t QuestionStore::size() const { return impl_->entries.size(); }

}  // namespace occvla::data
