#include "occvla/eval/report/table.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "occvla/eval/report/cells.h"

namespace occvla::eval {
namespace {

using Json = nlohmann::ordered_json;

/// Code points, as a terminal counts columns for the letters used here.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Padded(const std::string& text, size_t width, bool right) {
  const std::string blanks(width > Width(text) ? width - Width(text) : 0, ' ');
  return right ? blanks + text : text + blanks;
}

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string CellText(const std::optional<double>& value, const Column& column) {
  if (!value) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", column.decimals, *value);
  return text;
}

std::vector<size_t> UsedColumns(const Table& table) {
  std::vector<size_t> used;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    if (std::any_of(table.rows.begin(), table.rows.end(),
                    [&](const TableRow& row) { return row.values[c].has_value(); }))
      used.push_back(c);
  }
  return used;
}

Notes NotesOf(const Table& table) {
  Notes notes;
  for (const auto& row : table.rows) {
    const auto known = std::find(notes.texts.begin(), notes.texts.end(), row.note);
    if (row.note.empty()) {
      notes.numbers.push_back(0);
    } else {
      notes.numbers.push_back(static_cast<size_t>(known - notes.texts.begin()) + 1);
      if (known == notes.texts.end()) notes.texts.push_back(row.note);
    }
  }
  return notes;
}

std::string ToText(const Table& table) {
  const auto columns = UsedColumns(table);
  const auto notes = NotesOf(table);
  // A line of groups where there are any, a line of names, and the rows.
  std::vector<std::vector<std::string>> lines(2);
  lines[0] = {"", "", ""};
  lines[1] = {"method", "input", "protocol"};
  std::string group;
  for (const size_t c : columns) {
    lines[0].push_back(table.columns[c].group == group ? "" : table.columns[c].group);
    group = table.columns[c].group;
    lines[1].push_back(table.columns[c].name);
  }
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    const std::string mark = notes.numbers[r] ? " [" + std::to_string(notes.numbers[r]) + "]" : "";
    lines.push_back({(row.measured ? "> " : "  ") + row.method + mark, row.input, row.protocol});
    for (const size_t c : columns)
      lines.back().push_back(CellText(row.values[c], table.columns[c]));
  }
  std::vector<size_t> widths(3 + columns.size(), 0);
  for (size_t l = 1; l < lines.size(); ++l)  // Group names may reach over their columns.
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], Width(lines[l][i]));

  std::string text = table.title + "\n";
  for (size_t l = 0; l < lines.size(); ++l) {
    std::string line;
    size_t reached = 0;  // Where the line must go on.
    for (size_t i = 0; i < widths.size(); ++i) {
      const bool number = i >= 3;
      if (l == 0) {
        line += std::string(reached > Width(line) ? reached - Width(line) : 0, ' ') + lines[l][i];
      } else {
        line += Padded(lines[l][i], widths[i], number);
      }
      reached += widths[i] + 2;
      if (l > 0) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    if (!line.empty()) text += line + "\n";
  }
  for (size_t n = 0; n < notes.texts.size(); ++n)
    text += "  [" + std::to_string(n + 1) + "] " + notes.texts[n] + "\n";
  return text;
}

std::string ToMarkdown(const Table& table) {
  const auto columns = UsedColumns(table);
  const auto notes = NotesOf(table);
  std::string text =
      "## " + table.title + "\n\n" + table.caption + "\n\n| method | input | protocol |";
  std::string rule = "|---|---|---|";
  for (const size_t c : columns) {
    const auto& column = table.columns[c];
    text += " " + (column.group.empty() ? "" : column.group + " ") + column.name + " |";
    rule += "---:|";
  }
  text += "\n" + rule + "\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    const std::string mark = notes.numbers[r] ? " [" + std::to_string(notes.numbers[r]) + "]" : "";
    const std::string name = Escaped(row.method) + mark;
    text += "| " + (row.measured ? "**" + name + "**" : name) + " | " + Escaped(row.input) + " | " +
            Escaped(row.protocol) + " |";
    for (const size_t c : columns) text += " " + CellText(row.values[c], table.columns[c]) + " |";
    text += "\n";
  }
  for (size_t n = 0; n < notes.texts.size(); ++n)
    text += "\n[" + std::to_string(n + 1) + "] " + notes.texts[n] + "\n";
  return text;
}

std::string ToJson(const std::vector<Table>& tables) {
  Json list = Json::array();
  for (const auto& table : tables) {
    Json columns = Json::array(), rows = Json::array();
    for (const auto& column : table.columns) {
      columns.push_back({{"name", column.name},
                         {"group", column.group},
                         {"better", column.better == Better::kLower ? "lower" : "higher"}});
    }
    for (const auto& row : table.rows) {
      Json values = Json::array();
      for (const auto& value : row.values) values.push_back(value ? Json(*value) : Json(nullptr));
      rows.push_back({{"method", row.method},
                      {"input", row.input},
                      {"protocol", row.protocol},
                      {"measured", row.measured},
                      {"values", std::move(values)},
                      {"note", row.note}});
    }
    list.push_back({{"title", table.title},
                    {"caption", table.caption},
                    {"columns", std::move(columns)},
                    {"rows", std::move(rows)}});
  }
  return Json{{"tables", std::move(list)}}.dump(1) + "\n";
}

}  // namespace occvla::eval
