// Labels against the simulator's intents on a few scenes; bench_meta_actions --agreement=100 does
// it on many.
#include "tests/meta_action_agreement.h"

#include <gtest/gtest.h>

#include "occvla/data/nuscenes/map.h"
#include "occvla/world/synth/drives.h"
#include "occvla/world/synth/plan.h"
#include "occvla/world/town_map.h"
#include "occvla/world/traffic/simulate.h"

namespace occvla::tests {
namespace {

TEST(MetaActionAgreementTest, DirectionsAgreeWithWhatTheSimulatorMeant) {
  const world::synth::Config config;
  constexpr uint64_t kSeed = 5;
  const auto plan = world::synth::PlanScenes(config, 6, kSeed);
  const auto drives = world::synth::DrivesOf(config, plan, kSeed);
  Agreement inner, all;
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto town =
        world::MakeTown({.seed = world::synth::TownSeed(kSeed, plan[i].location),
                         .location = std::string(world::synth::kLocations[plan[i].location].name)});
    const data::nuscenes::Map map(world::ToMapRecords(town));
    const label::LaneNetwork lanes(map, {});
    const auto drive = world::MakeDrive(town, drives[i]);
    for (const auto& one :
         CompareDrive(i, drive, static_cast<size_t>(config.set.keyframes), lanes, {})) {
      all.Add(one);
      if (one.away_from_edges) inner.Add(one);
    }
  }
  EXPECT_EQ(all.keyframes, 6U * 34);
  EXPECT_GT(inner.keyframes, 120U);
  EXPECT_GE(inner.share(), 0.98);
  EXPECT_GE(all.share(), 0.9);
  EXPECT_EQ(all.fallbacks, 0U);
}

}  // namespace
}  // namespace occvla::tests
