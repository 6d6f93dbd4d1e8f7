#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/table_parser.h"

namespace occvla::data::nuscenes {

/// One table's file, opened for reading in pieces: `[{...}, {...}, ...]`. It is never held whole.
/// Any thread may read pieces.
///
/// Piece k begins at the first record behind k * piece_bytes, found by looking for `}` `,` `{`, so
/// that each thread finds its own piece alone. Such a cut is a guess: a text may hold these three.
/// But if piece k was read whole from a true beginning, then the beginning of piece k + 1 is true:
/// whoever reads all pieces knows. Where a guess was wrong, `FindCuts` looks at every byte.
class TableFile {
 public:
  static constexpr size_t kPieceBytes = size_t{1} << 20;
  /// The longest record that is read; the longest real one (map) has some 3 kB.
  static constexpr size_t kMostRecordBytes = size_t{1} << 20;

  /// Throws DataError("is missing") or another end of a sentence that begins with the table.
  explicit TableFile(const std::filesystem::path& path, size_t piece_bytes = kPieceBytes);
  ~TableFile();
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  uint64_t size() const { return size_; }
  size_t piece_count() const;
  /// Finds the list's brackets. What is wrong with them, if anything: a file cut short is known
  /// here by its end, before anything else is read.
  std::optional<std::string> FindBody();
  uint64_t list_end() const { return end_; }  ///< Of its ']'.

  /// A piece's bytes as they lie in the file, and the records among them and behind.
  struct Piece {
    std::string_view bytes;  ///< piece_bytes of the file, for its hash; before `records` is used.
    TableText records;       ///< Empty where no record begins in the piece.
    /// Where no record ends within kMostRecordBytes.
    std::optional<std::string> complaint;
  };
  /// Reads piece k into `buffer`, which the piece points into.
  Piece Read(size_t k, std::vector<char>& buffer) const;

  /// The bytes of piece k alone.
  std::string_view ReadBytes(size_t k, std::vector<char>& buffer) const;

  /// Replaces guessed cuts by true ones, reading the whole file once.
  void FindCuts();

 private:
  struct Cut {
    uint64_t comma = 0;   ///< Where the piece before ends.
    uint64_t record = 0;  ///< The '{' behind it.
  };
  std::string ReadAt(uint64_t offset, size_t count) const;
  size_t ReadInto(uint64_t offset, char* to, size_t count) const;

  std::filesystem::path path_;
  size_t piece_bytes_;
  int fd_ = -1;
  uint64_t size_ = 0;
  uint64_t begin_ = 0, end_ = 0;  ///< Behind '[', and of ']'.
  std::vector<Cut> cuts_;         ///< Of piece k + 1 at k; empty = guessed.
};

}  // namespace occvla::data::nuscenes
