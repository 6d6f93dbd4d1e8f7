#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/complaints.h"

namespace occvla::data {

/// Reads comma-separated values (RFC 4180) record by record: fields in quotes may hold commas, line
/// breaks and doubled quotes; lines end in LF or CR LF; a byte order mark is skipped; an empty line
/// is no record. Complaints name file and line and end the record, not the file, except for a quote
/// that never closes.
class CsvReader {
 public:
  /// `text` and `complaints` outlive the reader; `where` opens every complaint.
  CsvReader(std::string_view text, std::string where, Complaints& complaints);

  /// Reads the next sound record; false at the end.
  bool Next(std::vector<std::string>& fields);
  /// The line on which the record just read starts, from 1.
  size_t line() const { return record_line_; }

 private:
  bool ReadRecord(std::vector<std::string>& fields);
  bool QuotedField(std::string& field);
  void Complain(const std::string& problem);
  void SkipLine();

  std::string_view text_;
  std::string where_;
  Complaints& complaints_;
  size_t at_ = 0, line_ = 1, record_line_ = 1;
};

}  // namespace occvla::data
