#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/text/chain_of_thought.h"

/// The file of chain-of-thought labels that every maker writes and everyone reads
/// (data/text/chain_of_thought.h has its form).
namespace occvla::label {

using CotLabel = data::CotLabel;

/// Writes the file record by record; it appears under its name at `Commit`. The same labels give
/// the same bytes.
class CotFileWriter {
 public:
  explicit CotFileWriter(const std::filesystem::path& path);
  ~CotFileWriter();
  CotFileWriter(const CotFileWriter&) = delete;
  CotFileWriter& operator=(const CotFileWriter&) = delete;

  /// Throws DataError for what the reader would refuse: a token that is none or comes again, an
  /// empty field, a line break, text that is not UTF-8, more than 64 past actions.
  void Add(const CotLabel& label);
  uint64_t count() const;
  void Commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// All labels in the file's order; throws one DataError with every complaint.
std::vector<CotLabel> ReadCotFile(const std::filesystem::path& path);

}  // namespace occvla::label
