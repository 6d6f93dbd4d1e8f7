// Meta-action labels of simulated drives.
//
//   bench_meta_actions                       times matching and labelling
//   bench_meta_actions --agreement=100       labels the drives of so many scenes and compares them
//                                            with what the simulator meant
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "occvla/data/nuscenes/map.h"
#include "occvla/world/synth/drives.h"
#include "occvla/world/synth/plan.h"
#include "occvla/world/town.h"
#include "occvla/world/town_map.h"
#include "occvla/world/traffic/simulate.h"
#include "tests/meta_action_agreement.h"

namespace occvla {
namespace {

using data::nuscenes::Map;

struct Place {
  explicit Place(const world::TownOptions& options)
      : town(world::MakeTown(options)), map(world::ToMapRecords(town)), lanes(map, {}) {}

  world::Town town;
  Map map;
  label::LaneNetwork lanes;
};

/// A scene's keyframes in a town of 800 m.
struct Track {
  Track() : place(world::TownOptions{.seed = 3, .location = "boston-seaport"}) {
    world::DriveOptions options;
    options.seed = 3;
    options.candidates = 1;
    const auto drive = world::MakeDrive(place.town, options);
    for (size_t k = 0; k < 39; ++k) {
      times.push_back(world::synth::KeyframeTime(k));
      const geom::Pose X_GE = world::EgoAt(drive, times.back()).X_GE;
      poses.push_back({X_GE.translation().head<2>(), std::atan2(X_GE(1, 0), X_GE(0, 0))});
      places.push_back(place.lanes.Place(poses.back()));
    }
  }

  Place place;
  std::vector<double> times;
  std::vector<label::PlanePose> poses;
  std::vector<label::LanePlace> places;
};

const Track& TheTrack() {
  static const Track track;
  return track;
}

// One item is a map's lanes made ready.
void BM_LaneNetwork(benchmark::State& state) {
  const Map& map = TheTrack().place.map;
  for (auto _ : state) benchmark::DoNotOptimize(label::LaneNetwork(map, {}).Follows(0, 0));
  state.counters["elements"] = static_cast<double>(map.records().element_count());
}
BENCHMARK(BM_LaneNetwork)->Unit(benchmark::kMillisecond);

// One item is a keyframe: its place among the lanes, and its window's label.
void BM_LabelKeyFrame(benchmark::State& state) {
  const Track& track = TheTrack();
  size_t k = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(track.place.lanes.Place(track.poses[k]).candidates.data());
    benchmark::DoNotOptimize(
        label::LabelWindow(std::span(track.times).subspan(k).first<label::kWindow>(),
                           std::span(track.places).subspan(k).first<label::kWindow>(),
                           &track.place.lanes, {})
            .action);
    k = (k + 1) % (track.times.size() + 1 - label::kWindow);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_LabelKeyFrame)->Unit(benchmark::kMicrosecond);

void Print(const char* title, const tests::Agreement& agreement) {
  std::printf("\n%s: %zu keyframes, direction %.2f %%, velocity %.2f %%, %zu fallbacks\n", title,
              agreement.keyframes, 100 * agreement.share(),
              100.0 * static_cast<double>(agreement.velocity_agreed) /
                  static_cast<double>(agreement.keyframes),
              agreement.fallbacks);
  std::printf("  %-18s", "meant \\ labelled");
  for (const auto name : data::kDirectionNames)
    std::printf("%18.*s", static_cast<int>(name.size()), name.data());
  std::printf("\n");
  for (size_t want = 0; want < agreement.direction.size(); ++want) {
    std::printf("  %-18s", std::string(data::kDirectionNames[want]).c_str());
    for (const size_t count : agreement.direction[want]) std::printf("%18zu", count);
    std::printf("\n");
  }
}

void PrintDisagreement(const tests::ComparedKeyFrame& one) {
  const auto& evidence = one.labelled.evidence;
  std::printf(
      "  scene %3zu keyframe %2zu: meant %-18s labelled %-18s by %s (%.2f)%s, yaw %.1f deg",
      one.scene, one.keyframe,
      std::string(data::kDirectionNames[static_cast<size_t>(one.intended.direction)]).c_str(),
      std::string(data::kDirectionNames[static_cast<size_t>(one.labelled.action.direction)])
          .c_str(),
      std::string(label::kDirectionRuleNames[static_cast<size_t>(evidence.rule)]).c_str(),
      one.labelled.direction_confidence, one.away_from_edges ? "" : " at an edge",
      evidence.yaw_change * 57.29578);
  if (evidence.lane_shift) std::printf(", shift %.2f m", *evidence.lane_shift);
  std::printf(", last speeds %.2f %.2f, lanes", evidence.speeds[4], evidence.speeds[5]);
  for (const uint32_t lane : evidence.lanes) std::printf(" %d", static_cast<int>(lane));
  std::printf("\n");
}

int Agree(uint64_t scenes, uint64_t seed) {
  const world::synth::Config config;
  const auto plan = world::synth::PlanScenes(config, scenes, seed);
  const auto drives = world::synth::DrivesOf(config, plan, seed);
  std::array<std::unique_ptr<Place>, world::synth::kLocations.size()> places;
  tests::Agreement all, inner;
  std::vector<tests::ComparedKeyFrame> wrong;
  for (size_t i = 0; i < plan.size(); ++i) {
    auto& place = places[plan[i].location];
    if (!place) {
      place = std::make_unique<Place>(world::TownOptions{
          .seed = world::synth::TownSeed(seed, plan[i].location),
          .location = std::string(world::synth::kLocations[plan[i].location].name),
          .size_m = config.town.size_m,
          .spacing_m = config.town.spacing_m});
    }
    const auto drive = world::MakeDrive(place->town, drives[i]);
    for (const auto& one : tests::CompareDrive(i, drive, static_cast<size_t>(config.set.keyframes),
                                               place->lanes, {})) {
      all.Add(one);
      if (one.away_from_edges) inner.Add(one);
      if (!(one.intended.direction == one.labelled.action.direction)) wrong.push_back(one);
    }
    std::fprintf(stderr, "\r%zu of %zu scenes", i + 1, plan.size());
  }
  std::fprintf(stderr, "\n");
  std::printf("disagreements:\n");
  for (const auto& one : wrong) PrintDisagreement(one);
  Print("all keyframes", all);
  Print("away from window edges", inner);
  return inner.share() >= 0.95 ? 0 : 1;
}

}  // namespace
}  // namespace occvla

int main(int argc, char** argv) {
  constexpr std::string_view kAgreement = "--agreement=";
  if (argc > 1 && std::string_view(argv[1]).starts_with(kAgreement))
    return occvla::Agree(std::strtoull(argv[1] + kAgreement.size(), nullptr, 10),
                         argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
