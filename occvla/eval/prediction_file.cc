#include "occvla/eval/prediction_file.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/json_record.h"
#include "occvla/data/json_walk.h"

namespace occvla::eval {
namespace {

namespace dom = simdjson::dom;
using Trajectory = std::array<std::array<double, 2>, 6>;

constexpr double kFarthest = 1e6;
// Six points take 300 bytes in full precision; the rest is for white space.
constexpr size_t kMostValueBytes = 64 << 10;

std::string Tokened(std::string_view token, const std::string& problem) {
  return "the prediction for " + Quoted(token) + " " + problem;
}

// What is wrong with one of the two numbers of a point; empty if nothing.
std::string NumberProblem(dom::element value, double* number) {
  if (!value.is_number() || value.get(*number) != simdjson::SUCCESS) {
    return "has " + data::ValueText(value) +
           " where a number of metres must stand: write numbers without quotes";
  }
  if (std::abs(*number) > kFarthest) {
    return "has " + data::ValueText(value) +
           ", which is more than 1,000 km away: write metres in the ego frame at the keyframe's "
           "time";
  }
  return "";
}

// What is wrong with a value; empty if nothing.
std::string ReadTrajectory(dom::element value, Trajectory* trajectory) {
  dom::array points;
  if (value.get(points) != simdjson::SUCCESS) {
    return "must be six points [[x, y], ...], but is " + data::ValueText(value) +
           ": write the positions 0.5 s to 3.0 s ahead";
  }
  if (points.size() != 6) {
    return "has " + std::to_string(points.size()) + (points.size() == 1 ? " point" : " points") +
           " instead of six: write the positions 0.5, 1.0, ... 3.0 s ahead";
  }
  size_t step = 0;
  for (const dom::element point : points) {
    dom::array numbers;
    if (point.get(numbers) != simdjson::SUCCESS || numbers.size() != 2) {
      return "has " + data::ValueText(point) + " as point " + std::to_string(step + 1) +
             ", which must be [x, y]: write two numbers of metres";
    }
    for (size_t axis = 0; axis < 2; ++axis) {
      const std::string problem = NumberProblem(numbers.at(axis), &(*trajectory)[step][axis]);
      if (!problem.empty()) return problem + " (point " + std::to_string(step + 1) + ")";
    }
    ++step;
  }
  return "";
}

// NaN, Infinity and the like are no JSON: say it in the reader's own words.
std::optional<std::string> WordProblem(std::string_view text) {
  for (const std::string_view word : {"NaN", "nan", "Infinity", "inf"}) {
    if (text.find(word) != std::string_view::npos) {
      return "has " + std::string(word) +
             ", which is no number: leave the token out where the model gave no trajectory, and it "
             "is reported as dropped";
    }
  }
  return std::nullopt;
}

}  // namespace

Trajectories ParseTrajectories(std::string_view text, const std::string& where,
                               std::span<const std::string> known) {
  Trajectories trajectories;
  data::Complaints complaints;
  data::RecordParser parser;
  data::JsonWalk walk(text, where);
  const auto read = [&](std::string_view token) {
    if (!std::binary_search(known.begin(), known.end(), token)) {
      complaints.AddWhole(Tokened(token, "belongs to none of the " + std::to_string(known.size()) +
                                             " frames that are evaluated: check the split, or take "
                                             "it out"));
    }
    const std::string_view json = walk.Value(kMostValueBytes);
    data::Complaints syntax;
    const auto value = parser.Parse(
        json, [] { return std::string(); }, syntax);
    Trajectory trajectory{};
    std::string problem;
    if (value) {
      problem = ReadTrajectory(*value, &trajectory);
    } else {
      problem = WordProblem(json).value_or("is no JSON: write six points [[x, y], ...]");
    }
    if (problem.empty()) {
      trajectories.emplace(token, trajectory);
    } else {
      complaints.AddWhole(Tokened(token, problem));
    }
  };
  try {
    walk.Object(read, [&](std::string_view token) {
      complaints.AddWhole(Tokened(token, "occurs twice: keep the one that is meant"));
      walk.Value(kMostValueBytes);
    });
    walk.End();
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
  }
  complaints.Throw(where + " is not usable as predictions",
                   "It must be {\"<sample token>\": [[x, y], ... six points], ...}.");
  return trajectories;
}

Trajectories ReadTrajectories(const std::filesystem::path& path,
                              std::span<const std::string> known) {
  const MappedFile file(path);
  if (file.bytes().size() > kMostPredictionBytes) {
    throw DataError(path.string() + ": has " + std::to_string(file.bytes().size()) +
                    " bytes, more than the " + std::to_string(kMostPredictionBytes) +
                    " that a prediction file may have (about 300 a frame): is it the right file?");
  }
  return ParseTrajectories(file.text(), path.string(), known);
}

}  // namespace occvla::eval
