#include "occvla/view/prediction_files.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"

namespace occvla::view {
namespace {

using Json = nlohmann::ordered_json;
using Track = std::array<std::array<double, 2>, 6>;

Track InWorld(const data::Frame& frame, const Track& track_E) {
  Track track_G{};
  for (size_t step = 0; step < track_E.size(); ++step) {
    const Eigen::Vector3d p_G =
        frame.now->X_GE * Eigen::Vector3d(track_E[step][0], track_E[step][1], 0);
    track_G[step] = {p_G.x(), p_G.y()};
  }
  return track_G;
}

/// The track of LIDAR_TOP in its own axes.
Track InLidar(const data::Frame& frame, const Track& track_E) {
  const geom::Pose X_EG = frame.now->X_GE.inverse();
  const Eigen::Matrix3d R_LE = frame.lidar.X_EL.linear().transpose();
  const double tx = frame.lidar.X_EL.translation().x(), ty = frame.lidar.X_EL.translation().y();
  Track track_L{};
  double yaw = 0;
  for (size_t step = 0; step < track_E.size(); ++step) {
    if (frame.future[step]) {
      const Eigen::Matrix3d R_E = (X_EG * frame.future[step]->X_GE).linear();
      yaw = std::atan2(R_E(1, 0), R_E(0, 0));
    }
    const double cosine = std::cos(yaw), sine = std::sin(yaw);
    const Eigen::Vector3d p_E(track_E[step][0] + cosine * tx - sine * ty - tx,
                              track_E[step][1] + sine * tx + cosine * ty - ty, 0);
    const Eigen::Vector3d p_L = R_LE * p_E;
    track_L[step] = {p_L.x(), p_L.y()};
  }
  return track_L;
}

std::string TupleText(const Track& track) {
  std::string text;
  for (const auto& [x, y] : track)
    text += fmt::format("{}({:.2f},{:.2f})", text.empty() ? "" : ", ", x, y);
  return "[" + text + "]";
}

std::string Line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::filesystem::path Made(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder / "sparseocc");
  return folder;
}

}  // namespace

struct PredictionFiles::Impl {
  explicit Impl(const std::filesystem::path& path)
      : folder(Made(path)),
        nuscenes(folder / "nuscenes.json"),
        tracks(folder / "gpt-driver.json"),
        answers(folder / "gpt-driver.jsonl") {
    nuscenes.Write("[");
    tracks.Write("{");
  }

  std::filesystem::path folder;
  AtomicFile nuscenes, tracks, answers;
  bool any = false;
};

PredictionFiles::PredictionFiles(const std::filesystem::path& folder)
    : impl_(std::make_unique<Impl>(folder)) {}
PredictionFiles::~PredictionFiles() = default;

void PredictionFiles::Add(const data::Frame& frame, const data::Prediction& prediction) {
  if (prediction.occupancy) {
    data::WriteOccupancy(impl_->folder / "sparseocc" / (frame.token + ".npz"),
                         *prediction.occupancy);
  }
  if (!prediction.trajectory_E) return;
  for (const auto& [x, y] : *prediction.trajectory_E) {
    if (!std::isfinite(x) || !std::isfinite(y))
      throw DataError("key frame " + frame.token + ": its trajectory has a number that is none.");
  }
  if (!frame.now)
    throw DataError("key frame " + frame.token + ": has no ego pose to place a trajectory by.");
  const std::string separator = impl_->any ? ",\n" : "\n";
  impl_->any = true;
  impl_->nuscenes.Write(
      separator + Line({{"instance", "ego"},
                        {"sample", frame.token},
                        {"prediction", Json::array({InWorld(frame, *prediction.trajectory_E)})},
                        {"probabilities", {1.0}}}));
  const Track track_L = InLidar(frame, *prediction.trajectory_E);
  impl_->tracks.Write(separator + Line(frame.token) + ": " + Line(track_L));
  impl_->answers.Write(Line({{"token", frame.token},
                             {"GPT", prediction.text + "\nTrajectory:\n" + TupleText(track_L)}}) +
                       "\n");
}

void PredictionFiles::Finish() {
  impl_->nuscenes.Write("\n]\n");
  impl_->tracks.Write("\n}\n");
  impl_->nuscenes.Commit();
  impl_->tracks.Commit();
  impl_->answers.Commit();
}

}  // namespace occvla::view
