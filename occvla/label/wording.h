#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/rng.h"

/// Words for what a maker says. Which of several it takes depends on a key alone.
namespace occvla::label {

/// A stream of choices for one keyframe: the same seed, purpose and token give the same choices.
/// Throws DataError for a token that is no sample token (32 hex digits).
class Choices {
 public:
  Choices(uint64_t seed, std::string_view purpose, std::string_view token);

  /// One of the texts, of which there is at least one.
  std::string Of(std::initializer_list<std::string_view> texts);
  /// An index below `count`, which is above 0.
  size_t Below(size_t count);
  /// True with this probability.
  bool Chance(double probability);

 private:
  Rng rng_;
};

/// "a car", "an ambulance".
std::string WithArticle(std::string_view noun);
/// "cars", "buses", "traffic cones".
std::string Plural(std::string_view noun);
/// "no cars", "a car", "two cars", ... "twelve cars", "13 cars".
std::string Counted(size_t count, std::string_view noun);
/// "a", "a and b", "a, b and c".
std::string Listed(const std::vector<std::string>& parts);
/// The first letter made large.
std::string Sentence(std::string text);
/// Metres as a person says them: whole ones below 10, else steps of 5.
std::string About(double metres);
/// "front left" -> "at the front left"; "front" -> "ahead", "back" -> "behind".
std::string Where(std::string_view sector);

}  // namespace occvla::label
