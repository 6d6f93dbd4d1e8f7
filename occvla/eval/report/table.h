#pragma once
#include <optional>
#include <string>
#include <vector>

namespace occvla::eval {

enum class Better { kLower, kHigher };

/// A column of numbers.
struct Column {
  std::string name;   ///< "1 s", "exist h0".
  std::string group;  ///< What several columns share: "L2 (m)"; empty = none.
  Better better = Better::kLower;
  int decimals = 2;
};

/// One method's line. Published rows carry what their paper printed, to its digits.
struct TableRow {
  std::string method;
  std::string input;      ///< "C", "L", "Occ", "C & L"; empty = not applicable.
  std::string protocol;   ///< How it was measured; rows of different protocols do not compare.
  bool measured = false;  ///< Ours, from a report file; otherwise published.
  std::vector<std::optional<double>> values;  ///< One a column; nothing = not reported.
  std::string note;                           ///< What a reader must know about this row.
};

/// One table of a report (the paper's tables 1 to 5 and occupancy).
struct Table {
  std::string title, caption;
  std::vector<Column> columns;
  std::vector<TableRow> rows;
};

/// Fixed-width text for a terminal; notes below, numbered.
std::string ToText(const Table& table);
/// GitHub's Markdown.
std::string ToMarkdown(const Table& table);
/// {"tables": [{"title", "caption", "columns": [...], "rows": [...]}]}; unknown values are null.
std::string ToJson(const std::vector<Table>& tables);
/// One page that needs no other file and no host: tables, and for every table a bar chart of its
/// last column. `title` is text, not HTML.
std::string ToHtml(const std::vector<Table>& tables, const std::string& title);

}  // namespace occvla::eval
