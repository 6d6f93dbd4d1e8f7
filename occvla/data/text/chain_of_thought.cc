#include "occvla/data/text/chain_of_thought.h"

#include <optional>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/data/json_record.h"
#include "occvla/data/json_walk.h"

namespace occvla::data {
namespace {

constexpr size_t kMaxRecord = 1 << 20;
constexpr size_t kMaxOther = 1 << 20;  // A top-level field that is not the labels.
constexpr size_t kMostPast = 64;       // As EgoState.

constexpr std::string_view kForm =
    "\"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\"";

void ReadPast(const JsonRecord& record, std::vector<MetaAction>& past) {
  const auto list = record.Array("past");
  if (!list) return;
  for (const simdjson::dom::element element : *list) {
    const auto action =
        element.is_string() ? ParseMetaAction(std::string_view(element)) : std::nullopt;
    if (!action) {
      record.Complain("\"past\" must hold " + std::string(kForm) + ", but has " +
                      ValueText(element));
      return;
    }
    if (past.size() == kMostPast) {
      record.Complain("\"past\" must hold at most " + std::to_string(kMostPast) + " actions");
      return;
    }
    past.push_back(*action);
  }
}

// One line: the lines of an answer are its fields.
std::string Line(const JsonRecord& record, std::string_view name) {
  const auto text = record.Text(name);
  if (text && text->find_first_of("\r\n") != std::string_view::npos) {
    record.Complain(Quoted(name) + " must be one line, but is " + Quoted(*text));
  }
  return std::string(text.value_or(""));
}

CotLabel ReadLabel(const JsonRecord& record, std::string_view token) {
  CotLabel label;
  label.token = token;
  ReadPast(record, label.past);
  label.text.scene = Line(record, "scene");
  label.text.intent = Line(record, "intent");
  label.maker = Line(record, "maker");
  if (const auto text = record.Text("meta_action")) {
    const auto action = ParseMetaAction(*text);
    if (!action)
      record.Complain("\"meta_action\" must be " + std::string(kForm) + ", but is " +
                      Quoted(*text));
    label.text.meta_action = action.value_or(MetaAction{});
  }
  return label;
}

}  // namespace

void ReadChainOfThought(std::string_view text, const std::string& where,
                        const std::function<void(const CotLabel&)>& take, Complaints& complaints) {
  RecordParser parser;
  bool found = false;
  try {
    JsonWalk walk(text, where);
    walk.Object([&](std::string_view name) {
      if (name != "chain_of_thought") {
        walk.Value(kMaxOther);
        return;
      }
      found = true;
      walk.Object([&](std::string_view token) {
        const auto here = [&] { return where + ": chain_of_thought[" + Quoted(token, 60) + "]"; };
        const size_t before = complaints.count();
        if (!IsToken(token))
          complaints.Add(here(), "is not named by a sample token of 32 lower-case hex digits");
        const auto value = parser.Parse(walk.Value(kMaxRecord), here, complaints);
        if (!value) return;
        const JsonRecord record(*value, here, complaints);
        if (!record.ok()) return;
        const CotLabel label = ReadLabel(record, token);
        if (complaints.count() == before) take(label);
      });
    });
    walk.End();
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
    return;
  }
  if (!found) complaints.Add(where, "lacks the field \"chain_of_thought\"");
}

}  // namespace occvla::data
