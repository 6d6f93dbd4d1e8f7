#include "occvla/eval/meta_action.h"

#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/json_walk.h"

namespace occvla::eval {
namespace {

constexpr size_t kMostFrames = 1'000'000;
constexpr size_t kMostTextBytes = 1 << 20;

std::optional<double> Share(int64_t part, int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

template <size_t N>
std::array<ClassScore, N> ClassesOf(const std::array<std::array<int64_t, N>, N>& counts) {
  std::array<ClassScore, N> classes{};
  for (size_t truth = 0; truth < N; ++truth) {
    for (size_t predicted = 0; predicted < N; ++predicted) {
      classes[truth].truth += counts[truth][predicted];
      classes[predicted].predicted += counts[truth][predicted];
    }
    classes[truth].right = counts[truth][truth];
  }
  return classes;
}

template <size_t N>
int64_t Right(const std::array<std::array<int64_t, N>, N>& counts) {
  int64_t right = 0;
  for (size_t label = 0; label < N; ++label) right += counts[label][label];
  return right;
}

template <size_t N>
void MergeInto(std::array<std::array<int64_t, N>, N>& into,
               const std::array<std::array<int64_t, N>, N>& from) {
  for (size_t truth = 0; truth < N; ++truth) {
    for (size_t predicted = 0; predicted < N; ++predicted)
      into[truth][predicted] += from[truth][predicted];
  }
}

// {"<token>": string}; `take` may throw DataError.
template <typename Take>
void ReadTexts(const std::filesystem::path& path, data::Complaints& complaints, Take take) {
  const MappedFile file(path);
  data::JsonWalk walk(file.text(), path.string());
  if (walk.Peek() != '{') walk.Fail("expected an object of texts by token");
  size_t count = 0;
  walk.Object([&](std::string_view token) {
    if (++count > kMostFrames) walk.Fail("more than " + std::to_string(kMostFrames) + " frames");
    const std::string where = path.string() + ", " + Quoted(token);
    const std::string_view value = walk.Value(kMostTextBytes);
    try {
      const nlohmann::json text = ParseJson(value, where, {.max_bytes = kMostTextBytes});
      if (text.is_string()) {
        take(std::string(token), text.get<std::string>(), where);
      } else {
        complaints.Add(where, "must be a string, but is " + Printable(value, 60));
      }
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
    }
  });
  walk.End();
}

}  // namespace

std::optional<double> ClassScore::Precision() const { return Share(right, predicted); }
std::optional<double> ClassScore::Recall() const { return Share(right, truth); }
std::optional<double> ClassScore::F1() const { return Share(2 * right, truth + predicted); }

void MetaActionScore::Add(const data::MetaAction& truth, const data::MetaAction& prediction) {
  ++velocity[static_cast<size_t>(truth.velocity)][static_cast<size_t>(prediction.velocity)];
  ++direction[static_cast<size_t>(truth.direction)][static_cast<size_t>(prediction.direction)];
  both += truth == prediction;
  ++frames;
}

void MetaActionScore::AddText(const std::string& token, const data::MetaAction& truth,
                              std::string_view answer, std::span<const data::MetaAction> past) {
  data::MetaActionSource source = data::MetaActionSource::kAnswer;
  std::optional<data::MetaAction> action = data::ParseMetaAction(answer);
  if (!action) {
    const data::ParsedAnswer parsed = data::ParseChainOfThought(answer, past);
    action = parsed.meta_action;
    source = parsed.source;
  }
  fallback.Add(source);
  if (source != data::MetaActionSource::kAnswer) unparsable.push_back(token);
  Add(truth, *action);
}

void MetaActionScore::Merge(const MetaActionScore& other) {
  MergeInto(velocity, other.velocity);
  MergeInto(direction, other.direction);
  frames += other.frames;
  both += other.both;
  fallback.answers += other.fallback.answers;
  fallback.most_recent_past += other.fallback.most_recent_past;
  fallback.defaults += other.fallback.defaults;
  unparsable.insert(unparsable.end(), other.unparsable.begin(), other.unparsable.end());
}

std::optional<double> MetaActionScore::SpeedAccuracy() const {
  return Share(Right(velocity), frames);
}
std::optional<double> MetaActionScore::DirectionAccuracy() const {
  return Share(Right(direction), frames);
}
std::optional<double> MetaActionScore::MeanAccuracy() const {
  return Share(Right(velocity) + Right(direction), 2 * frames);
}
std::optional<double> MetaActionScore::BothAccuracy() const { return Share(both, frames); }

std::array<ClassScore, kVelocities> MetaActionScore::VelocityClasses() const {
  return ClassesOf(velocity);
}
std::array<ClassScore, kDirections> MetaActionScore::DirectionClasses() const {
  return ClassesOf(direction);
}

std::map<std::string, data::MetaAction> ReadMetaActions(const std::filesystem::path& path) {
  std::map<std::string, data::MetaAction> actions;
  data::Complaints complaints;
  ReadTexts(path, complaints,
            [&](const std::string& token, const std::string& text, const std::string& where) {
              if (const auto action = data::ParseMetaAction(text)) {
                actions.emplace(token, *action);
              } else {
                complaints.Add(where,
                               "must be \"<velocity>, <direction>\", but is " + Quoted(text));
              }
            });
  complaints.Throw(path.string() + " cannot be used", "Make the labels again");
  return actions;
}

std::map<std::string, std::string> ReadAnswers(const std::filesystem::path& path) {
  std::map<std::string, std::string> answers;
  data::Complaints complaints;
  ReadTexts(path, complaints,
            [&](const std::string& token, const std::string& text, const std::string&) {
              answers.emplace(token, text);
            });
  complaints.Throw(path.string() + " cannot be used", "Write a text for each frame");
  return answers;
}

MetaActionScore ScoreMetaActions(const std::map<std::string, data::MetaAction>& truth,
                                 const std::map<std::string, std::string>& answers,
                                 const std::map<std::string, std::vector<data::MetaAction>>& past) {
  data::Complaints complaints;
  for (const auto& [token, action] : truth) {
    if (!answers.contains(token)) complaints.Add(Quoted(token), "has no answer");
  }
  for (const auto& [token, answer] : answers) {
    if (!truth.contains(token)) complaints.Add(Quoted(token), "is no labelled frame");
  }
  complaints.Throw("The answers do not fit the labels",
                   "Answer every labelled frame, and nothing else");
  MetaActionScore score;
  for (const auto& [token, action] : truth) {
    const auto before = past.find(token);
    score.AddText(token, action, answers.at(token),
                  before == past.end() ? std::span<const data::MetaAction>() : before->second);
  }
  return score;
}

}  // namespace occvla::eval
