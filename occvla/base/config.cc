#include "occvla/base/config.h"

#include <toml++/toml.h>
#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "occvla/base/config_text.h"
#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"

namespace occvla::config {
namespace {

constexpr size_t kMaxFile = size_t{1} << 20;
// toml++ nests tables by dots without bound, and frees them by recursion. A config of this program
// has a few dozen.
constexpr size_t kMaxDots = 2000;

// A setter puts `node` into its field or says what it wanted.
using Wanted = std::optional<std::string>;

std::string Range(int64_t low, int64_t high) {
  return "an integer from " + std::to_string(low) + " to " + std::to_string(high);
}

template <typename Integer>
Wanted SetInteger(const toml::node& node, Integer* value) {
  constexpr int64_t kLow =
      std::is_unsigned_v<Integer> ? 0 : static_cast<int64_t>(std::numeric_limits<Integer>::min());
  constexpr int64_t kHigh =
      std::numeric_limits<Integer>::max() > uint64_t{std::numeric_limits<int64_t>::max()}
          ? std::numeric_limits<int64_t>::max()
          : static_cast<int64_t>(std::numeric_limits<Integer>::max());
  const auto* integer = node.as_integer();
  if (integer == nullptr) return "an integer";
  if (integer->get() < kLow || integer->get() > kHigh) return Range(kLow, kHigh);
  *value = static_cast<Integer>(integer->get());
  return std::nullopt;
}

Wanted SetNode(const toml::node& node, bool* value) {
  if (!node.is_boolean()) return "true or false";
  *value = node.as_boolean()->get();
  return std::nullopt;
}
Wanted SetNode(const toml::node& node, int* value) { return SetInteger(node, value); }
Wanted SetNode(const toml::node& node, int64_t* value) { return SetInteger(node, value); }
Wanted SetNode(const toml::node& node, uint64_t* value) { return SetInteger(node, value); }
Wanted SetNode(const toml::node& node, double* value) {
  if (const auto* number = node.as_floating_point()) {
    *value = number->get();
    return std::nullopt;
  }
  const auto* integer = node.as_integer();
  if (integer == nullptr) return "a number";
  // Beyond 2^53 the nearest double may be another integer.
  if (integer->get() > (int64_t{1} << 53) || integer->get() < -(int64_t{1} << 53))
    return "a number that a double holds exactly";
  *value = static_cast<double>(integer->get());
  return std::nullopt;
}
Wanted SetNode(const toml::node& node, std::string* value) {
  if (!node.is_string()) return "a string";
  *value = node.as_string()->get();
  return std::nullopt;
}
Wanted SetNode(const toml::node& node, std::filesystem::path* value) {
  if (!node.is_string()) return "a path in quotes";
  *value = node.as_string()->get();
  return std::nullopt;
}
Wanted SetWord(const std::string& word, const EnumField& field) {
  const auto found = std::find(field.names.begin(), field.names.end(), word);
  if (found == field.names.end()) return "one of " + Join(field.names, ", ");
  field.set(static_cast<size_t>(found - field.names.begin()));
  return std::nullopt;
}
Wanted SetNode(const toml::node& node, const EnumField& field) {
  if (!node.is_string()) return "one of " + Join(field.names, ", ") + " in quotes";
  return SetWord(node.as_string()->get(), field);
}
template <typename T>
Wanted SetNode(const toml::node& node, std::vector<T>* values) {
  constexpr const char* kKind = std::is_same_v<T, std::string> ? "strings"
                                : std::is_same_v<T, double>    ? "numbers"
                                                               : "integers";
  const auto* array = node.as_array();
  if (array == nullptr) return std::string("an array of ") + kKind;
  std::vector<T> read;
  for (const toml::node& element : *array) {
    T value{};
    if (SetNode(element, &value)) {
      return std::string("an array of ") + kKind + " (element " + std::to_string(read.size()) +
             " is not)";
    }
    read.push_back(std::move(value));
  }
  *values = std::move(read);
  return std::nullopt;
}

std::string Found(const toml::node& node) {
  if (const auto* value = node.as_string()) return Quoted(value->get(), 60);
  if (const auto* value = node.as_integer()) return std::to_string(value->get());
  if (const auto* value = node.as_floating_point()) return TomlNumber(value->get());
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (const auto* value = node.as_array()) return "an array of " + std::to_string(value->size());
  if (node.is_table()) return "a table";
  return "a date or time";
}

const Field* FindField(const Collector& fields, std::string_view path) {
  const auto found = std::find_if(fields.fields().begin(), fields.fields().end(),
                                  [&](const Field& field) { return field.path == path; });
  return found == fields.fields().end() ? nullptr : &*found;
}

bool IsTable(const Collector& fields, std::string_view path) {
  return std::any_of(fields.tables().begin(), fields.tables().end(),
                     [&](const auto& table) { return table.first == path; });
}

std::string UnknownName(const Collector& fields, const std::string& path) {
  std::vector<std::string> names;
  for (const Field& field : fields.fields()) names.push_back(field.path);
  for (const auto& [table, help] : fields.tables()) names.push_back(table);
  const size_t dot = path.rfind('.');
  const std::string table = dot == std::string::npos ? "" : path.substr(0, dot);
  const bool known_table = table.empty() || IsTable(fields, table);
  const std::string prefix = known_table && !table.empty() ? table + "." : "";
  std::vector<std::string> siblings;
  for (const std::string& name : names)
    if (name.starts_with(prefix) && name.find('.', prefix.size()) == std::string::npos)
      siblings.push_back(name.substr(prefix.size()));

  // A misspelt name in the right table; a misspelt table; the right name in the wrong table.
  std::vector<std::string> nearest;
  if (known_table) {
    nearest = Nearest(LastPart(path), siblings);
    for (std::string& name : nearest) name.insert(0, prefix);
  }
  if (nearest.empty()) nearest = Nearest(path, names);
  if (nearest.empty()) {
    for (const std::string& name : names)
      if (LastPart(name) == LastPart(path) && nearest.size() < 3) nearest.push_back(name);
  }
  for (std::string& name : nearest) name = Quoted(name);
  if (!nearest.empty())
    return Quoted(path) + " is not a field; did you mean " + Join(nearest, " or ") + "?";
  return Quoted(path) + " is not a field; " +
         (prefix.empty() ? std::string("the top level") : "[" + table + "]") + " has " +
         Join(siblings, ", ");
}

std::string WrongValue(const Field& field, const std::string& wanted, const std::string& found) {
  return Quoted(field.path) + " must be " + wanted + ", but is " + found;
}

using LineProblem = std::pair<toml::source_index, std::string>;

// Sets the fields of `table`, whose dotted path is `prefix`, tables within it included.
void ApplyTable(const Collector& fields, const toml::table& table, const std::string& prefix,
                std::vector<LineProblem>* problems) {
  for (const auto& entry : table) {
    const toml::key& key = entry.first;  // Named: clang 14 captures no structured bindings.
    const toml::node& node = entry.second;
    const std::string path = prefix + std::string(key.str());
    const auto complain = [&](const std::string& problem) {
      problems->emplace_back(key.source().begin.line, problem);
    };
    if (const Field* field = FindField(fields, path)) {
      const Wanted wanted =
          std::visit([&](const auto& target) { return SetNode(node, target); }, field->target);
      if (wanted) complain(WrongValue(*field, *wanted, Found(node)));
    } else if (IsTable(fields, path)) {
      if (const toml::table* inner = node.as_table()) {
        ApplyTable(fields, *inner, path + ".", problems);
      } else {
        complain(Quoted(path) + " must be a table, but is " + Found(node));
      }
    } else {
      complain(UnknownName(fields, path));
    }
  }
}

void ApplySetTo(const Field& field, const std::string& text, const std::string& where,
                std::vector<std::string>* problems) {
  const auto complain = [&](const std::string& wanted) {
    problems->push_back(where + ": " + WrongValue(field, wanted, Printable(text, 60)));
  };
  if (!IsValidUtf8(text)) return complain("valid UTF-8");
  if (auto* const* value = std::get_if<std::string*>(&field.target)) {
    **value = text;
    return;
  }
  if (auto* const* value = std::get_if<std::filesystem::path*>(&field.target)) {
    **value = text;
    return;
  }
  if (const auto* value = std::get_if<EnumField>(&field.target)) {
    if (const Wanted wanted = SetWord(text, *value)) complain(*wanted);
    return;
  }
  // One line holds one value: a line break would start another entry.
  const bool simple =
      text.size() <= 65'536 && std::count(text.begin(), text.end(), '.') <= int64_t{kMaxDots};
  toml::table table;
  try {
    if (!simple || text.find_first_of("\n\r#") != std::string::npos)
      return complain("a TOML value");
    table = toml::parse("value = " + text);
  } catch (const toml::parse_error&) {
    // What the field wants helps more than the parser's words; no field takes a date.
    const toml::value<toml::date_time> date{toml::date_time{}};
    const Wanted wanted =
        std::visit([&](const auto& target) { return SetNode(date, target); }, field.target);
    return complain(wanted.value_or("a TOML value"));
  }
  const toml::node& node = *table.get("value");
  const Wanted wanted =
      std::visit([&](const auto& target) { return SetNode(node, target); }, field.target);
  if (wanted) complain(*wanted);
}

}  // namespace

void Collector::Add(const char* name, const char* help, Target target) {
  std::string path = prefix_ + name;
  OCCVLA_DCHECK(FindField(*this, path) == nullptr && !IsTable(*this, path));
  fields_.push_back({std::move(path), help, std::move(target)});
}

void Collector::OpenTable(const char* name, const char* help) {
  OCCVLA_DCHECK(FindField(*this, prefix_ + name) == nullptr && !IsTable(*this, prefix_ + name));
  tables_.emplace_back(prefix_ + name, help);
  prefix_ += std::string(name) + ".";
}

void ApplyTomlText(const Collector& fields, std::string_view text, const std::string& where,
                   std::vector<std::string>* problems) {
  if (text.size() > kMaxFile ||
      static_cast<size_t>(std::count(text.begin(), text.end(), '.')) > kMaxDots) {
    problems->push_back(where + ": holds more than " + std::to_string(kMaxFile) + " bytes or " +
                        std::to_string(kMaxDots) + " dots, which no config needs");
    return;
  }
  try {
    const toml::table table = toml::parse(text);
    std::vector<LineProblem> found;
    ApplyTable(fields, table, "", &found);
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [line, problem] : found)
      problems->push_back(where + ":" + std::to_string(line) + ": " + problem);
  } catch (const toml::parse_error& error) {
    problems->push_back(where + ":" + std::to_string(error.source().begin.line) +
                        ": not TOML: " + Printable(error.description()));
  }
}

void ApplyTomlFile(const Collector& fields, const std::filesystem::path& path,
                   std::vector<std::string>* problems) {
  std::string text;
  try {
    text = ReadTextFile(path, kMaxFile, ErrorKind::kConfig);
  } catch (const ConfigError& error) {
    problems->push_back(error.what());
    return;
  }
  ApplyTomlText(fields, text, path.string(), problems);
}

void ApplySets(const Collector& fields, std::span<const std::string> sets,
               std::vector<std::string>* problems) {
  std::set<std::string> seen;
  for (const std::string& set : sets) {
    const std::string where = "--set " + Printable(set, 120);
    const size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems->push_back(where + ": expected FIELD=VALUE");
      continue;
    }
    const std::string path = set.substr(0, equals);
    const Field* field = FindField(fields, path);
    if (field == nullptr) {
      problems->push_back(where + ": " +
                          (IsTable(fields, path)
                               ? Quoted(path) + " is a table; set its fields one by one"
                               : UnknownName(fields, path)));
    } else if (!seen.insert(path).second) {
      problems->push_back(where + ": " + Quoted(path) + " is set twice");
    } else {
      ApplySetTo(*field, set.substr(equals + 1), where, problems);
    }
  }
}

void ThrowProblems(const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  throw ConfigError(std::to_string(problems.size()) +
                    (problems.size() == 1 ? " problem" : " problems") +
                    " in the configuration:\n  - " + Join(problems, "\n  - "));
}

}  // namespace occvla::config
