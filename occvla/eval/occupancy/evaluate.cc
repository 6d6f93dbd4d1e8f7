#include "occvla/eval/occupancy/evaluate.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/eval/occupancy/lidar_origins.h"
#include "occvla/eval/occupancy/volumes.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::eval {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOriginsFile = "lidar_origins.json";
constexpr const char* kExtension = ".npz";

std::vector<fs::directory_entry> Entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    entries.push_back(*it);
  if (error) throw DataError(folder.string() + ": cannot be listed: " + error.message() + ".");
  std::sort(entries.begin(), entries.end());
  return entries;
}

OccupancyCounts CountCase(const OccupancyCase& one) {
  const TrueVolume truth = ReadTruth(one.truth);
  const PredictedVolume prediction = ReadPredictedVolume(one.prediction);
  if (truth.shape != prediction.shape) {
    throw DataError(one.prediction.string() + ": \"pred\" is " + ShapeText(prediction.shape) +
                    " where the labels are " + ShapeText(truth.shape) + ".");
  }
  OccupancyCounts counts{.frames = 1, .voxels = {}, .rays = std::nullopt};
  counts.voxels =
      CountVoxels({truth.labels, truth.mask_lidar, truth.mask_camera, prediction.labels});
  if (one.origins_E) {
    const std::vector<int64_t> full = {geom::VoxelGrid::kX, geom::VoxelGrid::kY,
                                       geom::VoxelGrid::kZ};
    if (truth.shape != full) {
      throw DataError(one.truth.string() + ": rays need volumes of " + ShapeText(full) +
                      ", but this is " + ShapeText(truth.shape) + ".");
    }
    counts.rays = CountRays(*one.origins_E, truth.labels, prediction.labels);
  }
  return counts;
}

// What the workers share. Counts are whole numbers: the order in which they come does not matter.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<size_t> next = 0;
  std::atomic<bool> stop = false;
  uint64_t done = 0;
  size_t running = 0;
  OccupancyCounts counts;
  std::map<size_t, std::string> damaged;  // By case.
  std::exception_ptr failure;             // Nothing a file can be blamed for.
};

void Work(std::span<const OccupancyCase* const> cases, Shared& shared) {
  OccupancyCounts mine;
  while (!shared.stop) {
    const size_t index = shared.next++;
    if (index >= cases.size()) break;
    std::string problem;
    try {
      mine.Merge(CountCase(*cases[index]));
    } catch (const DataError& error) {
      problem = error.what();
    } catch (...) {
      const std::lock_guard lock(shared.mutex);
      shared.failure = std::current_exception();
      shared.stop = true;
    }
    const std::lock_guard lock(shared.mutex);
    ++shared.done;
    if (!problem.empty()) shared.damaged.emplace(index, problem);
    shared.changed.notify_one();
  }
  const std::lock_guard lock(shared.mutex);
  shared.counts.Merge(mine);
  --shared.running;
  shared.changed.notify_one();
}

}  // namespace

void CheckPredictionFiles(std::span<const OccupancyCase> cases, const fs::path& predictions) {
  data::Complaints complaints;
  std::set<fs::path> known;
  for (const OccupancyCase& one : cases) {
    known.insert(one.prediction.filename());
    std::error_code ignored;
    if (!fs::is_regular_file(one.prediction, ignored))
      complaints.Add(one.prediction.string(), "is missing");
  }
  for (const fs::directory_entry& entry : Entries(predictions)) {
    if (!known.contains(entry.path().filename()))
      complaints.Add(entry.path().string(), "belongs to no keyframe of the ground truth");
  }
  complaints.Throw(predictions.string() + " does not fit the ground truth",
                   "Predict every keyframe, and nothing else");
}

std::vector<OccupancyCase> PairOccupancy(const fs::path& truth, const fs::path& predictions) {
  std::optional<std::map<std::string, std::vector<Eigen::Vector3d>>> origins;
  if (fs::exists(truth / kOriginsFile)) origins = ReadRayOrigins(truth / kOriginsFile);
  std::vector<OccupancyCase> cases;
  data::Complaints complaints;
  for (const fs::directory_entry& entry : Entries(truth)) {
    if (!entry.is_directory()) continue;
    OccupancyCase one;
    one.name = entry.path().filename().string();
    one.truth = entry.path() / "labels.npz";
    one.prediction = predictions / (one.name + kExtension);
    if (!fs::is_regular_file(one.truth)) complaints.Add(one.truth.string(), "is missing");
    if (origins) {
      const auto found = origins->find(one.name);
      if (found == origins->end()) {
        complaints.Add((truth / kOriginsFile).string(), "has no origins of " + Quoted(one.name));
      } else {
        one.origins_E = std::move(found->second);
        origins->erase(found);
      }
    }
    cases.push_back(std::move(one));
  }
  if (origins) {
    for (const auto& [name, unused] : *origins) {
      complaints.Add((truth / kOriginsFile).string(),
                     "names " + Quoted(name) + ", which has no labels");
    }
  }
  if (cases.empty()) complaints.Add(truth.string(), "holds no folder NAME with labels.npz");
  complaints.Throw("The ground truth is not complete", "Fetch it again");
  CheckPredictionFiles(cases, predictions);
  return cases;
}

std::string NamesOf(std::span<const OccupancyCase> cases) {
  std::string names;
  for (const OccupancyCase& one : cases) names += one.name + (one.origins_E ? "\n" : " no rays\n");
  return Sha256(std::as_bytes(std::span(names)));
}

OccupancyCounts EvaluateOccupancy(std::span<const OccupancyCase> cases,
                                  const OccupancyOptions& options) {
  std::vector<const OccupancyCase*> mine;
  for (size_t i = 0; i < cases.size(); ++i) {
    if (options.shard.Holds(i)) mine.push_back(&cases[i]);
  }
  unsigned threads = options.threads > 0 ? options.threads : std::thread::hardware_concurrency();
  threads = std::clamp(threads, 1U, static_cast<unsigned>(std::max<size_t>(1, mine.size())));
  Shared shared;
  shared.running = threads;
  {
    std::vector<std::jthread> workers;
    // Whatever ends this block, the workers end first.
    struct Stop {
      Shared& shared;
      ~Stop() { shared.stop = true; }
    };
    for (unsigned i = 0; i < threads; ++i) workers.emplace_back([&] { Work(mine, shared); });
    const Stop stop{shared};
    uint64_t told = 0;
    for (bool finished = false; !finished;) {
      {
        std::unique_lock lock(shared.mutex);
        shared.changed.wait(lock, [&] { return shared.done > told || shared.running == 0; });
        told = shared.done;
        finished = shared.running == 0;
      }
      if (options.progress) options.progress(told, mine.size());
    }
  }
  if (shared.failure) std::rethrow_exception(shared.failure);
  data::Complaints complaints;
  for (const auto& [index, problem] : shared.damaged) complaints.AddWhole(problem);
  complaints.Throw("Some keyframes cannot be counted", "No number was made");
  return shared.counts;
}

}  // namespace occvla::eval
