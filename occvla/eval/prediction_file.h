#pragma once
#include <array>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace occvla::eval {

/// Six points [x, y] by sample token.
using Trajectories = std::map<std::string, std::array<std::array<double, 2>, 6>, std::less<>>;

/// More bytes than a prediction file may have; one of all nuScenes frames has 10 MB.
inline constexpr size_t kMostPredictionBytes = size_t{256} << 20;

/// Reads {"<sample token>": [[x, y] x 6], ...} in metres. `known` are the tokens that may occur,
/// sorted; tokens without a prediction are no fault. Every complaint in one DataError, a sentence
/// each that names the token and what to do: a file above kMostPredictionBytes, broken JSON, a
/// token that is unknown or occurs twice, other than six points of two numbers each, numbers that
/// are not finite or beyond 1,000 km. Nothing is changed or left out in silence.
Trajectories ReadTrajectories(const std::filesystem::path& path,
                              std::span<const std::string> known);
/// The same from text; `where` opens the complaint.
Trajectories ParseTrajectories(std::string_view text, const std::string& where,
                               std::span<const std::string> known);

}  // namespace occvla::eval
