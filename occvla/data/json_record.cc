#include "occvla/data/json_record.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "occvla/base/text.h"

namespace occvla::data {
namespace {

namespace dom = simdjson::dom;

// A name that occurs twice among an object's fields; empty if none.
std::string_view DoubledName(dom::object object) {
  std::vector<std::string_view> names;
  for (const auto field : object) names.push_back(field.key);
  std::sort(names.begin(), names.end());
  const auto doubled = std::adjacent_find(names.begin(), names.end());
  return doubled == names.end() ? std::string_view() : *doubled;
}

// simdjson's words without its error's name, which only some releases put before them.
std::string Words(simdjson::error_code error) {
  std::string text = simdjson::error_message(error);
  const size_t colon = text.find(": ");
  const auto is_name = [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; };
  if (colon != std::string::npos &&
      std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), is_name))
    text.erase(0, colon + 2);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

bool IsToken(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsPathInside(std::string_view path) {
  if (path.empty() || path.size() > 4096 || path.find('\\') != std::string_view::npos ||
      path.find('\0') != std::string_view::npos)
    return false;
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = end + 1;
  }
  return true;
}

std::string ValueText(dom::element value) {
  switch (value.type()) {
    case dom::element_type::OBJECT:
      return "an object of " + std::to_string(dom::object(value).size());
    case dom::element_type::STRING:
      return Quoted(std::string_view(value), 60);
    case dom::element_type::ARRAY:
      if (dom::array(value).size() > 8)
        return "an array of " + std::to_string(dom::array(value).size());
      [[fallthrough]];
    default:
      return Printable(simdjson::minify(value), 80);
  }
}

JsonRecord::JsonRecord(dom::element value, Where where, Complaints& complaints)
    : where_(std::move(where)), complaints_(&complaints) {
  if (!value.is_object()) {
    Complain("must be an object, but is " + ValueText(value));
    return;
  }
  object_ = dom::object(value);
  const std::string_view doubled = DoubledName(*object_);
  if (doubled.data() != nullptr) Complain("has the field " + Quoted(doubled) + " twice");
}

void JsonRecord::ComplainType(std::string_view name, const std::string& expected,
                              dom::element found) const {
  Complain(Quoted(name) + " must be " + expected + ", but is " + ValueText(found));
}

std::optional<dom::element> JsonRecord::Find(std::string_view name) const {
  if (!object_) return std::nullopt;
  for (const auto field : *object_)
    if (field.key == name) {
      if (field.value.is_null()) return std::nullopt;
      return field.value;
    }
  return std::nullopt;
}

std::optional<dom::element> JsonRecord::Field(std::string_view name) const {
  if (!object_) return std::nullopt;
  std::vector<std::string> names;
  for (const auto field : *object_) {
    if (field.key == name) return field.value;
    if (names.size() < 32) names.emplace_back(field.key);
  }
  const std::vector<std::string> nearest = Nearest(name, names, 1);
  Complain("lacks the field " + Quoted(name) +
           (nearest.empty() ? "" : "; it has " + Quoted(nearest.front())));
  return std::nullopt;
}

std::optional<std::string_view> JsonRecord::Text(std::string_view name, Empty empty) const {
  const auto value = Field(name);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    ComplainType(name, "a string", *value);
    return std::nullopt;
  }
  const std::string_view text(*value);
  if (text.size() > kMaxRecordText) {
    Complain(Quoted(name) + " has " + std::to_string(text.size()) + " bytes, at most " +
             std::to_string(kMaxRecordText) + " are accepted here");
    return std::nullopt;
  }
  if (text.empty() && empty == Empty::kRefused) {
    Complain(Quoted(name) + " is empty");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string_view> JsonRecord::Token(std::string_view name) const {
  const auto value = Field(name);
  if (!value) return std::nullopt;
  if (!value->is_string() || !IsToken(std::string_view(*value))) {
    ComplainType(name, "a token of 32 hex digits", *value);
    return std::nullopt;
  }
  return std::string_view(*value);
}

std::optional<int64_t> JsonRecord::Int(std::string_view name, int64_t low, int64_t high) const {
  const auto value = Field(name);
  if (!value) return std::nullopt;
  int64_t number = 0;
  if (value->get(number) != simdjson::SUCCESS || number < low || number > high) {
    ComplainType(name, "an integer from " + std::to_string(low) + " to " + std::to_string(high),
                 *value);
    return std::nullopt;
  }
  return number;
}

std::optional<std::vector<double>> JsonRecord::Numbers(std::string_view name, size_t count) const {
  const auto value = Field(name);
  if (!value) return std::nullopt;
  std::vector<double> numbers;
  if (value->is_array()) {
    for (const dom::element number : dom::array(*value)) {
      double as_double = 0;
      if (number.get(as_double) != simdjson::SUCCESS) break;
      numbers.push_back(as_double);
    }
    if (numbers.size() == count && dom::array(*value).size() == count) return numbers;
  }
  ComplainType(name, std::to_string(count) + " numbers", *value);
  return std::nullopt;
}

std::optional<dom::array> JsonRecord::Array(std::string_view name) const {
  const auto value = Field(name);
  if (!value) return std::nullopt;
  if (!value->is_array()) {
    ComplainType(name, "an array", *value);
    return std::nullopt;
  }
  return dom::array(*value);
}

std::optional<JsonRecord> JsonRecord::Record(std::string_view name) const {
  const auto value = Field(name);
  if (!value) return std::nullopt;
  JsonRecord inner(
      *value, [outer = where_, inside = std::string(name)] { return outer() + ", " + inside; },
      *complaints_);
  if (!inner.ok()) return std::nullopt;
  return inner;
}

std::optional<dom::element> RecordParser::Parse(std::string_view text, const Where& where,
                                                Complaints& complaints) {
  dom::element value;
  const auto error = parser_.parse(text.data(), text.size()).get(value);
  if (error == simdjson::SUCCESS) return value;
  complaints.Add(where(), "not usable as JSON: " + Words(error));
  return std::nullopt;
}

}  // namespace occvla::data
