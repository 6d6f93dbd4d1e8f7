#include "occvla/serve/review/judgement.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"

namespace occvla::serve::review {
namespace {

constexpr size_t kMostItems = 5000;

class BadField : public std::exception {
 public:
  explicit BadField(Fault found) : fault(std::move(found)) {}
  Fault fault;
};

std::string Text(const nlohmann::json& body, const char* field, bool needed) {
  const auto found = body.find(field);
  if (found == body.end()) {
    if (needed) throw BadField({std::string(field) + " is missing", field});
    return "";
  }
  if (!found->is_string()) throw BadField({std::string(field) + " must be a text", field});
  return found->get<std::string>();
}

data::MetaAction Label(const std::string& text, const char* field) {
  const auto action = data::ParseMetaAction(text);
  if (action && data::ToString(*action) == text) return *action;
  throw BadField({std::string(field) +
                      " must be a label such as \"Maintain speed, Go Straight\", "
                      "but is " +
                      Quoted(text, 60),
                  field});
}

label::Verdict VerdictOf(const std::string& text) {
  for (const auto verdict : {label::Verdict::kAccept, label::Verdict::kChange,
                             label::Verdict::kComment, label::Verdict::kUndo}) {
    if (label::NameOf(verdict) == text) return verdict;
  }
  throw BadField(
      {"verdict must be accept, change, comment or undo, but is " + Quoted(text, 60), "verdict"});
}

size_t Number(const std::string& text, const char* field, size_t low, size_t high,
              size_t fallback) {
  if (text.empty()) return fallback;
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= low && value <= high)
    return value;
  throw BadField({std::string(field) + " must be a number from " + std::to_string(low) + " to " +
                      std::to_string(high) + ", but is " + Quoted(text, 40),
                  field});
}

}  // namespace

std::variant<Judgement, Fault> ParseJudgement(std::string_view body) {
  try {
    const auto document =
        ParseJson(body, "body",
                  {.max_bytes = kMostJudgementBytes, .max_depth = 2, .kind = ErrorKind::kConfig});
    if (!document.is_object()) return Fault{"the body must be an object", ""};
    for (const auto& [name, value] : document.items()) {
      constexpr std::array<std::string_view, 5> kKnown = {"verdict", "proposed", "changed_to",
                                                          "comment", "who"};
      if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end())
        return Fault{Quoted(name, 60) + " is no field of a judgement", Printable(name, 60)};
    }
    Judgement judgement;
    judgement.verdict = VerdictOf(Text(document, "verdict", true));
    judgement.proposed = Label(Text(document, "proposed", true), "proposed");
    if (const auto changed = Text(document, "changed_to", false); !changed.empty())
      judgement.changed_to = Label(changed, "changed_to");
    judgement.comment = Text(document, "comment", false);
    judgement.who = Text(document, "who", true);
    return judgement;
  } catch (const BadField& bad) {
    return bad.fault;
  } catch (const ConfigError& error) {  // No JSON.
    return Fault{error.what(), ""};
  }
}

std::variant<ItemQuery, Fault> ParseQuery(const QueryTexts& texts) {
  constexpr std::array<std::string_view, 5> kStatus = {"any", "undecided", "accepted", "changed",
                                                       "commented"};
  try {
    ItemQuery query;
    size_t status = 0;
    while (status < kStatus.size() && kStatus[status] != texts.status) ++status;
    if (texts.status.empty()) status = 0;
    if (status == kStatus.size()) {
      return Fault{"status must be any, undecided, accepted, changed or commented, but is " +
                       Quoted(texts.status, 40),
                   "status"};
    }
    query.filter.status = static_cast<label::ReviewStatus>(status);
    query.filter.who = texts.who;
    query.offset = Number(texts.offset, "offset", 0, size_t{1} << 40, 0);
    query.limit = Number(texts.limit, "limit", 1, kMostItems, query.limit);
    return query;
  } catch (const BadField& bad) {
    return bad.fault;
  }
}

}  // namespace occvla::serve::review
