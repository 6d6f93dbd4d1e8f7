#include "occvla/data/nuscenes/table_fields.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "occvla/base/error.h"

namespace occvla::data::nuscenes {
namespace {

using Value = simdjson::ondemand::value;

constexpr double kUnitTolerance = 1e-3;  // Of a quaternion's length.

template <typename T>
void Put(std::byte* place, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(place, &value, sizeof value);
}

// Member by member: the bytes between members stay as they are, so that equal tables give equal
// caches.
void PutText(std::byte* place, size_t offset, size_t size) {
  Put(place + offsetof(TextRef, offset), uint64_t{offset});
  Put(place + offsetof(TextRef, size), static_cast<uint32_t>(size));
}
void PutRange(std::byte* place, size_t begin, size_t end) {
  Put(place + offsetof(Range, begin), static_cast<uint32_t>(begin));
  Put(place + offsetof(Range, end), static_cast<uint32_t>(end));
}

bool ReadToken(Value& value, bool may_be_none, Token* token) {
  simdjson::ondemand::raw_json_string raw;
  if (value.get_raw_json_string().get(raw)) return false;
  const char* text = raw.raw();
  *token = Token{};
  if (text[0] == '"') return may_be_none;
  // 33 bytes are there to be read: the buffer's padding follows its last string.
  const std::optional<Token> parsed = Token::Parse({text, 32});
  if (!parsed || text[32] != '"' || *parsed == Token{}) return false;
  *token = *parsed;
  return true;
}

bool SetTokens(Value& value, std::byte* place, TableBlock& block) {
  simdjson::ondemand::array array;
  if (value.get_array().get(array)) return false;
  const size_t begin = block.tokens.size();
  for (auto element : array) {
    Value item;
    Token token;
    if (std::move(element).get(item) || !ReadToken(item, /*may_be_none=*/false, &token))
      return false;
    block.tokens.push_back(token);
  }
  PutRange(place, begin, block.tokens.size());
  return true;
}

// The bytes between the quotes when they stand for themselves.
bool ReadPlainText(Value& value, std::string_view* text) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && IsBlank(token.back())) token.remove_suffix(1);
  if (token.size() < 2 || token.front() != '"' || token.back() != '"') return false;
  *text = token.substr(1, token.size() - 2);
  return text->find('\\') == std::string_view::npos;
}

bool ReadText(Value& value, std::string_view* text) {
  if (ReadPlainText(value, text)) {
    simdjson::ondemand::raw_json_string consumed;
    return !value.get_raw_json_string().get(consumed);
  }
  return !value.get_string().get(*text);
}

// A name that leads nowhere but below the data set's folder.
bool StaysInside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) {
    return false;
  }
  for (size_t at = path.find(".."); at != std::string_view::npos; at = path.find("..", at + 1)) {
    const bool starts = at == 0 || path[at - 1] == '/';
    const bool ends = at + 2 == path.size() || path[at + 2] == '/';
    if (starts && ends) return false;
  }
  return true;
}

bool SetText(FieldKind kind, Value& value, std::byte* place, TableBlock& block) {
  std::string_view text;
  if (!ReadText(value, &text)) return false;
  if (kind == FieldKind::kPath && !StaysInside(text)) return false;
  if (kind == FieldKind::kRepeated && text.size() <= 8) {
    // The first record's stands near the block's start.
    const size_t found = std::string_view(block.text).substr(0, 64).find(text);
    if (found != std::string_view::npos) {
      PutText(place, found, text.size());
      return true;
    }
  }
  PutText(place, block.text.size(), text.size());
  block.text += text;
  return true;
}

template <size_t N>
bool ReadNumbers(Value& value, std::array<double, N>* numbers) {
  simdjson::ondemand::array array;
  if (value.get_array().get(array)) return false;
  size_t count = 0;
  for (auto element : array) {
    double number;
    if (count == N || element.get_double().get(number) || !std::isfinite(number)) return false;
    (*numbers)[count++] = number;
  }
  return count == N;
}

bool SetPoint(Value& value, std::byte* place, bool positive) {
  std::array<double, 3> point;
  if (!ReadNumbers(value, &point)) return false;
  if (positive && !(point[0] > 0 && point[1] > 0 && point[2] > 0)) return false;
  Put(place, point);
  return true;
}

bool SetQuaternion(Value& value, std::byte* place) {
  std::array<double, 4> q;
  if (!ReadNumbers(value, &q)) return false;
  const double squared = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3];
  if (!(std::abs(std::sqrt(squared) - 1) <= kUnitTolerance)) return false;
  Put(place, q);
  return true;
}

// [[fx, s, cx], [0, fy, cy], [0, 0, 1]], or [] for what is no camera.
bool SetIntrinsic(Value& value, std::byte* place) {
  simdjson::ondemand::array rows;
  if (value.get_array().get(rows)) return false;
  std::array<double, 9> K{};
  size_t count = 0;
  for (auto row : rows) {
    Value item;
    std::array<double, 3> numbers;
    if (count == 3 || std::move(row).get(item) || !ReadNumbers(item, &numbers)) return false;
    std::copy(numbers.begin(), numbers.end(), K.begin() + 3 * static_cast<ptrdiff_t>(count++));
  }
  if (count == 0) return true;
  const bool usable =
      count == 3 && K[0] > 0 && K[4] > 0 && K[3] == 0 && K[6] == 0 && K[7] == 0 && K[8] == 1;
  if (!usable) return false;
  Put(place, K);
  Put(place + sizeof K, true);
  return true;
}

template <typename T>
bool SetInteger(Value& value, std::byte* place, int64_t most = std::numeric_limits<T>::max()) {
  int64_t number;
  if (value.get_int64().get(number) || number < 0 || number > most) return false;
  Put(place, static_cast<T>(number));
  return true;
}

bool SetLevel(Value& value, std::byte* place, bool may_be_none) {
  std::string_view text;
  if (!ReadText(value, &text) || text.size() > 4) return false;
  if (text.empty()) return may_be_none;
  int32_t level = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    level = 10 * level + (c - '0');
  }
  if (level == 0 || text.front() == '0') return false;
  Put(place, level);
  return true;
}

bool SetModality(Value& value, std::byte* place) {
  std::string_view text;
  if (!ReadText(value, &text)) return false;
  for (const auto& [name, modality] : {std::pair{"camera", Modality::kCamera},
                                       {"lidar", Modality::kLidar},
                                       {"radar", Modality::kRadar}}) {
    if (text != name) continue;
    Put(place, modality);
    return true;
  }
  return false;
}

}  // namespace

bool SetField(FieldKind kind, Value& value, std::byte* place, TableBlock& block) {
  switch (kind) {
    case FieldKind::kToken:
    case FieldKind::kTokenOrNone: {
      Token token;
      if (!ReadToken(value, kind == FieldKind::kTokenOrNone, &token)) return false;
      Put(place, token);
      return true;
    }
    case FieldKind::kTokens:
      return SetTokens(value, place, block);
    case FieldKind::kText:
    case FieldKind::kPath:
    case FieldKind::kRepeated:
      return SetText(kind, value, place, block);
    case FieldKind::kTime:
      return SetInteger<int64_t>(value, place);
    case FieldKind::kCount:
    case FieldKind::kOptionalCount:
      return SetInteger<int32_t>(value, place);
    case FieldKind::kPixels:
      return SetInteger<uint16_t>(value, place);
    case FieldKind::kBool: {
      bool truth;
      if (value.get_bool().get(truth)) return false;
      Put(place, truth);
      return true;
    }
    case FieldKind::kPoint:
    case FieldKind::kSize:
      return SetPoint(value, place, kind == FieldKind::kSize);
    case FieldKind::kQuaternion:
      return SetQuaternion(value, place);
    case FieldKind::kIntrinsic:
      return SetIntrinsic(value, place);
    case FieldKind::kModality:
      return SetModality(value, place);
    case FieldKind::kLevel:
    case FieldKind::kLevelOrNone:
      return SetLevel(value, place, kind == FieldKind::kLevelOrNone);
  }
  return false;
}

std::string Expectation(FieldKind kind) {
  switch (kind) {
    case FieldKind::kToken:
      return "a token of 32 lower-case hex digits";
    case FieldKind::kTokenOrNone:
      return "a token of 32 lower-case hex digits, or \"\"";
    case FieldKind::kTokens:
      return "a list of tokens of 32 lower-case hex digits";
    case FieldKind::kText:
    case FieldKind::kRepeated:
      return "a text";
    case FieldKind::kPath:
      return "a path below the data set's folder";
    case FieldKind::kTime:
      return "a time in whole microseconds";
    case FieldKind::kCount:
    case FieldKind::kOptionalCount:
      return "a whole number from 0 to 2147483647";
    case FieldKind::kPixels:
      return "a whole number from 0 to 65535";
    case FieldKind::kBool:
      return "true or false";
    case FieldKind::kPoint:
      return "3 finite numbers";
    case FieldKind::kSize:
      return "3 finite numbers above 0";
    case FieldKind::kQuaternion:
      return "4 numbers (w, x, y, z) of length 1";
    case FieldKind::kIntrinsic:
      return "[[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0, or []";
    case FieldKind::kModality:
      return "\"camera\", \"lidar\" or \"radar\"";
    case FieldKind::kLevel:
      return "a level such as \"3\"";
    case FieldKind::kLevelOrNone:
      return "a level such as \"3\", or \"\"";
  }
  return "";
}

}  // namespace occvla::data::nuscenes
