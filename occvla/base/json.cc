#include "occvla/base/json.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "occvla/base/files.h"
#include "occvla/base/json_reading.h"
#include "occvla/base/text.h"

namespace occvla {
namespace {

using Json = nlohmann::json;

// nlohmann's own builder keeps the last of two equal names and nests without bound; this one
// refuses both.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(const std::string& where, const JsonLimits& limits, const size_t* read)
      : where_(where), limits_(limits), read_(read) {}

  Json Take() { return std::move(root_); }

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    // An integer too long for 64 bits arrives here; as a double it would be another number.
    if (text.find_first_of(".eE") == string_t::npos)
      Fail("the integer " + Quoted(text, 40) + " does not fit into 64 bits");
    return Put(value);
  }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // Not in JSON text.
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    const auto [slot, fresh] = open_.back()->get_ref<Json::object_t&>().emplace(name, nullptr);
    if (!fresh) Fail("the name " + Quoted(name) + " occurs twice in one object");
    slot_ = &slot->second;
    return true;
  }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    Fail(JsonSyntaxProblem(error));
  }

 private:
  [[noreturn]] void Fail(const std::string& problem) const {
    ThrowError(limits_.kind, where_ + ": not usable as JSON at byte " + std::to_string(*read_) +
                                 ": " + problem + ".");
  }
  Json* Place(Json&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<Json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    *slot_ = std::move(value);
    return slot_;
  }
  bool Put(Json&& value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Json&& value) {
    if (open_.size() == limits_.max_depth)
      Fail("nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    open_.push_back(Place(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  const std::string& where_;
  const JsonLimits& limits_;
  const size_t* read_;
  Json root_;
  std::vector<Json*> open_;  // Stable: a container grows only while nothing inside it is open.
  Json* slot_ = nullptr;     // Where the value of the name just read goes.
};

std::string Excerpt(const Json& value) {
  if (value.is_object()) return "an object of " + std::to_string(value.size());
  if (value.is_array() && value.size() > 8) return "an array of " + std::to_string(value.size());
  if (value.is_string()) return Quoted(value.get_ref<const std::string&>(), 60);
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 120 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string PathOf(const std::string& parent, std::string_view name) {
  if (!IsPlainName(name)) return parent + "[" + Quoted(name) + "]";
  return parent.empty() ? std::string(name) : parent + "." + std::string(name);
}

}  // namespace

Json ParseJson(std::string_view text, const std::string& where, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    ThrowError(limits.kind, where + ": holds " + std::to_string(text.size()) +
                                " bytes of JSON, at most " + std::to_string(limits.max_bytes) +
                                " are accepted here.");
  }
  size_t read = 0;
  Builder builder(where, limits, &read);
  ReadJsonEvents(text, &read, &builder);
  return builder.Take();
}

Json ReadJsonFile(const std::filesystem::path& path, const JsonLimits& limits) {
  return ParseJson(ReadTextFile(path, limits.max_bytes, limits.kind), path.string(), limits);
}

JsonNode::JsonNode(const Json& document, std::string where, ErrorKind kind)
    : value_(&document), origin_(std::make_shared<const Origin>(Origin{std::move(where), kind})) {}

JsonNode::JsonNode(const Json& value, std::shared_ptr<const Origin> origin, std::string path)
    : value_(&value), origin_(std::move(origin)), path_(std::move(path)) {}

std::string JsonNode::path() const { return path_.empty() ? "the document" : path_; }

void JsonNode::Fail(const std::string& problem) const {
  ThrowError(origin_->kind, origin_->where + ": " + path() + " " + problem);
}

void JsonNode::FailType(const std::string& expected) const {
  Fail("must be " + expected + ", but is " + Excerpt(*value_));
}

JsonNode JsonNode::At(std::string_view name) const {
  if (!value_->is_object()) FailType("an object");
  const auto found = value_->find(name);
  if (found != value_->end()) return JsonNode(*found, origin_, PathOf(path_, name));
  const std::vector<std::string> names = Names();
  std::vector<std::string> nearest = Nearest(name, names, 3);
  for (std::string& other : nearest) other = Quoted(other);
  Fail("lacks the field " + Quoted(name) +
       (nearest.empty() ? "" : "; it has " + Join(nearest, ", ")));
}

std::optional<JsonNode> JsonNode::Find(std::string_view name) const {
  if (!value_->is_object()) FailType("an object");
  const auto found = value_->find(name);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonNode(*found, origin_, PathOf(path_, name));
}

JsonNode JsonNode::At(size_t index) const {
  if (!value_->is_array()) FailType("an array");
  if (index >= value_->size())
    Fail("must have an element " + std::to_string(index) + ", but is " + Excerpt(*value_));
  return JsonNode((*value_)[index], origin_, path_ + "[" + std::to_string(index) + "]");
}

size_t JsonNode::size() const {
  if (!value_->is_array() && !value_->is_object()) FailType("an array or an object");
  return value_->size();
}

std::vector<std::string> JsonNode::Names() const {
  if (!value_->is_object()) FailType("an object");
  std::vector<std::string> names;
  for (const auto& [name, value] : value_->get_ref<const Json::object_t&>()) names.push_back(name);
  return names;
}

bool JsonNode::Bool() const {
  if (!value_->is_boolean()) FailType("true or false");
  return value_->get<bool>();
}

int64_t JsonNode::Int(int64_t low, int64_t high) const {
  if (!value_->is_number_integer()) FailType("an integer");
  const bool too_large = value_->is_number_unsigned() &&
                         value_->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  const int64_t value = too_large ? 0 : value_->get<int64_t>();
  if (too_large || value < low || value > high)
    FailType("an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return value;
}

uint64_t JsonNode::Unsigned() const {
  if (!value_->is_number_unsigned()) FailType("an integer of at least 0");
  return value_->get<uint64_t>();
}

double JsonNode::Number() const {
  if (!value_->is_number()) FailType("a number");
  return value_->get<double>();
}

const std::string& JsonNode::String() const {
  if (!value_->is_string()) FailType("a string");
  return value_->get_ref<const std::string&>();
}

std::vector<std::string> JsonNode::Strings() const {
  if (!value_->is_array()) FailType("an array of strings");
  std::vector<std::string> strings;
  for (size_t i = 0; i < value_->size(); ++i) strings.push_back(At(i).String());
  return strings;
}

std::vector<int64_t> JsonNode::Ints() const {
  if (!value_->is_array()) FailType("an array of integers");
  std::vector<int64_t> integers;
  for (size_t i = 0; i < value_->size(); ++i) integers.push_back(At(i).Int());
  return integers;
}

std::vector<double> JsonNode::Numbers(std::optional<size_t> count) const {
  if (!value_->is_array() || (count && value_->size() != *count))
    FailType(count ? "an array of " + std::to_string(*count) + " numbers" : "an array of numbers");
  std::vector<double> numbers;
  for (size_t i = 0; i < value_->size(); ++i) numbers.push_back(At(i).Number());
  return numbers;
}

void JsonNode::RefuseOthers(std::initializer_list<std::string_view> known) const {
  const std::vector<std::string> candidates(known.begin(), known.end());
  for (const std::string& name : Names()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> nearest = Nearest(name, candidates, 1);
    Fail("has the unknown field " + Quoted(name) +
         (nearest.empty() ? "" : "; did you mean " + Quoted(nearest.front()) + "?"));
  }
}

}  // namespace occvla
