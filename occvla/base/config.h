#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// Configuration: plain structs whose `VisitFields` is the one list of their fields.
///
///   struct TrainConfig {
///     int64_t steps = 20'000;
///     MaskMode mask = MaskMode::kOccvla;
///     OptimizerConfig optimizer;  // A struct with VisitFields is a table.
///     template <typename Visitor>
///     void VisitFields(Visitor&& v) {
///       v("steps", steps, "optimiser steps in this stage");
///       v("mask", mask, "who may see whom");
///       v("optimizer", optimizer, "how weights move");
///     }
///   };
///
/// Fields are bool, int, int64_t, uint64_t (size_t), double, std::string, std::filesystem::path,
/// std::vector of std::string, double or int64_t, enums that specialise EnumNames, and such
/// structs. From that list come loading, saving, `--set` and help. Nothing is coerced but an
/// integer written for a double; an unknown name, a wrong type, a number out of range and a value
/// given twice are all collected and thrown as one ConfigError, in whose text each names its line
/// or its `--set` and the nearest known field. The struct is unchanged when anything throws.
namespace occvla {

/// The words for an enum's values, specialised beside the enum:
///
///   template <>
///   struct EnumNames<MaskMode> {
///     static constexpr std::pair<std::string_view, MaskMode> kNames[] = {
///         {"occvla", MaskMode::kOccvla}, {"paligemma", MaskMode::kPaliGemma}};
///   };
template <typename Enum>
struct EnumNames;

/// The word for a value; throws std::out_of_range (our own fault) for a value without one.
template <typename Enum>
std::string_view NameOfEnum(Enum value) {
  for (const auto& [name, named] : EnumNames<Enum>::kNames)
    if (named == value) return name;
  throw std::out_of_range("an enum value without a name");
}

/// What the visitor turns a struct into. Users of config need none of it.
namespace config {

/// An enum field with its type erased: values are indices into `names`.
struct EnumField {
  std::vector<std::string> names;
  std::function<size_t()> get;
  std::function<void(size_t)> set;
};

using Target =
    std::variant<bool*, int*, int64_t*, uint64_t*, double*, std::string*, std::filesystem::path*,
                 std::vector<std::string>*, std::vector<double>*, std::vector<int64_t>*, EnumField>;

struct Field {
  std::string path;  ///< Dotted from the root.
  std::string help;
  Target target;
};

/// The visitor: collects fields in the order of the list. Pointers live as long as the struct.
class Collector {
 public:
  template <typename T>
  void operator()(const char* name, T& field, const char* help) {
    if constexpr (std::is_enum_v<T>) {
      EnumField erased;
      for (const auto& [word, value] : EnumNames<T>::kNames) erased.names.emplace_back(word);
      erased.get = [&field] {
        size_t index = 0;
        for (const auto& [word, value] : EnumNames<T>::kNames) {
          if (value == field) break;
          ++index;
        }
        return index;
      };
      erased.set = [&field](size_t index) { field = EnumNames<T>::kNames[index].second; };
      Add(name, help, std::move(erased));
    } else if constexpr (requires(Collector & v) { field.VisitFields(v); }) {
      const std::string outer = prefix_;
      OpenTable(name, help);
      field.VisitFields(*this);
      prefix_ = outer;
    } else {
      static_assert(std::is_constructible_v<Target, T*>, "not a type that a config field may have");
      Add(name, help, &field);
    }
  }

  const std::vector<Field>& fields() const { return fields_; }
  /// Dotted paths of the tables with their help, outermost first.
  const std::vector<std::pair<std::string, std::string>>& tables() const { return tables_; }

 private:
  void Add(const char* name, const char* help, Target target);
  void OpenTable(const char* name, const char* help);

  std::string prefix_;  // "train." while inside of train.
  std::vector<Field> fields_;
  std::vector<std::pair<std::string, std::string>> tables_;
};

template <typename Struct>
Collector Collect(Struct& fields) {
  Collector collector;
  fields.VisitFields(collector);
  return collector;
}

/// Each appends its complaints to `problems`.
void ApplyTomlText(const Collector& fields, std::string_view text, const std::string& where,
                   std::vector<std::string>* problems);
void ApplyTomlFile(const Collector& fields, const std::filesystem::path& path,
                   std::vector<std::string>* problems);
void ApplySets(const Collector& fields, std::span<const std::string> sets,
               std::vector<std::string>* problems);
std::string ToToml(const Collector& fields);
std::string HelpText(const Collector& fields);
/// Throws one ConfigError that lists them; returns if there are none.
void ThrowProblems(const std::vector<std::string>& problems);

}  // namespace config

/// Sets the fields that `path` names and then those of `sets` ("a.b=value"), which win over the
/// file; an empty path reads no file. Complaints of both come in one ConfigError.
template <typename Struct>
void LoadConfig(Struct& fields, const std::filesystem::path& path,
                std::span<const std::string> sets) {
  Struct changed = fields;
  const config::Collector collector = config::Collect(changed);
  std::vector<std::string> problems;
  if (!path.empty()) config::ApplyTomlFile(collector, path, &problems);
  config::ApplySets(collector, sets, &problems);
  config::ThrowProblems(problems);
  fields = std::move(changed);
}

/// Sets the fields that the TOML file names; the others keep their values.
template <typename Struct>
void LoadToml(Struct& fields, const std::filesystem::path& path) {
  LoadConfig(fields, path, {});
}

/// The same from text in memory; `where` opens every complaint.
template <typename Struct>
void ParseToml(Struct& fields, std::string_view text, const std::string& where) {
  Struct changed = fields;
  std::vector<std::string> problems;
  config::ApplyTomlText(config::Collect(changed), text, where, &problems);
  config::ThrowProblems(problems);
  fields = std::move(changed);
}

/// One `--set a.b=value`. Strings, paths and enums take the text after the first '=' as it is;
/// every other field reads it as a TOML value: 3, 1e-4, true, [1, 2], ["a", "b"].
template <typename Struct>
void ApplySet(Struct& fields, const std::string& set) {
  LoadConfig(fields, {}, std::span(&set, 1));
}

/// Every field as TOML, in the order of the list; `LoadToml` of it gives the same struct. Throws
/// ConfigError for what TOML cannot hold: an integer above 2^63 - 1, text that is not UTF-8.
template <typename Struct>
std::string ToToml(Struct fields) {
  return config::ToToml(config::Collect(fields));
}

/// One line a field: dotted name, type, default (the value in `fields`), help; and one line a table
/// before its fields.
template <typename Struct>
std::string HelpText(Struct fields) {
  return config::HelpText(config::Collect(fields));
}

}  // namespace occvla
