#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/complaints.h"
#include "occvla/data/nuscenes/content_key.h"
#include "occvla/data/nuscenes/table_parser.h"

namespace occvla::data::nuscenes {

class TableFile;

/// How one table came out: what later checks must not hold against it.
struct TableState {
  bool read = false;            ///< False: it is missing or no JSON.
  bool has_duplicates = false;  ///< Of tokens.
  std::vector<Row> damaged;     ///< Rows with a complaint of their own, ascending.

  bool IsDamaged(Row row) const { return std::binary_search(damaged.begin(), damaged.end(), row); }
};

/// A table's name, its fields, and a raw row with the defaults.
struct TableKind {
  std::string_view name;
  std::span<const FieldSpec> fields;
  const std::byte* prototype;  ///< Static: the bytes between its members are zero.
  size_t row_size;
};

template <typename Raw>
TableKind KindOf() {
  static constexpr Raw kPrototype{};
  return {Schema<Raw>::kName, Schema<Raw>::kFields, reinterpret_cast<const std::byte*>(&kPrototype),
          sizeof(Raw)};
}

/// Reads one table at a time: pieces of its file on all threads, their rows handed on in order.
class TableReader {
 public:
  TableReader(std::filesystem::path folder, std::string version, size_t piece_bytes,
              size_t threads);

  /// Complains of each of the thirteen files that is missing, no list or cut short, having read its
  /// two ends. False if there is one: then no rows need be read.
  bool CheckFiles();

  using Prepare = std::function<void(TableBlock&)>;
  /// `pieces`: how many the file has, for an estimate of what is to come.
  using Commit = std::function<void(TableBlock&, size_t pieces)>;
  /// `prepare` runs on any thread and may complain about the block's records; `commit` takes blocks
  /// in the order of the file, one at a time. Where a cut was guessed wrongly all begins anew:
  /// `restart` must forget what was committed.
  TableState Read(const TableKind& kind, const Prepare& prepare, const Commit& commit,
                  const std::function<void()>& restart);

  Complaints& complaints() { return complaints_; }
  size_t threads() const { return threads_; }
  /// "v1.0-mini/scene.json".
  std::string Name(std::string_view table) const;
  /// What all files read so far hold, as 32 hex digits.
  std::string ContentKey() const;

 private:
  struct Pass;
  std::unique_ptr<TableFile> Open(std::string_view table);

  std::filesystem::path folder_;
  std::string version_;
  size_t piece_bytes_, threads_;
  Complaints complaints_;
  std::map<std::string, ContentTag, std::less<>> tags_;  // By table.
};

/// What TableReader::ContentKey says after reading the thirteen tables of a folder, from their
/// bytes alone. Throws DataError where one is missing.
std::string ContentKeyOfFiles(const std::filesystem::path& folder, size_t threads);

}  // namespace occvla::data::nuscenes
