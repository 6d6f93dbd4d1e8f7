#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/nuscenes/test_dataset.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/data/occ3d/layout.h"
#include "occvla/data/prediction.h"

/// For tests only: a small data set with labels, and runs over it.
namespace occvla::serve::viewer {

struct TestTown {
  static constexpr size_t kVoxels = size_t{200} * 200 * 16;

  TestFolder folder;
  data::nuscenes::TestDataset made;

  /// A car that drives on at 2 m a key frame, eight of them, and another car ahead of it.
  TestTown() {
    std::vector<data::nuscenes::TestPlace> places;
    std::vector<data::nuscenes::TestSighting> sightings;
    for (size_t at = 0; at < 8; ++at) {
      places.push_back({.x = 100 + 2.0 * static_cast<double>(at), .y = 50});
      sightings.push_back({.keyframe = at, .place = {.x = 130, .y = 50}});
    }
    made.AddScene("scene-0001", places);
    made.AddTrack("vehicle.car", sightings);
    made.WriteTables(Root(), "v1.0-mini");
    data::nuscenes::TestDataset::Write(Root() / "v1.0-mini" / "meta_actions.json",
                                       "{\"" + Token(0) + "\": \"Maintain speed, Go Straight\"}");
  }

  std::filesystem::path Root() const { return folder.path(); }
  std::string Token(size_t keyframe) const { return made.samples[keyframe].token; }

  std::shared_ptr<const data::nuscenes::Dataset> Open() const {
    data::nuscenes::DatasetOptions options;
    options.dataroot = Root();
    options.version = "v1.0-mini";
    options.cache = data::nuscenes::CacheUse::kNone;
    return std::make_shared<const data::nuscenes::Dataset>(data::nuscenes::Dataset::Open(options));
  }

  /// Ground everywhere of which the cameras see the first half, labelled at one key frame.
  void WriteOccupancy(size_t keyframe) const {
    data::occ3d::Labels labels{std::vector<uint8_t>(kVoxels, data::kFreeClass),
                               std::vector<uint8_t>(kVoxels, 1), std::vector<uint8_t>(kVoxels, 0)};
    for (size_t index = 0; index < kVoxels; index += 16) labels.semantics[index] = 11;
    for (size_t index = 0; index < kVoxels / 2; ++index) labels.mask_camera[index] = 1;
    const auto path = data::occ3d::LabelsPath(Root() / "gts", "scene-0001", Token(keyframe));
    std::filesystem::create_directories(path.parent_path());
    data::occ3d::WriteLabels(path, labels);
  }

  /// A run that says of the given key frames that the car drives straight on, `step` metres each
  /// half second.
  std::filesystem::path WriteRun(const std::string& name, const std::vector<size_t>& keyframes,
                                 double step, const std::string& text = "Scene: a road.") const {
    const auto run = folder / name;
    std::filesystem::create_directories(run / "replies");
    std::filesystem::create_directories(run / "predictions");
    std::ofstream replies(run / "replies" / "0-of-1.jsonl");
    std::ofstream trajectories(run / "predictions" / "trajectories.json");
    trajectories << "{";
    for (const size_t keyframe : keyframes) {
      data::Prediction prediction;
      prediction.token = Token(keyframe);
      prediction.text = text;
      prediction.trajectory_E.emplace();
      std::string points;
      for (size_t k = 0; k < 6; ++k) {
        const double x = step * static_cast<double>(k + 1);
        (*prediction.trajectory_E)[k] = {x, 0};
        points += (k > 0 ? ", [" : "[") + std::to_string(x) + ", 0]";
      }
      prediction.meta_action = data::MetaAction{};
      std::string json = data::ToJson(prediction);
      std::replace(json.begin(), json.end(), '\n', ' ');
      replies << "{\"prediction\":" << json << ",\"answers\":[\"yes\"]}\n";
      trajectories << (keyframe == keyframes[0] ? "\n\"" : ",\n\"") << Token(keyframe) << "\": ["
                   << points << "]";
    }
    trajectories << "\n}\n";
    return run;
  }
};

}  // namespace occvla::serve::viewer
