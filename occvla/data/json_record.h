#pragma once
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/complaints.h"

/// Records of published data sets, read strictly and with every complaint kept. For sources: the
/// header brings simdjson. Fields that no reader asks for are let be: publishers add some.
namespace occvla::data {

/// Names a record where a complaint needs it: "FILE: questions[17]".
using Where = std::function<std::string()>;

/// The bytes that one text of a record may have.
inline constexpr size_t kMaxRecordText = 64 << 10;

/// True for 32 lower-case hex digits, as all tokens of nuScenes tables are.
bool IsToken(std::string_view text);
/// True for a path with "/" that stays below the folder it is relative to.
bool IsPathInside(std::string_view path);

/// An object's fields, asked for by name. What is absent or of another type is a complaint and
/// nothing is returned; the caller goes on, so that all complaints of a record come together.
class JsonRecord {
 public:
  /// Complains when `value` is no object or has a name twice. `complaints` outlives it.
  JsonRecord(simdjson::dom::element value, Where where, Complaints& complaints);

  bool ok() const { return object_.has_value(); }
  /// Absent and null count as the same here.
  std::optional<simdjson::dom::element> Find(std::string_view name) const;
  std::optional<simdjson::dom::element> Field(std::string_view name) const;
  /// Not empty unless that is allowed, at most kMaxRecordText bytes.
  enum class Empty { kRefused, kAllowed };
  std::optional<std::string_view> Text(std::string_view name, Empty empty = Empty::kRefused) const;
  std::optional<std::string_view> Token(std::string_view name) const;
  std::optional<int64_t> Int(std::string_view name, int64_t low, int64_t high) const;
  /// Finite numbers, exactly `count` of them.
  std::optional<std::vector<double>> Numbers(std::string_view name, size_t count) const;
  std::optional<simdjson::dom::array> Array(std::string_view name) const;
  /// A record inside this one.
  std::optional<JsonRecord> Record(std::string_view name) const;

  void Complain(const std::string& problem) const { complaints_->Add(where_(), problem); }
  /// `"name" must be EXPECTED, but is VALUE`.
  void ComplainType(std::string_view name, const std::string& expected,
                    simdjson::dom::element found) const;
  const Where& where() const { return where_; }

 private:
  std::optional<simdjson::dom::object> object_;
  Where where_;
  Complaints* complaints_;  // Not owned.
};

/// Parses one value; complains about its syntax and returns nothing. What it returned lives until
/// the next call.
class RecordParser {
 public:
  std::optional<simdjson::dom::element> Parse(std::string_view text, const Where& where,
                                              Complaints& complaints);

 private:
  simdjson::dom::parser parser_;
};

/// A value for a complaint, cut where it is long.
std::string ValueText(simdjson::dom::element value);

}  // namespace occvla::data
