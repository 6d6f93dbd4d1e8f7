#include "occvla/label/review_decision.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"

namespace occvla::label {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kVerdicts = {"accept", "change", "comment", "undo"};
constexpr int64_t kFirst_ms = 946'684'800'000, kEnd_ms = 253'402'300'800'000;  // 2000, 10000.

bool IsSampleToken(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Line breaks and tabs are a comment's own; everything else below a blank is for terminals.
bool HasControl(std::string_view text, bool line_breaks) {
  for (const char c : text) {
    if (line_breaks && (c == '\n' || c == '\t')) continue;
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

std::optional<data::MetaAction> Label(const JsonNode& node, std::vector<std::string>& problems) {
  const std::string& text = node.String();
  const auto action = data::ParseMetaAction(text);
  if (action && data::ToString(*action) == text) return action;
  problems.push_back("\"" + node.path() +
                     "\" must be a label such as \"Maintain speed, Go Straight\", but is " +
                     Quoted(text, 60));
  return std::nullopt;
}

// Throws DataError for what cannot be read at all.
Decision ReadLine(std::string_view line, std::vector<std::string>& problems) {
  const nlohmann::json document =
      ParseJson(line, "", {.max_bytes = kMaxDecisionLine, .max_depth = 2});
  const JsonNode root(document, "");
  root.RefuseOthers(
      {"sample_token", "proposed", "verdict", "changed_to", "comment", "who", "when"});
  Decision decision;
  decision.sample_token = root.At("sample_token").String();
  if (const auto proposed = Label(root.At("proposed"), problems)) decision.proposed = *proposed;
  const std::string& verdict = root.At("verdict").String();
  size_t index = 0;
  while (index < kVerdicts.size() && kVerdicts[index] != verdict) ++index;
  if (index == kVerdicts.size()) {
    problems.push_back("\"verdict\" must be accept, change, comment or undo, but is " +
                       Quoted(verdict, 60));
  } else {
    decision.verdict = static_cast<Verdict>(index);
  }
  bool labels_read = problems.empty();
  if (const auto node = root.Find("changed_to")) decision.changed_to = Label(*node, problems);
  labels_read = labels_read && problems.empty();
  if (const auto node = root.Find("comment")) decision.comment = node->String();
  decision.who = root.At("who").String();
  const std::string& when = root.At("when").String();
  if (const auto time = ParseUtc(when)) {
    decision.when_ms = *time;
  } else {
    problems.push_back("\"when\" must be UTC like \"2026-11-28T02:27:43.123Z\", but is " +
                       Quoted(when, 60));
    decision.when_ms = kFirst_ms;
  }
  if (!labels_read) return decision;  // Rules between fields would complain of what was told.
  for (auto& problem : ProblemsOf(decision)) problems.push_back(std::move(problem));
  return decision;
}

}  // namespace

std::vector<std::string> ProblemsOf(const Decision& decision) {
  std::vector<std::string> problems;
  if (!IsSampleToken(decision.sample_token)) {
    problems.push_back("the sample token must be 32 lower-case hex digits, but is " +
                       Quoted(decision.sample_token, 60));
  }
  if (decision.verdict == Verdict::kChange && !decision.changed_to) {
    problems.push_back("a change must say to what");
  } else if (decision.verdict != Verdict::kChange && decision.changed_to) {
    problems.push_back("only a change may name another label, this is \"" +
                       std::string(NameOf(decision.verdict)) + "\"");
  } else if (decision.changed_to == decision.proposed) {
    problems.push_back("a change to what was proposed (" + data::ToString(decision.proposed) +
                       ") is an acceptance");
  }
  if (decision.verdict == Verdict::kComment && decision.comment.empty())
    problems.push_back("a comment must have words");
  if (decision.comment.size() > Decision::kMaxComment) {
    problems.push_back("a comment may have " + std::to_string(Decision::kMaxComment) +
                       " bytes, but has " + std::to_string(decision.comment.size()));
  } else if (!IsValidUtf8(decision.comment) || HasControl(decision.comment, true)) {
    problems.push_back("the comment must be UTF-8 without control characters, but is " +
                       Quoted(decision.comment, 60));
  }
  if (decision.who.empty() || decision.who.size() > Decision::kMaxWho ||
      !IsValidUtf8(decision.who) || HasControl(decision.who, false)) {
    problems.push_back("who decided must be 1 to " + std::to_string(Decision::kMaxWho) +
                       " bytes of UTF-8 without control characters, but is " +
                       Quoted(decision.who, 60));
  }
  if (decision.when_ms < kFirst_ms || decision.when_ms >= kEnd_ms) {
    problems.push_back("the time must lie in the years 2000 to 9999, but is " +
                       std::to_string(decision.when_ms) + " ms since 1970");
  }
  return problems;
}

std::string_view NameOf(Verdict verdict) { return kVerdicts[static_cast<size_t>(verdict)]; }

std::string UtcText(int64_t when_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(when_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

std::optional<int64_t> ParseUtc(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != kForm.size()) return std::nullopt;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  const auto number = [&](size_t from, size_t count) {
    int value = 0;
    for (const char c : text.substr(from, count)) value = value * 10 + (c - '0');
    return value;
  };
  const year_month_day date(year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                            day(static_cast<unsigned>(number(8, 2))));
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 59)
    return std::nullopt;
  const auto time = sys_days(date) + hours(number(11, 2)) + minutes(number(14, 2)) +
                    seconds(number(17, 2)) + milliseconds(number(20, 3));
  return duration_cast<milliseconds>(time.time_since_epoch()).count();
}

std::string ToJsonLine(const Decision& decision) {
  Json json = {{"sample_token", decision.sample_token},
               {"proposed", data::ToString(decision.proposed)},
               {"verdict", NameOf(decision.verdict)}};
  if (decision.changed_to) json["changed_to"] = data::ToString(*decision.changed_to);
  if (!decision.comment.empty()) json["comment"] = decision.comment;
  json["who"] = decision.who;
  json["when"] = UtcText(decision.when_ms);
  return json.dump();
}

std::vector<Decision> ParseJsonLines(std::string_view text, const std::string& where) {
  if (text.size() > kMaxDecisionBytes) {
    throw DataError(where + ": has " + std::to_string(text.size()) + " bytes; decisions may have " +
                    std::to_string(kMaxDecisionBytes) + ". Split the file.");
  }
  std::vector<Decision> decisions;
  data::Complaints complaints;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string place = where + ", line " + std::to_string(number);
    std::vector<std::string> problems;
    if (line.size() > kMaxDecisionLine) {
      problems.push_back("has " + std::to_string(line.size()) + " bytes; a decision may have " +
                         std::to_string(kMaxDecisionLine));
    } else {
      try {
        decisions.push_back(ReadLine(line, problems));
      } catch (const DataError& error) {
        std::string_view problem = error.what();
        if (problem.starts_with(": ")) problem.remove_prefix(2);
        if (problem.ends_with('.')) problem.remove_suffix(1);
        problems.emplace_back(problem);
      }
    }
    for (const auto& problem : problems) complaints.Add(place, problem);
  }
  complaints.Throw(where + ": these are no decisions",
                   "Nothing was taken from it. `occvla label review export` writes such files.");
  return decisions;
}

std::optional<data::MetaAction> ReviewState::label() const {
  if (!decision) return std::nullopt;
  return decision->changed_to ? decision->changed_to : decision->proposed;
}

ReviewState Play(std::span<const Decision> history) {
  ReviewState state;
  std::vector<const Decision*> holding;
  for (const Decision& one : history) {
    if (one.verdict == Verdict::kAccept || one.verdict == Verdict::kChange) holding.push_back(&one);
    if (one.verdict == Verdict::kUndo && !holding.empty()) holding.pop_back();
    if (one.comment.empty()) continue;
    ++state.comments;
    state.last_comment = one.comment;
  }
  if (!holding.empty()) state.decision = *holding.back();
  return state;
}

}  // namespace occvla::label
