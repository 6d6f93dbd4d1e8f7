#include "occvla/world/synth/synth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/world/synth/assemble.h"
#include "occvla/world/synth/drives.h"
#include "occvla/world/synth/folder.h"
#include "occvla/world/synth/parallel.h"
#include "occvla/world/synth/plan.h"
#include "occvla/world/synth/scene_writer.h"
#include "occvla/world/synth/towns.h"

namespace occvla::world::synth {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

uint64_t BytesBelow(const fs::path& folder) {
  uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

/// One data set on its way.
class Run {
 public:
  explicit Run(const Request& request)
      : request_(request),
        plan_(PlanScenes(request.config, request.scenes, request.seed)),
        drives_(DrivesOf(request.config, plan_, request.seed)),
        folder_(request.out, OriginText(request.config, request.scenes, request.seed)),
        towns_(request.config.town, request.seed) {}

  Report Make() {
    std::vector<size_t> pending;
    for (size_t i = 0; i < plan_.size(); ++i)
      if (!folder_.Find(plan_[i].name)) pending.push_back(i);
    const Estimate estimate = EstimateOf(pending);
    if (request_.on_estimate) request_.on_estimate(estimate);
    CheckDisk(request_.out, estimate, fs::space(request_.out).available);
    WriteMaps();
    // Scenes side by side; what threads are left over share the keyframes of each.
    const int threads = std::max(1, request_.threads);
    const int beside = std::max(1, std::min(threads, static_cast<int>(pending.size())));
    ParallelFor(pending.size(), threads,
                [&](size_t i) { MakeScene(pending[i], threads / beside); });
    CheckStop();
    Assemble(folder_, plan_);
    folder_.Finish();
    return ReportOf(pending.size());
  }

 private:
  void CheckStop() const {
    if (request_.stop.stop_requested())
      throw BusyError("interrupted; the same command goes on from the last whole scene.");
  }

  void WriteMaps() {
    std::vector<size_t> used;
    for (const auto& scene : plan_)
      if (std::find(used.begin(), used.end(), scene.location) == used.end())
        used.push_back(scene.location);
    ParallelFor(used.size(), request_.threads, [&](size_t i) {
      CheckStop();
      towns_.WriteMaps(used[i], &folder_);
    });
  }

  void MakeScene(size_t index, int threads) {
    CheckStop();
    const auto& place = towns_.At(plan_[index].location);
    const auto drive = MakeDrive(place.town, drives_[index]);
    CheckStop();
    const auto& name = plan_[index].name;
    const SceneInput input{.config = request_.config,
                           .seed = request_.seed,
                           .index = index,
                           .plan = plan_[index],
                           .town = place.town,
                           .props = place.props,
                           .drive = drive,
                           .threads = threads};
    const auto done = [&] {
      const std::lock_guard lock(done_mutex_);
      if (request_.on_keyframe) request_.on_keyframe();
    };
    folder_.Commit(name, WriteScene(input, folder_.Stage(name), request_.stop, done));
  }

  /// Two keyframes of the first scene tell what the others will take.
  Estimate EstimateOf(std::span<const size_t> pending) {
    const auto per_scene = static_cast<size_t>(request_.config.set.keyframes);
    Estimate estimate{.scenes = plan_.size(),
                      .kept = plan_.size() - pending.size(),
                      .keyframes = pending.size() * per_scene};
    if (pending.empty()) return estimate;
    const size_t index = pending.front();
    const auto& place = towns_.At(plan_[index].location);
    auto start = Clock::now();
    const auto drive = MakeDrive(place.town, drives_[index]);
    Config config = request_.config;
    config.set.keyframes = std::min<int64_t>(2, config.set.keyframes);
    const SceneInput input{.config = config,
                           .seed = request_.seed,
                           .index = index,
                           .plan = plan_[index],
                           .town = place.town,
                           .props = place.props,
                           .drive = drive};
    const auto stage = folder_.Stage("probe");
    std::vector<double> marks;
    const auto record =
        WriteScene(input, stage, request_.stop, [&] { marks.push_back(SecondsSince(start)); });
    const double keyframe_s = marks.size() > 1 ? marks[1] - marks[0] : 0;
    const double scene_s = std::max(0.0, SecondsSince(start) - 2 * keyframe_s);
    // A row stands in the scene's record and in its table. CAN messages come with time.
    const double rows = 2.0 * static_cast<double>(ToText(record).size());
    const double can = static_cast<double>(BytesBelow(stage / "can_bus"));
    const double files = static_cast<double>(BytesBelow(stage)) - can;
    const double seen = static_cast<double>(marks.size()), all = static_cast<double>(per_scene);
    const double can_all = can * (0.1 + kInterval * (all - 1)) / (0.1 + kInterval * (seen - 1));
    constexpr double kMargin = 1.2;  // Scenes differ.
    const auto scenes = static_cast<double>(pending.size());
    estimate.bytes =
        static_cast<uint64_t>(kMargin * scenes * ((files + rows) * all / seen + can_all));
    estimate.seconds = scenes * (scene_s + all * keyframe_s) / std::max(1, request_.threads);
    fs::remove_all(stage);
    return estimate;
  }

  Report ReportOf(size_t made) const {
    Report report{.made = made,
                  .kept = plan_.size() - made,
                  .keyframes = plan_.size() * static_cast<size_t>(request_.config.set.keyframes)};
    for (const auto& scene : plan_) {
      report.train += scene.split == Split::kTrain;
      report.val += scene.split == Split::kVal;
      report.test += scene.split == Split::kTest;
    }
    return report;
  }

  const Request& request_;
  std::vector<ScenePlan> plan_;
  std::vector<DriveOptions> drives_;
  Folder folder_;
  Towns towns_;
  std::mutex done_mutex_;
};

}  // namespace

std::string SizeText(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  char text[32];
  if (value >= 1e9) {
    std::snprintf(text, sizeof text, "%.1f GB", value / 1e9);
  } else if (value >= 1e6) {
    std::snprintf(text, sizeof text, "%.0f MB", value / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.0f kB", std::ceil(value / 1e3));
  }
  return text;
}

void CheckDisk(const fs::path& out, const Estimate& estimate, uint64_t free_bytes) {
  if (estimate.bytes <= free_bytes) return;
  throw DeviceError(out.string() + ": " + std::to_string(estimate.keyframes) +
                    " keyframes need about " + SizeText(estimate.bytes) + " (" +
                    std::to_string(estimate.bytes) + " bytes), and the disk has " +
                    SizeText(free_bytes) + " free (" + std::to_string(free_bytes) +
                    " bytes). Free space, choose another --out, or make fewer scenes or smaller "
                    "images.");
}

Report Synthesise(const Request& request) {
  request.config.Validate();
  if (request.scenes < 1) throw ConfigError("synth: --scenes must be at least 1.");
  return Run(request).Make();
}

}  // namespace occvla::world::synth
