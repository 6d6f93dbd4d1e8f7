#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/statistics.h"
#include "occvla/data/prediction.h"
#include "occvla/view/statistics_page.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Count;
using data::nuscenes::Distribution;
using data::nuscenes::Statistics;
using Json = nlohmann::ordered_json;

struct Flags {
  DatasetFlags dataset;
  std::string split = "all", plot;
  size_t occupancy_frames = 200;
  bool json = false;
};

double Percent(uint64_t part, uint64_t whole) {
  return whole > 0 ? 100 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

void PrintCounts(const std::string& title, const std::vector<Count>& counts, std::ostream& out) {
  uint64_t sum = 0;
  size_t width = 0;
  for (const Count& one : counts) {
    sum += one.count;
    width = std::max(width, one.name.size());
  }
  out << title << "\n";
  for (const Count& one : counts) {
    out << "  " << std::left << std::setw(static_cast<int>(width)) << one.name << std::right
        << std::setw(12) << one.count << std::setw(8) << Percent(one.count, sum) << " %\n";
  }
  if (counts.empty()) out << "  none\n";
}

void PrintDistribution(const std::string& title, const Distribution& values, std::ostream& out) {
  out << std::left << std::setw(32) << title << std::right;
  if (values.count == 0) {
    out << "no values\n";
    return;
  }
  out << std::setprecision(2) << "mean " << std::setw(8) << values.Mean() << "   smallest "
      << std::setw(8) << values.smallest << "   largest " << std::setw(8) << values.largest << "   "
      << values.count << " values\n"
      << std::setprecision(1);
}

std::vector<Count> MetaActions(const Statistics& statistics) {
  std::vector<Count> counts;
  for (size_t velocity = 0; velocity < data::kVelocityNames.size(); ++velocity) {
    for (size_t direction = 0; direction < data::kDirectionNames.size(); ++direction) {
      counts.push_back({ToString(data::MetaAction{static_cast<data::Velocity>(velocity),
                                                  static_cast<data::Direction>(direction)}),
                        statistics.meta_action[velocity][direction]});
    }
  }
  return counts;
}

std::vector<Count> VoxelClasses(const Statistics& statistics) {
  std::vector<Count> counts;
  for (size_t label = 0; label < data::kOccupancyClasses.size(); ++label) {
    counts.push_back({std::string(data::kOccupancyClasses[label]),
                      static_cast<uint64_t>(statistics.occupancy.classes[label])});
  }
  return counts;
}

std::vector<Count> Visibility(const Statistics& statistics) {
  constexpr std::array<const char*, 5> kNames = {"not stated", "0-40 %", "40-60 %", "60-80 %",
                                                 "80-100 %"};
  std::vector<Count> counts;
  for (size_t level = 0; level < kNames.size(); ++level)
    counts.push_back({kNames[level], statistics.visibility[level]});
  return counts;
}

void PrintOccupancy(const Statistics& s, std::ostream& out) {
  const auto share = [&](int64_t voxels) {
    return Percent(static_cast<uint64_t>(voxels), s.occupancy_read * 200 * 200 * 16);
  };
  PrintCounts("voxels of " + std::to_string(s.occupancy_read) + " of " +
                  std::to_string(s.occupancy_frames) + " keyframes with occupancy",
              VoxelClasses(s), out);
  out << std::setprecision(2) << "  seen by lidar " << share(s.occupancy.SeenByLidar())
      << " %, by cameras " << share(s.occupancy.SeenByCamera()) << " %, occupied "
      << share(s.occupancy.Occupied()) << " %\n"
      << std::setprecision(1);
}

void PrintText(const Statistics& s, std::ostream& out) {
  out << std::fixed << std::setprecision(1) << s.version << ", split " << s.split << ": "
      << s.scenes << " scenes, " << s.keyframes << " keyframes, " << s.boxes << " boxes of "
      << s.tracks << " things\n";
  PrintCounts("scenes by place", s.places, out);
  PrintCounts("boxes by category", s.categories, out);
  PrintCounts("boxes by attribute", s.attributes, out);
  PrintCounts("boxes by visibility", Visibility(s), out);
  PrintCounts("boxes by lidar points", s.lidar_points, out);
  PrintDistribution("speed of boxes, m/s", s.box_speed, out);
  PrintDistribution("distance of boxes, m", s.box_distance, out);
  PrintDistribution("speed of the car, m/s", s.ego_speed, out);
  PrintDistribution("from keyframe to keyframe, s", s.gap, out);
  out << "boxes without a velocity        " << s.boxes_without_velocity << "\n";
  if (s.meta_actions > 0) {
    PrintCounts("meta actions of " + std::to_string(s.meta_actions) + " keyframes", MetaActions(s),
                out);
  } else {
    out << "meta actions: not labelled\n";
  }
  if (s.occupancy_read > 0) {
    PrintOccupancy(s, out);
  } else {
    out << "occupancy: none\n";
  }
  if (s.questions > 0) {
    PrintCounts(std::to_string(s.questions) + " questions", s.question_kinds, out);
  } else {
    out << "questions: none\n";
  }
}

Json ToJson(const std::vector<Count>& counts) {
  Json json = Json::object();
  for (const Count& one : counts) json[one.name] = one.count;
  return json;
}

Json ToJson(const Distribution& values) {
  return {{"count", values.count},     {"mean", values.Mean()}, {"smallest", values.smallest},
          {"largest", values.largest}, {"low", values.low},     {"bin_width", values.bin_width},
          {"bins", values.bins}};
}

void PrintJson(const Statistics& s, std::ostream& out) {
  Json json = {{"version", s.version},
               {"split", s.split},
               {"scenes", s.scenes},
               {"keyframes", s.keyframes},
               {"boxes", s.boxes},
               {"tracks", s.tracks},
               {"places", ToJson(s.places)},
               {"categories", ToJson(s.categories)},
               {"attributes", ToJson(s.attributes)},
               {"visibility", ToJson(Visibility(s))},
               {"lidar_points", ToJson(s.lidar_points)},
               {"boxes_without_velocity", s.boxes_without_velocity},
               {"box_speed", ToJson(s.box_speed)},
               {"box_distance", ToJson(s.box_distance)},
               {"ego_speed", ToJson(s.ego_speed)},
               {"gap", ToJson(s.gap)},
               {"meta_actions", ToJson(MetaActions(s))},
               {"occupancy",
                {{"keyframes", s.occupancy_frames},
                 {"read", s.occupancy_read},
                 {"voxels", ToJson(VoxelClasses(s))},
                 {"seen_by_lidar", s.occupancy.SeenByLidar()},
                 {"seen_by_camera", s.occupancy.SeenByCamera()}}},
               {"questions", ToJson(s.question_kinds)}};
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void Run(const Flags& flags, const Context& context) {
  const auto dataset = data::nuscenes::Dataset::Open(OptionsFrom(flags.dataset));
  WorkProgress bar(context, "counting", "keyframes");
  const Statistics statistics = data::nuscenes::MeasureDataset(
      dataset, {.split = flags.split,
                .occupancy_frames = flags.occupancy_frames,
                .progress = [&](uint64_t done, uint64_t total) { bar(done, total); }});
  (flags.json ? PrintJson : PrintText)(statistics, context.out);
  if (!flags.plot.empty()) data::WritePng(flags.plot, view::DrawStatistics(statistics));
}

}  // namespace

void AddDataStats(CLI::App& data, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *data.add_subcommand("stats", "Counts and distributions, as text and as plots");
  AddDatasetFlags(verb, flags->dataset);
  AddSplitFlag(verb, flags->split)->capture_default_str();
  verb.add_option("--occupancy-frames", flags->occupancy_frames,
                  "Read the labels of so many keyframes, evenly spread")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  verb.add_flag("--json", flags->json, "As JSON");
  verb.add_option("--plot", flags->plot, "A page of plots as well")->type_name("PNG");
  verb.footer(
      "Example:\n  occvla data stats --dataroot data/nuscenes --version v1.0-mini "
      "--split mini_train --plot stats.png");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
