#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/data/text/prompt.h"

namespace occvla::eval {

inline constexpr size_t kVelocities = data::kVelocityNames.size();
inline constexpr size_t kDirections = data::kDirectionNames.size();

/// One class against all others; rates are empty where they are 0/0.
struct ClassScore {
  int64_t truth = 0, predicted = 0, right = 0;

  std::optional<double> Precision() const;
  std::optional<double> Recall() const;
  /// 2 right / (truth + predicted); empty for a class that neither side has.
  std::optional<double> F1() const;
};

/// Predicted against true meta actions, as the paper's table 4 counts them. Counts of parts add up.
struct MetaActionScore {
  /// [truth][prediction].
  std::array<std::array<int64_t, kVelocities>, kVelocities> velocity{};
  std::array<std::array<int64_t, kDirections>, kDirections> direction{};
  int64_t frames = 0, both = 0;
  data::FallbackCount fallback;
  std::vector<std::string> unparsable;  ///< Tokens whose answer held no meta action, in order.

  void Add(const data::MetaAction& truth, const data::MetaAction& prediction);
  /// Parses what a model wrote: a meta action alone or a chain of thought. Where it says none, what
  /// ParseChainOfThought falls back to counts, and the token is listed.
  void AddText(const std::string& token, const data::MetaAction& truth, std::string_view answer,
               std::span<const data::MetaAction> past = {});
  void Merge(const MetaActionScore& other);

  // Fractions; empty without frames.
  std::optional<double> SpeedAccuracy() const;      ///< Table 4's "speed".
  std::optional<double> DirectionAccuracy() const;  ///< Table 4's "trajectory".
  std::optional<double> MeanAccuracy() const;       ///< Table 4's "Avg.": of the two.
  std::optional<double> BothAccuracy() const;       ///< Table 4's "Overall": both right at once.

  std::array<ClassScore, kVelocities> VelocityClasses() const;
  std::array<ClassScore, kDirections> DirectionClasses() const;
};

/// {"<token>": "<velocity>, <direction>"}: the labels. Throws one DataError with every complaint.
std::map<std::string, data::MetaAction> ReadMetaActions(const std::filesystem::path& path);
/// {"<token>": text}. As above; a text may say anything.
std::map<std::string, std::string> ReadAnswers(const std::filesystem::path& path);

/// The score of answers to labelled frames. `past` gives the actions before a frame, where they are
/// known. Throws one DataError that lists every frame without an answer and every answer without a
/// frame.
MetaActionScore ScoreMetaActions(
    const std::map<std::string, data::MetaAction>& truth,
    const std::map<std::string, std::string>& answers,
    const std::map<std::string, std::vector<data::MetaAction>>& past = {});

std::string MetaActionReportJson(const MetaActionScore& score);
std::string MetaActionReportText(const MetaActionScore& score);

}  // namespace occvla::eval
