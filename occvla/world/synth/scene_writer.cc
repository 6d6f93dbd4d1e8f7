#include "occvla/world/synth/scene_writer.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/world/occupancy.h"
#include "occvla/world/render/camera.h"
#include "occvla/world/render/lidar.h"
#include "occvla/world/render/scene.h"
#include "occvla/world/synth/annotate.h"
#include "occvla/world/synth/ego_can_bus.h"
#include "occvla/world/synth/folder.h"
#include "occvla/world/synth/parallel.h"
#include "occvla/world/synth/timeline.h"
#include "occvla/world/synth/visibility.h"

namespace occvla::world::synth {
namespace {

namespace fs = std::filesystem;

std::vector<float> FileOf(const std::vector<LidarPoint>& points) {
  std::vector<float> file;
  file.reserve(5 * points.size());
  for (const auto& p : points) file.insert(file.end(), {p.x, p.y, p.z, p.intensity, p.ring});
  return file;
}

/// Points in a box of the sensor's frame as the devkit counts them: faces belong to it.
int64_t CountInside(const std::vector<LidarPoint>& points, const geom::Box& box_L) {
  const geom::Pose X_BL = box_L.X_AB.inverse();
  const Eigen::Vector3d half = box_L.size / 2;
  const double reach = half.squaredNorm();
  const Eigen::Vector3d centre = box_L.X_AB.translation();
  int64_t count = 0;
  for (const auto& point : points) {
    const Eigen::Vector3d p_LQ(point.x, point.y, point.z);
    if ((p_LQ - centre).squaredNorm() > reach * 1.001) continue;
    count += ((X_BL * p_LQ).cwiseAbs().array() <= half.array()).all();
  }
  return count;
}

class Writer {
 public:
  Writer(const SceneInput& input, const fs::path& stage, std::stop_token stop,
         const KeyframeDone& done)
      : input_(input),
        stage_(stage),
        stop_(std::move(stop)),
        done_(done),
        timeline_(MakeTimeline(input)),
        scene_(input.town, input.props, input.drive),
        sweeps_(timeline_.samples.size()),
        sightings_(timeline_.samples.size()) {}

  SceneRecord Write() {
    const size_t n = timeline_.samples.size();
    input_.workers.For(n, [&](size_t k) { Sweep(k); });
    input_.workers.For(n, [&](size_t k) { Shoot(k); });
    WriteCan();
    SceneRecord record;
    AddTimeline(input_, timeline_, &record);
    AddAnnotations(input_.drive, sightings_,
                   {.seed = input_.seed, .scene = input_.index, .samples = timeline_.samples},
                   &record);
    return record;
  }

 private:
  void CheckStop() const {
    if (stop_.stop_requested())
      throw BusyError("interrupted; the same command goes on from the last whole scene.");
  }

  /// The keyframe's sweep and those before it; boxes with their points.
  void Sweep(size_t k) {
    CheckStop();
    for (const auto& between : timeline_.sweeps[k])
      WritePoints(between, CastLidar(scene_, between.time_s, timeline_.rig.X_EL));
    const auto& key = timeline_.key_sweeps[k];
    const auto moment = scene_.At(key.time_s);
    const auto points = CastLidar(moment, timeline_.rig.X_EL);
    WritePoints(key, points);
    KeepReturns(moment, key, points, &sweeps_[k]);
    auto& sightings = sightings_[k];
    sightings.resize(input_.drive.actors.size());
    const geom::Pose X_LG = sweeps_[k].X_GL.inverse();
    for (const auto& who : moment.present()) {
      const auto actor = static_cast<size_t>(who.actor);
      auto& sighting = sightings[actor];
      sighting.box_G = BoxOf(input_.drive.actors[actor], who.state);
      sighting.activity = who.state.activity;
      const geom::Box box_L{X_LG * sighting.box_G.X_AB, sighting.box_G.size};
      if (box_L.X_AB.translation().norm() <= kLidarReach + box_L.size.norm())
        sighting.lidar_points = CountInside(points, box_L);
    }
  }

  void WritePoints(const Exposure& exposure, const std::vector<LidarPoint>& points) const {
    const auto file = FileOf(points);
    WriteStaged(stage_ / exposure.filename, std::as_bytes(std::span(file)));
  }

  /// What the labels of neighbouring keyframes need of a sweep.
  void KeepReturns(const Scene::Moment& moment, const Exposure& key,
                   const std::vector<LidarPoint>& points, LidarFrame* frame) const {
    frame->X_GL = key.X_GE * timeline_.rig.X_EL;
    std::vector<std::optional<Eigen::Isometry3f>> X_AL(input_.drive.actors.size());
    for (const auto& who : moment.present()) {
      X_AL[static_cast<size_t>(who.actor)] =
          Eigen::Isometry3f((who.state.X_GA.inverse() * frame->X_GL).cast<float>());
    }
    frame->returns.reserve(points.size());
    for (const auto& point : points) {
      LidarReturn one{.p = {point.x, point.y, point.z}, .actor = point.actor};
      if (one.actor >= 0) one.p = *X_AL[static_cast<size_t>(one.actor)] * one.p;
      frame->returns.push_back(one);
    }
  }

  void Shoot(size_t k) {
    Visibility visibility;
    visibility.actors.resize(input_.drive.actors.size());
    for (size_t c = 0; c < timeline_.cameras.size(); ++c) {
      CheckStop();
      const auto& exposure = timeline_.cameras[c][k];
      const auto moment = scene_.At(exposure.time_s);
      const auto shot = RenderCamera(moment, timeline_.rig.cameras[c]);
      WriteStaged(stage_ / exposure.filename,
                  std::string_view(data::EncodeJpeg(
                      shot.image, static_cast<int>(input_.config.camera.jpeg_quality))));
      AddVisibility(moment, full_rig_.cameras[c], input_.config.labels.annotation_range,
                    &visibility);
    }
    CheckStop();
    Label(k);
    const Eigen::Vector3d p_GE = timeline_.key_sweeps[k].X_GE.translation();
    for (size_t actor = 0; actor < sightings_[k].size(); ++actor) {
      auto& sighting = sightings_[k][actor];
      if (sighting.box_G.size.x() <= 0) continue;  // Not there.
      sighting.visible_share = visibility.actors[actor].share();
      const double distance = (sighting.box_G.X_AB.translation() - p_GE).norm();
      sighting.annotated = distance <= input_.config.labels.annotation_range &&
                           (sighting.lidar_points > 0 || visibility.actors[actor].seen > 0);
    }
    const std::lock_guard lock(done_mutex_);
    if (done_) done_();
  }

  void Label(size_t k) const {
    const auto& key = timeline_.key_sweeps[k];
    const auto moment = scene_.At(key.time_s);
    OccupancyInput occupancy;
    occupancy.X_GE = key.X_GE;
    occupancy.p_GL = sweeps_[k].X_GL.translation();
    std::vector<PlacedMesh> meshes;
    std::vector<std::optional<geom::Pose>> actors(input_.drive.actors.size());
    const auto place = [&](const Mesh& mesh, const geom::Pose& X_GA) {
      meshes.push_back({mesh.vertices, mesh.triangles, mesh.categories, X_GA});
    };
    place(scene_.static_mesh(), geom::Pose(Eigen::Translation3d(scene_.origin_G())));
    for (const auto& who : moment.present()) {
      place(*who.mesh, who.state.X_GA);
      actors[static_cast<size_t>(who.actor)] = who.state.X_GA;
    }
    const auto history = static_cast<size_t>(input_.config.labels.occupancy_history);
    std::vector<const LidarFrame*> sweeps;
    for (size_t j = k > history ? k - history : 0; j < sweeps_.size() && j <= k + history; ++j)
      sweeps.push_back(&sweeps_[j]);
    std::vector<geom::PinholeCamera> cameras;
    for (size_t c = 0; c < timeline_.cameras.size(); ++c) {
      auto camera = full_rig_.cameras[c];
      camera.X_EC = key.X_GE.inverse() * timeline_.cameras[c][k].X_GE * camera.X_EC;
      cameras.push_back(camera);
    }
    occupancy.meshes = meshes;
    occupancy.actors = actors;
    occupancy.sweeps = sweeps;
    occupancy.cameras = cameras;
    const auto& labels = input_.config.labels;
    const double passes = labels.least_passes * static_cast<double>(sweeps.size());
    constexpr double kManyPasses = 20;
    const bool half = passes >= kManyPasses;
    occupancy.rules = {
        .least_hits = static_cast<int>(labels.least_hits),
        .least_passes = std::max(1, static_cast<int>(std::lround(half ? passes / 2 : passes))),
        .half_the_rays = half,
        .ignore_near = labels.ignore_near};
    const auto path = stage_ / LabelsPath(input_.plan.name, timeline_.samples[k]);
    fs::create_directories(path.parent_path());
    data::occ3d::WriteLabels(path, MakeLabels(occupancy));
  }

  void WriteCan() const {
    CheckStop();
    const auto folder = stage_ / "can_bus";
    fs::create_directories(folder);
    const SceneSpan span{.begin_s = timeline_.key_sweeps.front().time_s - 0.1,
                         .end_s = timeline_.key_sweeps.back().time_s,
                         .start_us = input_.plan.start_us};
    data::nuscenes::WriteCanBus(folder, input_.plan.name,
                                EgoCanBus(input_.town, input_.drive, span));
  }

  const SceneInput& input_;
  fs::path stage_;
  std::stop_token stop_;
  const KeyframeDone& done_;
  std::mutex done_mutex_;
  Timeline timeline_;
  Rig full_rig_ = MakeRig(1);  // Labels do not depend on the images' size.
  Scene scene_;
  std::vector<LidarFrame> sweeps_;
  Sightings sightings_;
};

}  // namespace

SceneRecord WriteScene(const SceneInput& input, const fs::path& stage, std::stop_token stop,
                       const KeyframeDone& done) {
  return Writer(input, stage, std::move(stop), done).Write();
}

}  // namespace occvla::world::synth
