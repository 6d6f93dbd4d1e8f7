#include "occvla/world/synth/synth.h"

#include <algorithm>
#include <chrono>
#include <mutex>
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

/// Fewer keyframes than this are made without making two of them first.
constexpr size_t kWorthAProbe = 400;

/// One data set on its way.
class Run {
 public:
  explicit Run(const Request& request)
      : request_(request),
        plan_(PlanScenes(request.config, request.scenes, request.seed)),
        drives_(DrivesOf(request.config, plan_, request.seed)),
        folder_(request.out, OriginText(request.config, request.scenes, request.seed)),
        towns_(request.config.town, request.seed),
        workers_(request.threads) {}

  Report Make() {
    std::vector<size_t> pending;
    for (size_t i = 0; i < plan_.size(); ++i)
      if (!folder_.Find(plan_[i].name)) pending.push_back(i);
    const Estimate estimate = EstimateOf(pending);
    if (request_.on_estimate) request_.on_estimate(estimate);
    CheckDisk(request_.out, estimate, fs::space(request_.out).available);
    WriteMaps();
    // Scenes side by side; threads that are left over share the keyframes of each.
    workers_.For(pending.size(), [&](size_t i) { MakeScene(pending[i]); });
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
    const auto used = UsedLocations();
    workers_.For(used.size(), [&](size_t i) {
      CheckStop();
      towns_.WriteMaps(used[i], &folder_);
    });
  }

  void MakeScene(size_t index) {
    CheckStop();
    const auto& place = towns_.At(plan_[index].location);
    const auto drive = MakeDrive(place.town, drives_[index]);
    CheckStop();
    const auto& name = plan_[index].name;
    const auto input = InputOf(index, place, drive, workers_);
    const auto done = [&] {
      const std::lock_guard lock(done_mutex_);
      if (request_.on_keyframe) request_.on_keyframe();
    };
    folder_.Commit(name, WriteScene(input, folder_.Stage(name), request_.stop, done));
  }

  Estimate EstimateOf(std::span<const size_t> pending) {
    const auto& config = request_.config;
    Estimate estimate{.scenes = plan_.size(),
                      .kept = plan_.size() - pending.size(),
                      .keyframes = pending.size() * static_cast<size_t>(config.set.keyframes)};
    if (pending.empty()) return estimate;
    size_t maps = 0;
    for (const size_t location : UsedLocations())
      maps += !folder_.Find(std::string(kLocations[location].name));
    const Costs costs =
        estimate.keyframes < kWorthAProbe ? TypicalCosts(config) : Probe(pending.front());
    AddCosts(costs, config, pending.size(), maps, request_.threads, &estimate);
    return estimate;
  }

  /// Two keyframes of a scene tell what the others will take.
  Costs Probe(size_t index) {
    const auto& place = towns_.At(plan_[index].location);
    const auto start = Clock::now();
    const auto drive = MakeDrive(place.town, drives_[index]);
    const double drive_s = std::chrono::duration<double>(Clock::now() - start).count();
    CheckStop();
    const auto stage = folder_.Stage("probe");
    Workers alone(1);
    const auto costs =
        MeasureCosts(InputOf(index, place, drive, alone), stage, drive_s, request_.stop);
    fs::remove_all(stage);
    return costs;
  }

  SceneInput InputOf(size_t index, const Towns::Place& place, const Drive& drive,
                     Workers& workers) const {
    return {.config = request_.config,
            .seed = request_.seed,
            .index = index,
            .plan = plan_[index],
            .town = place.town,
            .props = place.props,
            .drive = drive,
            .workers = workers};
  }

  /// Towns that have scenes.
  std::vector<size_t> UsedLocations() const {
    std::vector<size_t> used;
    for (const auto& scene : plan_)
      if (std::find(used.begin(), used.end(), scene.location) == used.end())
        used.push_back(scene.location);
    return used;
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
  Workers workers_;
  std::mutex done_mutex_;
};

}  // namespace

Report Synthesise(const Request& request) {
  request.config.Validate();
  if (request.scenes < 1) throw ConfigError("synth: --scenes must be at least 1.");
  return Run(request).Make();
}

}  // namespace occvla::world::synth
