#pragma once
#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace occvla::serve::viewer {

class RunFolder;

/// How far two runs are apart at one keyframe that both have.
struct Difference {
  std::string token;
  std::optional<double> plan_m;  ///< Mean distance of the six points; absent where one has no plan.
  bool action_differs = false;
  double text = 0;  ///< 0 for the same words, 1 for none in common.
  /// Of the voxels that either occupies, the share of which they say something else.
  std::optional<double> voxels;
};

/// In the order of tokens; without voxels.
std::vector<Difference> CompareReplies(const RunFolder& a, const RunFolder& b);

/// Shares of voxels, read from both runs' files once and kept. One thread at a time.
class VoxelDifferences {
 public:
  /// Throws DataError for a damaged file.
  void AddTo(std::vector<Difference>& differences, const RunFolder& a, const RunFolder& b);

 private:
  std::map<std::tuple<std::string, std::string, std::string>, double> kept_;
};

/// The value that `by` (plan, action, text or voxels) sorts by; nothing where it is not known.
std::optional<double> ValueOf(const Difference& difference, std::string_view by);
/// Largest first; what is not known last; ties by plan, then by token.
void Sort(std::vector<Difference>& differences, std::string_view by);
nlohmann::ordered_json ToJson(const Difference& difference, std::string_view by);

/// The share of words, with repetition, that two texts do not have in common: 0 to 1.
double TextDifference(std::string_view a, std::string_view b);

}  // namespace occvla::serve::viewer
