#include "occvla/data/nuscenes/statistics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>
#include <unordered_set>
#include <utility>

#include "occvla/data/nuscenes/parallel.h"

namespace occvla::data::nuscenes {
namespace {

/// Lower ends of the ranges of points and their names.
constexpr std::array<std::pair<int64_t, std::string_view>, 9> kPointRanges = {{{0, "0"},
                                                                               {1, "1-4"},
                                                                               {5, "5-9"},
                                                                               {10, "10-19"},
                                                                               {20, "20-49"},
                                                                               {50, "50-99"},
                                                                               {100, "100-199"},
                                                                               {200, "200-499"},
                                                                               {500, "500 on"}}};

std::vector<Count> LargestFirst(const std::map<std::string, uint64_t>& counts) {
  std::vector<Count> sorted;
  for (const auto& [name, count] : counts) sorted.push_back({name, count});
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Count& a, const Count& b) { return a.count > b.count; });
  return sorted;
}

/// Adds up frame by frame; what needs sorting is sorted at the end.
class Counter {
 public:
  explicit Counter(Statistics& statistics) : statistics_(statistics) {
    for (const auto& [from, name] : kPointRanges)
      statistics_.lidar_points.push_back({std::string(name), 0});
  }

  void Add(const Frame& frame);
  void Finish();

 private:
  void AddBox(const Frame& frame, const Annotation& box);

  Statistics& statistics_;  // Not owned; outlives the counter.
  std::map<std::string, uint64_t> categories_, attributes_, questions_;
  std::unordered_set<std::string> tracks_;
};

void Counter::Add(const Frame& frame) {
  for (const Annotation& box : frame.annotations) AddBox(frame, box);
  if (frame.ego.velocity_E)
    statistics_.ego_speed.Add(std::hypot((*frame.ego.velocity_E)[0], (*frame.ego.velocity_E)[1]));
  if (frame.now && frame.future[0]) {
    statistics_.gap.Add(
        1e-6 * static_cast<double>(frame.future[0]->timestamp_us - frame.now->timestamp_us));
  }
  if (frame.meta_action) {
    ++statistics_.meta_actions;
    ++statistics_.meta_action[static_cast<size_t>(frame.meta_action->velocity)]
                             [static_cast<size_t>(frame.meta_action->direction)];
  }
  for (const QuestionAnswer& question : frame.questions) ++questions_[question.kind];
  statistics_.questions += frame.questions.size();
}

void Counter::AddBox(const Frame& frame, const Annotation& box) {
  ++statistics_.boxes;
  ++categories_[box.category];
  for (const std::string& attribute : box.attributes) ++attributes_[attribute];
  tracks_.insert(box.instance_token);
  const bool stated = box.visibility >= 1 && box.visibility <= 4;
  ++statistics_.visibility[stated ? static_cast<size_t>(box.visibility) : 0];
  size_t range = kPointRanges.size() - 1;
  while (range > 0 && box.lidar_points < kPointRanges[range].first) --range;
  ++statistics_.lidar_points[range].count;
  if (box.velocity_G) {
    statistics_.box_speed.Add(box.velocity_G->head<2>().norm());
  } else {
    ++statistics_.boxes_without_velocity;
  }
  if (frame.now) {
    const Eigen::Vector3d from_ego = box.box_G.X_AB.translation() - frame.now->X_GE.translation();
    statistics_.box_distance.Add(from_ego.head<2>().norm());
  }
}

void Counter::Finish() {
  statistics_.categories = LargestFirst(categories_);
  statistics_.attributes = LargestFirst(attributes_);
  statistics_.tracks = tracks_.size();
  for (const auto& [kind, count] : questions_) statistics_.question_kinds.push_back({kind, count});
}

void AddCounts(const occ3d::LabelCounts& from, occ3d::LabelCounts& to) {
  for (size_t label = 0; label < to.classes.size(); ++label)
    to.classes[label] += from.classes[label];
  for (size_t occupied = 0; occupied < 2; ++occupied)
    for (size_t lidar = 0; lidar < 2; ++lidar)
      for (size_t camera = 0; camera < 2; ++camera)
        to.masks[occupied][lidar][camera] += from.masks[occupied][lidar][camera];
}

void CountOccupancy(const std::vector<std::filesystem::path>& files, size_t most,
                    Statistics& statistics) {
  statistics.occupancy_frames = files.size();
  statistics.occupancy_read = std::min(files.size(), most);
  std::vector<occ3d::LabelCounts> counts(statistics.occupancy_read);
  ForEachIndex(counts.size(), std::max(1u, std::thread::hardware_concurrency()),
               [&](size_t, size_t index) {
                 const size_t file = index * files.size() / counts.size();
                 counts[index] = occ3d::CountLabels(occ3d::ReadLabels(files[file]));
               });
  for (const occ3d::LabelCounts& one : counts) AddCounts(one, statistics.occupancy);
}

}  // namespace

void Distribution::Add(double value) {
  const double bin = std::floor((value - low) / bin_width);
  ++bins[static_cast<size_t>(std::clamp(bin, 0.0, static_cast<double>(bins.size() - 1)))];
  smallest = count == 0 ? value : std::min(smallest, value);
  largest = count == 0 ? value : std::max(largest, value);
  sum += value;
  ++count;
}

Statistics MeasureDataset(const Dataset& dataset, const StatisticsOptions& options) {
  const Tables& tables = dataset.tables();
  Statistics statistics;
  statistics.version = dataset.options().version;
  statistics.split = options.split;
  const std::vector<Row> scenes = dataset.Scenes(options.split);
  const std::vector<Row> keyframes = dataset.KeyFrames(options.split);
  statistics.scenes = scenes.size();
  statistics.keyframes = keyframes.size();
  std::map<std::string, uint64_t> places;
  for (const Row scene : scenes)
    ++places[std::string(tables.Text(tables.rows().log[tables.rows().scene[scene].log].location))];
  statistics.places = LargestFirst(places);
  Counter counter(statistics);
  std::vector<std::filesystem::path> labels;
  for (size_t index = 0; index < keyframes.size(); ++index) {
    const Frame frame = dataset.FrameOf(keyframes[index]);
    counter.Add(frame);
    if (!frame.occupancy.empty()) labels.push_back(frame.occupancy);
    if (options.progress) options.progress(index + 1, keyframes.size());
  }
  counter.Finish();
  CountOccupancy(labels, options.occupancy_frames, statistics);
  return statistics;
}

}  // namespace occvla::data::nuscenes
