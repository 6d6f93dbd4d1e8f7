#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/frame.h"

namespace occvla::data {

/// Questions and answers about keyframes from any of the known sets, by sample token. Immutable.
class QuestionStore {
 public:
  QuestionStore();
  ~QuestionStore();
  QuestionStore(QuestionStore&&) noexcept;
  QuestionStore& operator=(QuestionStore&&) noexcept;

  /// Opens NuScenes-QA (JSON), OmniDrive (folder with conv, vqa, desc, keywords), DriveLM (JSON),
  /// NuScenes-MQA (CSV) and our chain of thought (JSON; asked with ChainOfThoughtPrompt, of the
  /// kind "occvla/chain-of-thought"), told apart by their content. Throws one DataError with every
  /// complaint, each naming file and record.
  static QuestionStore Open(std::span<const std::filesystem::path> paths);

  /// In the order of the files; empty for a token without questions.
  std::vector<QuestionAnswer> Of(std::string_view sample_token) const;
  /// All tokens that have some, sorted.
  std::vector<std::string> Tokens() const;
  size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace occvla::data
