#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "occvla/eval/planning/summary.h"

namespace occvla::eval {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kNoRoad =
    "the map of the drivable area is not known here: it comes with "
    "--dataroot, where maps/expansion holds it";
constexpr std::string_view kNoVelocity =
    "the car's past motion is not known: --dataroot gives it, and a ground truth that holds the "
    "keyframes before, as `data export-planning` writes it";

Json ToJson(const Horizons& values, uint64_t n) {
  if (n == 0) return {{"1s", nullptr}, {"2s", nullptr}, {"3s", nullptr}, {"avg", nullptr}};
  return {
      {"1s", values.at[0]}, {"2s", values.at[1]}, {"3s", values.at[2]}, {"avg", values.average()}};
}

Json MotionJson(uint64_t n, const std::array<double, 8>& beyond, double comfortable,
                double possible) {
  if (n == 0) return nullptr;
  Json limits = Json::object();
  for (size_t limit = 0; limit < beyond.size(); ++limit)
    limits[std::string(kMotionLimitNames[limit])] = beyond[limit];
  return {{"comfortable", comfortable}, {"possible", possible}, {"beyond", limits}};
}

Json ToJson(const CleanScore& score) {
  Json json = {{"n", score.n},
               {"l2", ToJson(score.l2, score.n)},
               {"l2_up_to", ToJson(score.l2_up_to, score.n)},
               {"collision", ToJson(score.collision, score.n)},
               {"collision_with_truth", ToJson(score.collision_with_truth, score.n)},
               {"excluded_steps", score.excluded_steps}};
  if (score.road_n > 0) {
    json["off_road"] = {{"n", score.road_n},
                        {"rate", ToJson(score.off_road, score.road_n)},
                        {"excluded_steps", score.off_road_excluded_steps}};
  } else {
    json["off_road"] = nullptr;
    json["why_no_off_road"] = score.n > 0 ? kNoRoad : "no frame counts";
  }
  json["motion"] = MotionJson(score.n, score.beyond, score.comfortable, score.possible);
  return json;
}

Json ProtocolsJson(const TrackScore& score) {
  Json protocols = Json::object();
  for (size_t at = 0; at < kProtocols.size(); ++at) {
    const ProtocolScore& one = score.protocols[at];
    protocols[std::string(kProtocols[at].name)] = {
        {"n", one.n}, {"l2", ToJson(one.l2, one.n)}, {"collision", ToJson(one.collision, one.n)}};
  }
  return protocols;
}

Json BaselineJson(const TrackScore& score) {
  return {{"missing", score.missing},
          {"protocols", ProtocolsJson(score)},
          {"clean", ToJson(score.clean)}};
}

uint64_t Predicted(const PlanningSummary& summary) {
  return summary.total - summary.dropped.size();
}

bool HasVelocity(const PlanningSummary& summary) {
  return summary.constant_velocity.missing < Predicted(summary);
}

void AppendScores(const std::string& title, const TrackScore& score, std::string* text) {
  *text += fmt::format("{:<20}{:>7}{:>34}{:>40}\n", title, "n", "L2, m:  1 s    2 s    3 s    avg",
                       "collision, %: 1 s   2 s   3 s    avg");
  for (size_t at = 0; at < kProtocols.size(); ++at) {
    const ProtocolScore& one = score.protocols[at];
    *text += fmt::format("{:<20}{:>7}", kProtocols[at].name, one.n);
    if (one.n == 0) {
      *text += "  no sample\n";
      continue;
    }
    *text += fmt::format(
        "     {:8.3f}{:7.3f}{:7.3f}{:7.3f}           {:8.2f}{:7.2f}{:7.2f}{:7.2f}\n", one.l2.at[0],
        one.l2.at[1], one.l2.at[2], one.l2.average(), 100 * one.collision.at[0],
        100 * one.collision.at[1], 100 * one.collision.at[2], 100 * one.collision.average());
  }
}

void AppendClean(const std::string& name, const CleanScore& score, std::string* text) {
  *text += fmt::format("{:<20}{:>7}", name, score.n);
  if (score.n == 0) {
    *text += "  no sample\n";
    return;
  }
  *text += fmt::format("     {:8.3f}{:7.3f}{:7.3f}{:7.3f}           {:8.2f}{:7.2f}{:7.2f}{:7.2f}",
                       score.l2.at[0], score.l2.at[1], score.l2.at[2], score.l2.average(),
                       100 * score.collision.at[0], 100 * score.collision.at[1],
                       100 * score.collision.at[2], 100 * score.collision.average());
  *text += score.road_n > 0 ? fmt::format("{:10.2f}", 100 * score.off_road.at[2])
                            : fmt::format("{:>10}", "-");
  *text += fmt::format("{:10.1f}{:10.1f}\n", 100 * score.comfortable, 100 * score.possible);
}

void AppendDropped(const PlanningSummary& summary, std::string* text) {
  *text += fmt::format("{} frames, {} dropped", summary.total, summary.dropped.size());
  std::map<std::string, size_t> reasons;
  for (const DroppedFrame& frame : summary.dropped) ++reasons[frame.why];
  for (const auto& [why, count] : reasons) *text += fmt::format("\n  {} x {}", count, why);
  *text += "\n";
}

}  // namespace

std::string ToJson(const PlanningSummary& summary) {
  Json dropped = Json::array(), why = Json::object();
  for (const DroppedFrame& frame : summary.dropped) {
    dropped.push_back(frame.token);
    why[frame.token] = frame.why;
  }
  Json json = {{"samples", {{"total", summary.total}, {"dropped", dropped}, {"why", why}}},
               {"protocols", ProtocolsJson(summary.prediction)},
               {"clean", ToJson(summary.prediction.clean)}};
  json["baselines"]["stationary"] = BaselineJson(summary.stationary);
  if (HasVelocity(summary)) {
    json["baselines"]["constant_velocity"] = BaselineJson(summary.constant_velocity);
  } else {
    json["baselines"]["constant_velocity"] = nullptr;
    json["baselines"]["why_no_constant_velocity"] =
        Predicted(summary) > 0 ? kNoVelocity : "no frame counts";
  }
  json["truth"] = {{"n", summary.truth_n},
                   {"frames_that_overlap", summary.truth_overlaps},
                   {"frames_off_road", summary.truth_off_road},
                   {"motion", MotionJson(summary.truth_n, summary.truth_beyond,
                                         summary.truth_comfortable, summary.truth_possible)}};
  json["not_in_clean"] = {{"short_future", summary.short_future},
                          {"irregular_times", summary.irregular_times}};
  json["without"] = {{"real_times", summary.without_real_times},
                     {"road", summary.without_road},
                     {"past_velocity", summary.constant_velocity.missing}};
  json["warnings"] = summary.warnings;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string ToText(const PlanningSummary& summary) {
  std::string text;
  AppendDropped(summary, &text);
  AppendScores("prediction", summary.prediction, &text);
  AppendScores("baseline: standing", summary.stationary, &text);
  if (HasVelocity(summary)) {
    AppendScores("baseline: velocity", summary.constant_velocity, &text);
    if (summary.constant_velocity.missing > 0) {
      text += fmt::format("  {} frames have no known past and are not in this baseline\n",
                          summary.constant_velocity.missing);
    }
  } else {
    text += fmt::format("baseline: velocity    none: {}\n", kNoVelocity);
  }
  text += fmt::format("{:<20}{:>7}{:>34}{:>40}{:>10}{:>10}{:>10}\n", "clean", "n",
                      "L2, m:  1 s    2 s    3 s    avg", "collision, %: 1 s   2 s   3 s    avg",
                      "off road", "comfort", "possible");
  AppendClean("prediction", summary.prediction.clean, &text);
  AppendClean("standing", summary.stationary.clean, &text);
  if (HasVelocity(summary))
    AppendClean("constant velocity", summary.constant_velocity.clean, &text);
  if (summary.truth_n > 0) {
    text += fmt::format("the true path overlaps something in {} of {} frames",
                        summary.truth_overlaps, summary.truth_n);
    if (summary.prediction.clean.road_n > 0)
      text += fmt::format(", leaves the road in {}", summary.truth_off_road);
    text += fmt::format(", is comfortable in {:.1f} %; its own overlaps count for no track\n",
                        100 * summary.truth_comfortable);
  }
  text += fmt::format("not in `clean`: {} frames with a short future, {} with irregular times\n",
                      summary.short_future, summary.irregular_times);
  if (summary.prediction.clean.road_n == 0)
    text += fmt::format("off road: not known: {}\n", kNoRoad);
  for (const std::string& warning : summary.warnings) text += "warning: " + warning + "\n";
  return text;
}

}  // namespace occvla::eval
