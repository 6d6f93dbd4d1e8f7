#pragma once
#include <optional>
#include <string>
#include <vector>

#include "occvla/eval/report/table.h"

/// What all forms of a table share.
namespace occvla::eval {

/// "0.28", or "-" where there is no value.
std::string CellText(const std::optional<double>& value, const Column& column);
/// Columns for which some row has a value.
std::vector<size_t> UsedColumns(const Table& table);

/// Notes in order of appearance, each once; a row's number, 0 = none.
struct Notes {
  std::vector<std::string> texts;
  std::vector<size_t> numbers;
};
Notes NotesOf(const Table& table);

}  // namespace occvla::eval
