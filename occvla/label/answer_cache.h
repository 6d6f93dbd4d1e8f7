#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "occvla/label/chat_endpoint.h"

namespace occvla::label {

/// Answers that were paid for, one file each, by the SHA-256 of everything that went into the
/// question: `<folder>/ab/<64 hex digits>.json`. A file appears whole or not at all, so any number
/// of threads and processes may write; two that ask the same at once keep the later answer.
class AnswerCache {
 public:
  /// Makes the folder if it is not there. Throws DataError.
  explicit AnswerCache(std::filesystem::path folder);

  /// Throws DataError for a file that is damaged or of another question.
  std::optional<ChatAnswer> Find(const std::string& hash) const;
  void Keep(const std::string& hash, std::string_view model, const ChatAnswer& answer) const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path PathOf(const std::string& hash) const;
  std::filesystem::path folder_;
};

}  // namespace occvla::label
