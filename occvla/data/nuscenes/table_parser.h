#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/table_schema.h"

namespace occvla::data::nuscenes {

/// What is wrong with one record of a block.
struct RecordComplaint {
  uint32_t record = 0;  ///< Counted within the block.
  std::string field;    ///< Empty: the record as a whole.
  std::string problem;  ///< "must be ..., but is ...".
};

/// The records of one piece of a table: rows, and what they point into.
struct TableBlock {
  enum class End : uint8_t {
    kWhole,     ///< Every record was read, or complained about.
    kCutInTwo,  ///< Its last record goes on behind the piece: the cut was guessed wrongly.
    kBroken,    ///< Not JSON from here on; the last complaint says where.
  };

  std::vector<std::byte> rows;  ///< Raw rows one after the other.
  size_t row_count = 0;
  std::string text;           ///< TextRefs of the rows point in here.
  std::vector<Token> tokens;  ///< Ranges of kTokens point in here.
  End end = End::kWhole;
  /// Rows that hold less than the file meant to say, ascending. Their fields are defaults.
  std::vector<uint32_t> damaged;
  std::vector<RecordComplaint> complaints;  ///< The first hundred.
  uint64_t complaint_count = 0;

  void Complain(RecordComplaint complaint);
  template <typename Raw>
  Raw* As() {
    return reinterpret_cast<Raw*>(rows.data());
  }
};

/// A piece of a table's text: `{...}, {...}`, inside a buffer that has at least one byte before it
/// and kTablePadding bytes behind, all of which the parser may overwrite or read.
struct TableText {
  char* data = nullptr;
  size_t size = 0;
  uint64_t offset = 0;  ///< Of the first byte in the file.
};
inline constexpr size_t kTablePadding = 64 + 1;

/// Reads the records of one kind of table. One object a thread.
class TableParser {
 public:
  /// `prototype` is a raw row of `row_size` bytes with the defaults; both must outlive the parser.
  TableParser(std::span<const FieldSpec> fields, const std::byte* prototype, size_t row_size);
  ~TableParser();

  TableBlock Parse(const TableText& text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The end of the record that begins at `begin` (a '{'): one past its '}', brackets and strings
/// counted; npos if it does not end in `text`.
size_t RecordEnd(std::string_view text, size_t begin);

inline bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace occvla::data::nuscenes
