#include "occvla/view/scene_mcap.h"

#include <fmt/format.h>

#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/complaints.h"
#include "occvla/data/image/image.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/view/foxglove_messages.h"
#include "occvla/view/foxglove_schemas.h"
#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

constexpr double kMapRadius = 60;  // Metres.
// More than this of one text helps nobody; a question file may hold megabytes.
constexpr size_t kMostQuestions = 200;

uint64_t Nanoseconds(int64_t timestamp_us) { return static_cast<uint64_t>(timestamp_us) * 1000; }

std::string BytesOf(const data::CameraImage& camera) {
  if (!camera.bytes.empty()) return camera.bytes;
  return ReadTextFile(camera.path, data::ImageLimits{}.max_bytes);
}

std::string_view FormatOf(std::string_view bytes, const std::string& where) {
  if (bytes.starts_with("\xff\xd8\xff")) return "jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return "png";
  throw DataError(where + ": is neither a JPEG nor a PNG.");
}

std::vector<FramePlace> Places(const data::Frame& frame) {
  std::vector<FramePlace> places = {
      {std::string(kMapFrame), std::string(kEgoFrame), frame.now->X_GE}};
  for (size_t index = 0; index < frame.images.size(); ++index) {
    if (const auto& camera = frame.images[index].camera) {
      places.push_back(
          {std::string(kEgoFrame), std::string(data::kCameraNames[index]), camera->X_EC});
    }
  }
  return places;
}

std::vector<PathPoint> HalfSeconds(const std::vector<PathPoint>& path) {
  std::vector<PathPoint> marks;
  for (double time = kTrajectoryStep; time <= kTrajectoryEnd; time += kTrajectoryStep)
    if (const auto mark = AtTime(path, time)) marks.push_back(*mark);
  return marks;
}

}  // namespace

void SceneMcap::Write(const std::string& topic, Kind kind, const Moment& moment,
                      const std::string& json) {
  auto channel = channels_.find(topic);
  if (channel == channels_.end()) {
    const auto add = [&](const std::string& name, const std::string& schema) {
      return writer_.AddChannel(topic, name, schema);
    };
    uint16_t id = 0;
    switch (kind) {
      case Kind::kImage:
        id = add("foxglove.CompressedImage", CompressedImageSchema());
        break;
      case Kind::kCalibration:
        id = add("foxglove.CameraCalibration", CameraCalibrationSchema());
        break;
      case Kind::kTransforms:
        id = add("foxglove.FrameTransforms", FrameTransformsSchema());
        break;
      case Kind::kScene:
        id = add("foxglove.SceneUpdate", SceneUpdateSchema());
        break;
      case Kind::kCloud:
        id = add("foxglove.PointCloud", PointCloudSchema());
        break;
      case Kind::kLog:
        id = add("foxglove.Log", LogSchema());
        break;
    }
    channel = channels_.emplace(topic, id).first;
  }
  writer_.Add(channel->second, moment.log_ns, moment.measured_ns, json);
}

void SceneMcap::AddCameras(const data::Frame& frame, uint64_t now_ns,
                           data::Complaints& complaints) {
  for (size_t index = 0; index < frame.images.size(); ++index) {
    const data::CameraImage& camera = frame.images[index];
    if (camera.path.empty() && camera.bytes.empty()) continue;
    const std::string name(data::kCameraNames[index]);
    const uint64_t fired_ns = camera.timestamp_us > 0 ? Nanoseconds(camera.timestamp_us) : now_ns;
    try {
      const std::string bytes = BytesOf(camera);
      const std::string_view format =
          FormatOf(bytes, camera.path.empty() ? frame.token + "/" + name : camera.path.string());
      Write("/camera/" + name + "/image", Kind::kImage, {now_ns, fired_ns},
            ImageMessage(fired_ns, name, bytes, format));
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
      continue;
    }
    if (!camera.camera) continue;
    Write("/camera/" + name + "/calibration", Kind::kCalibration, {now_ns, fired_ns},
          CalibrationMessage(fired_ns, name, *camera.camera));
  }
}

void SceneMcap::AddScene(const data::Frame& frame, const data::Prediction* prediction,
                         uint64_t now_ns) {
  const Moment now{now_ns, now_ns};
  Write("/boxes", Kind::kScene, now, BoxesMessage(now_ns, frame));
  if (frame.map != nullptr)
    Write("/map", Kind::kScene, now, MapMessage(now_ns, MapAround(frame, kMapRadius)));
  const DrivenPath driven = DrivenPathOf(frame);
  if (driven.future.size() > 1) {
    Write("/trajectory/driven", Kind::kScene, now,
          PathMessage(now_ns, "driven", driven.future, HalfSeconds(driven.future), kPathPast));
  }
  if (prediction != nullptr && prediction->trajectory_E) {
    // The marks are the plan itself; the curve leaves out points that lie close together.
    std::vector<PathPoint> marks;
    for (const auto& [x_E, y_E] : *prediction->trajectory_E)
      marks.push_back(
          {.p_E = {x_E, y_E}, .time = kTrajectoryStep * static_cast<double>(marks.size() + 1)});
    Write("/trajectory/planned", Kind::kScene, now,
          PathMessage(now_ns, "planned", SmoothPath(*prediction->trajectory_E), marks, kPathFar));
  }
}

void SceneMcap::AddOccupancy(const data::Frame& frame, const data::Prediction* prediction,
                             uint64_t now_ns, data::Complaints& complaints) {
  if (!frame.occupancy.empty()) {
    try {
      Write("/occupancy/true", Kind::kCloud, {now_ns, now_ns},
            VoxelsMessage(now_ns, data::occ3d::ReadLabels(frame.occupancy).semantics));
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
    }
  }
  if (prediction != nullptr && prediction->occupancy) {
    Write("/occupancy/predicted", Kind::kCloud, {now_ns, now_ns},
          VoxelsMessage(now_ns, prediction->occupancy->labels));
  }
}

void SceneMcap::AddTexts(const data::Frame& frame, const data::Prediction* prediction,
                         uint64_t now_ns) {
  const auto say = [&](const char* topic, LogLevel level, std::string_view name,
                       const std::string& text) {
    Write(topic, Kind::kLog, {now_ns, now_ns}, LogMessage(now_ns, level, name, text));
  };
  if (frame.meta_action)
    say("/text/labels", LogLevel::kInfo, "meta action", data::ToString(*frame.meta_action));
  const size_t questions = std::min(frame.questions.size(), kMostQuestions);
  for (size_t index = 0; index < questions; ++index) {
    const auto& [question, answer, kind] = frame.questions[index];
    say("/text/labels", LogLevel::kInfo, kind, question + "\n" + answer);
  }
  if (questions < frame.questions.size()) {
    say("/text/labels", LogLevel::kInfo, "questions",
        fmt::format("and {} more questions", frame.questions.size() - questions));
  }
  if (prediction == nullptr) return;
  if (prediction->meta_action)
    say("/text/model", LogLevel::kInfo, "meta action", data::ToString(*prediction->meta_action));
  if (!prediction->text.empty()) say("/text/model", LogLevel::kInfo, "answer", prediction->text);
  for (const std::string& flag : prediction->flags)
    say("/text/model", LogLevel::kWarning, "flag", flag);
}

void SceneMcap::Add(const data::Frame& frame, const data::Prediction* prediction) {
  if (!frame.now || frame.now->timestamp_us <= 0) {
    throw DataError("key frame " + frame.token +
                    ": has no ego pose with a time, on which an MCAP file stands. Choose a data "
                    "set with poses, or export pictures.");
  }
  const uint64_t now_ns = Nanoseconds(frame.now->timestamp_us);
  Write("/tf", Kind::kTransforms, {now_ns, now_ns}, TransformsMessage(now_ns, Places(frame)));
  AddScene(frame, prediction, now_ns);
  AddTexts(frame, prediction, now_ns);
  data::Complaints complaints;
  AddCameras(frame, now_ns, complaints);
  AddOccupancy(frame, prediction, now_ns, complaints);
  complaints.Throw("key frame " + frame.token, "`occvla data check` names every such file.");
}

}  // namespace occvla::view
