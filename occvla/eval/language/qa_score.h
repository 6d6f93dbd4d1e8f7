#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace occvla::eval {

/// Right answers of so many.
struct Tally {
  int64_t right = 0, total = 0;

  void Add(bool is_right) { right += is_right, ++total; }
  std::optional<double> Share() const;  ///< Empty: 0/0.
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// NuScenes-QA's scoring: an answer is right when it equals the true one character by character
/// (facts/data-and-metrics.md C.4).
struct QaScore {
  Tally overall;
  std::map<std::string, std::array<Tally, 2>> types;  ///< By template_type and num_hop.
  int64_t without_prediction = 0;                     ///< null in the predictions; wrong.

  /// `prediction` is absent where the model said nothing.
  void Add(std::string_view type, int num_hop, std::string_view answer,
           std::optional<std::string_view> prediction);
};

/// `questions` in the official form, `predictions` a list of strings or nulls of the same length
/// and order. `questions_name` and `predictions_name` open the complaints. Throws one DataError
/// with all of them; a list of another length is one.
QaScore ScoreQa(std::string_view questions, const std::string& questions_name,
                std::string_view predictions, const std::string& predictions_name);
QaScore ScoreQa(const std::filesystem::path& questions, const std::filesystem::path& predictions);

/// design.md 5: {"overall", "types": {type: {"h0", "h1", "all"}}}; null where there is no question.
std::string QaReportJson(const QaScore& score);
/// In per cent, with the numbers of questions.
std::string QaReportText(const QaScore& score);

}  // namespace occvla::eval
