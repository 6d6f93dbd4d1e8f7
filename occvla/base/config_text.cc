#include "occvla/base/config_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "occvla/base/config.h"
#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::config {
namespace {

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <typename... Functions>  // Implied in C++20, which clang 14 does not know yet.
Overloaded(Functions...)->Overloaded<Functions...>;

std::string TypeName(const Target& target) {
  return std::visit(
      Overloaded{[](const bool*) -> std::string { return "true or false"; },
                 [](const int*) -> std::string { return "integer"; },
                 [](const int64_t*) -> std::string { return "integer"; },
                 [](const uint64_t*) -> std::string { return "integer >= 0"; },
                 [](const double*) -> std::string { return "number"; },
                 [](const std::string*) -> std::string { return "string"; },
                 [](const std::filesystem::path*) -> std::string { return "path"; },
                 [](const std::vector<std::string>*) -> std::string { return "[string]"; },
                 [](const std::vector<double>*) -> std::string { return "[number]"; },
                 [](const std::vector<int64_t>*) -> std::string { return "[integer]"; },
                 [](const EnumField& field) { return Join(field.names, "|"); }},
      target);
}

std::string TomlText(double value) { return TomlNumber(value); }

std::string TomlText(int64_t value) { return std::to_string(value); }

std::string TomlText(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      static constexpr char kDigits[] = "0123456789ABCDEF";
      text += "\\u00";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    } else {
      text += c;
    }
  }
  return text + '"';
}

template <typename T>
std::string TomlText(const std::vector<T>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ", ";
    text += TomlText(values[i]);
  }
  return text + "]";
}

std::string TomlText(const Target& target) {
  return std::visit(
      Overloaded{[](const bool* value) -> std::string { return *value ? "true" : "false"; },
                 [](const int* value) { return TomlText(int64_t{*value}); },
                 [](const uint64_t* value) { return std::to_string(*value); },
                 [](const std::filesystem::path* value) { return TomlText(value->string()); },
                 [](const EnumField& field) {
                   const size_t index = field.get();
                   OCCVLA_DCHECK(index < field.names.size());
                   return TomlText(field.names.at(index));
                 },
                 [](const auto* value) { return TomlText(*value); }},
      target);
}
}  // namespace

std::string_view LastPart(std::string_view path) {
  return path.substr(path.rfind('.') + 1);  // npos + 1 is 0.
}

std::string TomlNumber(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string text(buffer, end);
  // "1" would be an integer, and TOML wants digits on both sides of a dot ("1e5" is fine).
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string ToToml(const Collector& fields) {
  std::vector<std::string> problems;
  // The fields of a table stand together under its heading, so those of the top level come first.
  std::map<std::string, std::string> lines;
  for (const Field& field : fields.fields()) {
    const std::string text = TomlText(field.target);
    if (const auto* value = std::get_if<uint64_t*>(&field.target);
        value && **value > uint64_t{std::numeric_limits<int64_t>::max()})
      problems.push_back(Quoted(field.path) + " is " + text +
                         ", but TOML holds integers up to 9223372036854775807");
    if (!IsValidUtf8(text))
      problems.push_back(Quoted(field.path) + " is not UTF-8, as TOML demands");
    const size_t dot = field.path.rfind('.');
    const std::string table = dot == std::string::npos ? "" : field.path.substr(0, dot);
    lines[table] += std::string(LastPart(field.path)) + " = " + text + "\n";
  }
  ThrowProblems(problems);
  std::string toml = lines[""];
  for (const auto& [table, help] : fields.tables())
    toml += (toml.empty() ? "[" : "\n[") + table + "]\n" + lines[table];
  return toml;
}

std::string HelpText(const Collector& fields) {
  size_t name_width = 0, type_width = 0, value_width = 0;
  // Long cells push their own line out, not every line.
  const auto grow = [](size_t* width, size_t size) {
    *width = std::max(*width, std::min<size_t>(size, 32));
  };
  for (const Field& field : fields.fields()) {
    grow(&name_width, field.path.size());
    grow(&type_width, TypeName(field.target).size());
    grow(&value_width, TomlText(field.target).size());
  }
  const auto cell = [](std::string text, size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text + "  ";
  };
  std::string help, table;
  for (const Field& field : fields.fields()) {
    const size_t dot = field.path.rfind('.');
    const std::string own_table = dot == std::string::npos ? "" : field.path.substr(0, dot);
    if (own_table != table) {
      table = own_table;
      const auto found = std::find_if(fields.tables().begin(), fields.tables().end(),
                                      [&](const auto& named) { return named.first == table; });
      if (found != fields.tables().end()) help += "[" + table + "]  " + found->second + "\n";
    }
    help += cell(field.path, name_width) + cell(TypeName(field.target), type_width) +
            cell(TomlText(field.target), value_width) + field.help + "\n";
  }
  return help;
}

}  // namespace occvla::config
