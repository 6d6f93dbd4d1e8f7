// Planning metrics over the 6,019 keyframes of nuScenes' val, made up: 30 boxes a frame, all nine
// protocols with collisions, our own metric, and the same for two baselines.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "occvla/eval/planning/summary.h"
#include "occvla/eval/planning/test_frames.h"

namespace occvla::eval {
namespace {

constexpr uint64_t kFrames = 6019;

// items/s is keyframes/s on one core.
void BM_PlanningVal(benchmark::State& state) {
  std::vector<data::nuscenes::PlanningTruth> truths;
  std::vector<Track> tracks;
  for (uint64_t seed = 0; seed < kFrames; ++seed) {
    truths.push_back(MadeTruth(seed, 30));
    tracks.push_back(MadeTrack(truths.back(), seed));
  }
  FrameContext context;
  context.velocity_E = {6, 0};
  double collisions = 0;
  for (auto _ : state) {
    FrameMeter meter;
    std::vector<FrameMeasures> frames;
    frames.reserve(kFrames);
    for (uint64_t at = 0; at < kFrames; ++at)
      frames.push_back(meter.Measure(std::to_string(at), truths[at], context, tracks[at]));
    const PlanningSummary summary = Summarise(frames);
    collisions = summary.prediction.protocols[2].collision.at[2];
  }
  state.counters["uniad_collision_3s"] = collisions;
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kFrames));
}
BENCHMARK(BM_PlanningVal)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace occvla::eval

BENCHMARK_MAIN();
