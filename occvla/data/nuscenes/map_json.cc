#include "occvla/data/nuscenes/map_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "occvla/base/text.h"

namespace occvla::data::nuscenes {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr size_t kMostIgnored = 100;
constexpr size_t kMostFields = 64;  // As the bits of MapRecord::used_.
constexpr uint32_t kNone = UINT32_MAX;

}  // namespace

std::string MapPlace::ToString() const {
  std::string text = parent == nullptr ? "" : parent->ToString();
  if (is_token) {
    text += "[" + Quoted(name) + "]";
  } else if (!name.empty()) {
    text += (text.empty() ? "" : ".") + Printable(name, 120);
  }
  if (index != kNoIndex) text += fmt::format("[{}]", index);
  return text;
}

std::string DescribeMapValue(element value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return fmt::format("an array of {}", array(value).size());
    case element_type::OBJECT:
      return fmt::format("an object of {}", object(value).size());
    case element_type::STRING:
      return Quoted(std::string_view(value), 60);
    case element_type::DOUBLE:
      return fmt::format("{}", double{value});
    case element_type::INT64:
      return fmt::format("{}", int64_t{value});
    case element_type::UINT64:
      return fmt::format("{}", uint64_t{value});
    case element_type::BOOL:
      return bool{value} ? "true" : "false";
    case element_type::NULL_VALUE:
      break;
  }
  return "null";
}

MapTokens::MapTokens(std::string_view layer, const std::vector<element>& records,
                     Complaints& complaints)
    : layer_(layer) {
  rows_.reserve(records.size());
  uint32_t row = 0;
  for (const element record : records) {
    // What is no object or has no token is complained about when the record is read.
    std::string_view token;
    element value;
    if (record.is<object>() && record.at_key("token").get(value) == simdjson::SUCCESS) {
      if (value.is_null()) {
        has_null_ = true;
        null_row_ = row;
      } else if (value.get(token) == simdjson::SUCCESS && !token.empty()) {
        const auto [first, fresh] = rows_.emplace(token, row);
        if (!fresh) {
          complaints.AddWhole(fmt::format("{}[{}].token repeats {}, the token of {}[{}]", layer,
                                          row, Quoted(token), layer, first->second));
        }
      }
    }
    ++row;
  }
}

const uint32_t* MapTokens::Find(std::string_view token) const {
  const auto found = rows_.find(token);
  return found == rows_.end() ? nullptr : &found->second;
}

MapRecord::MapRecord(element value, const MapPlace& place, Complaints& complaints)
    : place_(place), complaints_(complaints) {
  if (value.get(fields_) != simdjson::SUCCESS) {
    complaints_.AddWhole(fmt::format("{} must be an object, but is {}",
                                     place.name.empty() ? "the document" : place.ToString(),
                                     DescribeMapValue(value)));
    return;
  }
  if (fields_.size() > kMostFields) {
    complaints_.AddWhole(fmt::format("{} must have at most {} fields, but has {}", place.ToString(),
                                     kMostFields, fields_.size()));
    return;
  }
  usable_ = true;
  for (auto field = fields_.begin(); field != fields_.end(); ++field) {
    for (auto earlier = fields_.begin(); earlier != field; ++earlier)
      if (earlier.key() == field.key()) Complain(field.key(), "occurs twice");
  }
}

void MapRecord::Complain(std::string_view name, const std::string& problem) {
  complaints_.AddWhole(MapPlace{.parent = &place_, .name = name}.ToString() + " " + problem);
}

void MapRecord::ComplainType(std::string_view name, const std::string& expected, element found) {
  Complain(name, fmt::format("must be {}, but is {}", expected, DescribeMapValue(found)));
}

std::optional<element> MapRecord::Find(std::string_view name) {
  if (!usable_) return std::nullopt;
  uint64_t bit = 1;
  for (const auto field : fields_) {
    if (field.key == name) {
      used_ |= bit;
      return field.value;
    }
    bit <<= 1;
  }
  Complain(name, "is missing");
  return std::nullopt;
}

std::string MapRecord::String(std::string_view name) {
  const auto value = Find(name);
  std::string_view text;
  if (value && value->get(text) != simdjson::SUCCESS) ComplainType(name, "a string", *value);
  return std::string(text);
}

bool MapRecord::Bool(std::string_view name) {
  const auto value = Find(name);
  bool flag = false;
  if (value && value->get(flag) != simdjson::SUCCESS) ComplainType(name, "true or false", *value);
  return flag;
}

double MapRecord::Number(std::string_view name) {
  const auto value = Find(name);
  double number = 0;
  if (value && value->get(number) != simdjson::SUCCESS) ComplainType(name, "a number", *value);
  return number;
}

template <size_t N>
std::array<double, N> MapRecord::Numbers(std::string_view name) {
  std::array<double, N> numbers{};
  const auto value = Find(name);
  if (!value) return numbers;
  array values;
  bool whole = value->get(values) == simdjson::SUCCESS && values.size() == N;
  if (whole) {
    size_t i = 0;
    for (const element item : values) whole &= item.get(numbers[i++]) == simdjson::SUCCESS;
  }
  if (!whole) ComplainType(name, fmt::format("an array of {} numbers", N), *value);
  return numbers;
}
template std::array<double, 2> MapRecord::Numbers<2>(std::string_view);
template std::array<double, 3> MapRecord::Numbers<3>(std::string_view);

std::vector<element> MapRecord::Elements(std::string_view name) {
  const auto value = Find(name);
  if (!value) return {};
  array values;
  if (value->get(values) != simdjson::SUCCESS) {
    ComplainType(name, "an array", *value);
    return {};
  }
  std::vector<element> elements;
  elements.reserve(values.size());
  for (const element item : values) elements.push_back(item);
  return elements;
}

std::string MapRecord::Token(Null null) {
  const auto value = Find("token");
  if (!value || (null == Null::kAllow && value->is_null())) return {};
  std::string_view token;
  if (value->get(token) != simdjson::SUCCESS || token.empty())
    ComplainType("token", "a token", *value);
  return std::string(token);
}

uint32_t MapRecord::Reference(std::string_view name, const MapTokens& tokens, Null null,
                              std::string* unknown) {
  const auto value = Find(name);
  if (!value) return kNone;
  std::string_view token;
  const bool is_text = value->get(token) == simdjson::SUCCESS;
  if (null == Null::kAllow && (value->is_null() || (is_text && token.empty()))) return kNone;
  if (unknown != nullptr && is_text && tokens.Find(token) == nullptr) {
    *unknown = token;
    return kNone;
  }
  return ResolveMapToken(*value, tokens, {.parent = &place_, .name = name}, complaints_);
}

std::vector<uint32_t> MapRecord::References(std::string_view name, const MapTokens& tokens) {
  const std::vector<element> elements = Elements(name);
  std::vector<uint32_t> rows;
  rows.reserve(elements.size());
  for (const element item : elements) {
    rows.push_back(ResolveMapToken(
        item, tokens, {.parent = &place_, .name = name, .index = rows.size()}, complaints_));
  }
  return rows;
}

void MapRecord::ReportOthers(std::string_view layer, std::set<std::string>& names) const {
  if (!usable_) return;
  uint64_t bit = 1;
  for (const auto field : fields_) {
    if ((used_ & bit) == 0 && names.size() < kMostIgnored) {
      const std::string name = Printable(field.key, 60);
      names.insert(layer.empty() ? name : std::string(layer) + "." + name);
    }
    bit <<= 1;
  }
}

uint32_t ResolveMapToken(element value, const MapTokens& tokens, const MapPlace& place,
                         Complaints& complaints) {
  std::string_view token;
  if (value.get(token) != simdjson::SUCCESS || token.empty()) {
    complaints.AddWhole(fmt::format("{} must be the token of a {}, but is {}", place.ToString(),
                                    tokens.layer(), DescribeMapValue(value)));
    return kNone;
  }
  if (const uint32_t* row = tokens.Find(token)) return *row;
  complaints.AddWhole(fmt::format("{} names {}, which is the token of no {}", place.ToString(),
                                  Quoted(token), tokens.layer()));
  return kNone;
}

}  // namespace occvla::data::nuscenes
