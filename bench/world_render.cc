// The synthetic world's sensors in a town with traffic, on one thread: six views and one lidar
// sweep are what a keyframe costs before labels and files. Times are of the thread's core.
#include <benchmark/benchmark.h>

#include "occvla/world/render/camera.h"
#include "occvla/world/render/lidar.h"
#include "occvla/world/render/rig.h"
#include "occvla/world/traffic/simulate.h"

namespace occvla::world {
namespace {

DriveOptions OptionsAt(DayTime day_time) {
  DriveOptions options;
  options.seed = 3;
  options.duration_s = 6;
  options.day_time = day_time;
  options.candidates = 1;
  return options;
}

struct Place {
  explicit Place(DayTime day_time)
      : town(MakeTown({.seed = 3})),
        props(MakeScenery(town)),
        drive(MakeDrive(town, OptionsAt(day_time))),
        scene(town, props, drive) {}

  Town town;
  std::vector<Prop> props;
  Drive drive;
  Scene scene;
};

const Place& PlaceAt(DayTime day_time) {
  static const Place day(DayTime::kDay), night(DayTime::kNight);
  return day_time == DayTime::kNight ? night : day;
}

// One item is a scene: the meshes around a drive and their search trees.
void BM_Scene(benchmark::State& state) {
  const Place& place = PlaceAt(DayTime::kDay);
  for (auto _ : state) {
    const Scene scene(place.town, place.props, place.drive);
    benchmark::DoNotOptimize(scene.static_mesh().triangles.data());
  }
  state.counters["triangles"] = static_cast<double>(place.scene.static_mesh().triangles.size());
  state.counters["actors"] = static_cast<double>(place.drive.actors.size());
}
BENCHMARK(BM_Scene)->Unit(benchmark::kMillisecond);

// One item is a keyframe's six views.
void BM_SixViews(benchmark::State& state) {
  const Place& place = PlaceAt(static_cast<DayTime>(state.range(0)));
  const Rig rig = MakeRig(static_cast<double>(state.range(1)) / 1600);
  double time_s = 1;
  for (auto _ : state) {
    for (size_t i = 0; i < rig.cameras.size(); ++i)
      benchmark::DoNotOptimize(
          RenderCamera(place.scene, time_s + rig.offsets_s[i], rig.cameras[i]).image.rgb.data());
    time_s = time_s < 5 ? time_s + 0.5 : 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SixViews)
    ->ArgNames({"day_time", "width"})
    ->ArgsProduct({{static_cast<int>(DayTime::kDay), static_cast<int>(DayTime::kNight)},
                   {400, 800}})
    ->Unit(benchmark::kMillisecond);

// One item is a sweep of 32 x 1080 rays.
void BM_LidarSweep(benchmark::State& state) {
  const Place& place = PlaceAt(DayTime::kDay);
  const Rig rig = MakeRig(0.5);
  for (auto _ : state) benchmark::DoNotOptimize(CastLidar(place.scene, 2.0, rig.X_EL).data());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_LidarSweep)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace occvla::world

BENCHMARK_MAIN();
