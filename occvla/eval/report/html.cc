#include <algorithm>
#include <cmath>
#include <cstdio>

#include "occvla/base/html.h"
#include "occvla/eval/report/cells.h"
#include "occvla/eval/report/table.h"

namespace occvla::eval {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1d2733; --muted: #5b6775; --line: #d9dfe6; --page: #ffffff;
  --band: #f4f6f9; --ours: #0b6e4f; --others: #7d8ca0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ecf2; --muted: #9aa7b5; --line: #313b47;
  --page: #14191f; --band: #1b222a; --ours: #3ecf9b; --others: #76869a; } }
body { margin: 0 auto; max-width: 1180px; padding: 24px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; } h2 { font-size: 19px; margin: 40px 0 4px; }
p { color: var(--muted); margin: 0 0 12px; max-width: 80ch; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 9px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
td:nth-child(n+4), .names th { text-align: right; }
th.group { text-align: center; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 600; border-bottom: 2px solid var(--line); }
tr.ours { background: var(--band); } tr.ours th { color: var(--ours); }
tbody th { font-weight: 600; }
ol { color: var(--muted); font-size: 13.5px; padding-left: 20px; }
figure { margin: 16px 0 0; } figcaption { color: var(--muted); font-size: 13.5px; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .muted { fill: var(--muted); }
)";

std::string ColumnName(const Column& column) {
  return column.group.empty() ? column.name : column.group + ", " + column.name;
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

/// The column that the chart shows: "avg" or "overall" where there is one, else the first used.
size_t ChartColumn(const Table& table, const std::vector<size_t>& used) {
  for (const char* name : {"avg", "overall", "both", "camera"})
    for (const size_t c : used)
      if (table.columns[c].name == name) return c;
  return used.front();
}

std::string Chart(const Table& table, size_t column) {
  constexpr double kWidth = 1120, kLabels = 430, kRow = 24, kEnd = 70;
  double most = 0;
  size_t count = 0;
  for (const auto& row : table.rows)
    if (row.values[column]) most = std::max(most, *row.values[column]), ++count;
  if (count == 0) return "";
  const double scale = most > 0 ? (kWidth - kLabels - kEnd) / most : 0;
  const auto& what = table.columns[column];
  const std::string caption =
      ColumnName(what) +
      (what.better == Better::kLower ? "; shorter is better" : "; longer is better");
  std::string svg = "<figure><svg role=\"img\" aria-label=\"" + HtmlText(caption) +
                    "\" viewBox=\"0 0 " + Number(kWidth) + " " +
                    Number(kRow * static_cast<double>(count) + 4) + "\">";
  double y = 2;
  for (const auto& row : table.rows) {
    if (!row.values[column]) continue;
    const double length = std::max(0.0, *row.values[column]) * scale;
    const std::string label = row.method + (row.protocol.empty() ? "" : " (" + row.protocol + ")");
    svg += "<text x=\"" + Number(kLabels - 10) + "\" y=\"" + Number(y + 16) +
           "\" text-anchor=\"end\"" + (row.measured ? "" : " class=\"muted\"") + ">" +
           HtmlText(label) + "</text><rect x=\"" + Number(kLabels) + "\" y=\"" + Number(y + 4) +
           "\" width=\"" + Number(std::max(1.0, length)) + "\" height=\"15\" rx=\"2\" fill=\"var(" +
           (row.measured ? "--ours" : "--others") + ")\"/><text x=\"" +
           Number(kLabels + length + 8) + "\" y=\"" + Number(y + 16) + "\">" +
           CellText(row.values[column], what) + "</text>";
    y += kRow;
  }
  return svg + "</svg><figcaption>" + HtmlText(caption) + "</figcaption></figure>\n";
}

/// A row of groups over their columns, and a row of names.
std::string HeadRows(const Table& table, const std::vector<size_t>& columns) {
  std::string groups, names;
  for (const char* name : {"method", "input", "protocol"})
    groups += "<th scope=\"col\" rowspan=\"2\">" + std::string(name) + "</th>";
  for (size_t i = 0; i < columns.size();) {
    const auto& group = table.columns[columns[i]].group;
    size_t end = i;
    for (; end < columns.size() && table.columns[columns[end]].group == group; ++end)
      names += "<th scope=\"col\">" + HtmlText(table.columns[columns[end]].name) + "</th>";
    groups += "<th scope=\"colgroup\" class=\"group\" colspan=\"" + std::to_string(end - i) +
              "\">" + HtmlText(group) + "</th>";
    i = end;
  }
  return groups + "</tr><tr class=\"names\">" + names;
}

std::string Section(const Table& table) {
  const auto columns = UsedColumns(table);
  const auto notes = NotesOf(table);
  std::string html = "<section><h2>" + HtmlText(table.title) + "</h2>\n<p>" +
                     HtmlText(table.caption) + "</p>\n<div class=\"wide\"><table><thead><tr>";
  html += HeadRows(table, columns) + "</tr></thead><tbody>\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    html += std::string("<tr") + (row.measured ? " class=\"ours\"" : "") + "><th scope=\"row\">" +
            HtmlText(row.method);
    if (notes.numbers[r]) html += " <sup>" + std::to_string(notes.numbers[r]) + "</sup>";
    html += "</th><td>" + HtmlText(row.input) + "</td><td>" + HtmlText(row.protocol) + "</td>";
    for (const size_t c : columns)
      html += "<td>" + CellText(row.values[c], table.columns[c]) + "</td>";
    html += "</tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (!notes.texts.empty()) {
    html += "<ol>";
    for (const auto& note : notes.texts) html += "<li>" + HtmlText(note) + "</li>";
    html += "</ol>\n";
  }
  if (!columns.empty()) html += Chart(table, ChartColumn(table, columns));
  return html + "</section>\n";
}

}  // namespace

std::string ToHtml(const std::vector<Table>& tables, const std::string& title) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><title>" +
      HtmlText(title) + "</title><style>" + kStyle + "</style></head><body>\n<h1>" +
      HtmlText(title) +
      "</h1>\n<p>Marked rows were measured here; the others are as published.</p>\n";
  for (const auto& table : tables) html += Section(table);
  return html + "</body></html>\n";
}

}  // namespace occvla::eval
