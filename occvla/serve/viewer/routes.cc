#include "occvla/serve/viewer/routes.h"

#include <fmt/format.h>

// Before httplib.h, whose system headers define a macro _res, which is a name in Eigen.
#include <Eigen/Geometry>

#include <httplib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/log.h"
#include "occvla/serve/json_reply.h"
#include "occvla/serve/viewer/compare.h"
#include "occvla/serve/viewer/gzip.h"
#include "occvla/serve/viewer/page.h"
#include "occvla/serve/viewer/run_folder.h"
#include "occvla/serve/viewer/source.h"

namespace occvla::serve {
namespace {

using httplib::Request;
using httplib::Response;
using viewer::RunFolder;
using viewer::Source;

constexpr size_t kMostImageBytes = size_t{64} << 20;

void NotFound(Response& response, const std::string& message, const std::string& param = "") {
  SendError(response, 404, message, "not_found_error", param);
}

void SendFault(Response& response, int status, const std::string& what) {
  log::Warn("viewer", what);
  SendError(response, status,
            "A file behind this answer is missing or damaged; the server's log names it.",
            "data_error");
}

/// Runs a handler. What a file of the data set or a run is at fault for goes into the log; the
/// client hears no path.
template <typename Handle>
httplib::Server::Handler Guarded(const Handle& handle) {
  return [handle](const Request& request, Response& response) {
    try {
      handle(request, response);
    } catch (const Error& error) {
      SendFault(response, error.http_status(), error.what());
    } catch (const std::filesystem::filesystem_error& error) {
      SendFault(response, 422, error.what());
    }
  };
}

/// The frame that the path names; answers 404 itself where there is none.
std::optional<data::Frame> FrameOf(const Source& source, const Request& request,
                                   Response& response) {
  auto frame = source.FrameOf(request.matches[1].str());
  if (!frame) NotFound(response, "There is no such frame here; /v1/frames lists them.", "token");
  return frame;
}

/// The run that a parameter names; answers 404 itself where there is none.
const RunFolder* RunOf(const Source& source, const Request& request, Response& response,
                       const char* param) {
  const RunFolder* run = source.FindRun(request.get_param_value(param));
  if (run == nullptr)
    NotFound(response, "There is no such run here; /v1/frames lists them.", param);
  return run;
}

/// "image/jpeg" or "image/png" by the first bytes; nothing else is given out, whatever file the
/// tables name.
std::string ImageType(const std::string& bytes) {
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  return "";
}

void SendImage(const data::CameraImage& image, const Request& request, Response& response) {
  std::string bytes = image.bytes;
  std::string etag;
  if (bytes.empty()) {
    const auto size = std::filesystem::file_size(image.path);
    const auto changed = std::filesystem::last_write_time(image.path).time_since_epoch().count();
    etag = fmt::format("\"{:x}-{:x}\"", size, changed);
    response.set_header("ETag", etag);
    response.set_header("Cache-Control", "private, max-age=60");
    if (request.get_header_value("If-None-Match") == etag) {
      response.status = 304;
      return;
    }
    bytes = ReadTextFile(image.path, kMostImageBytes);
  }
  const std::string type = ImageType(bytes);
  if (type.empty()) throw DataError(image.path.string() + ": is neither JPEG nor PNG.");
  viewer::SendBytes(response, std::move(bytes), type);
}

void HandleImage(const Source& source, const Request& request, Response& response) {
  const auto frame = FrameOf(source, request, response);
  if (!frame) return;
  const auto camera =
      std::find(data::kCameraNames.begin(), data::kCameraNames.end(), request.matches[2].str());
  if (camera == data::kCameraNames.end())
    return NotFound(response, "There is no such camera; the six are CAM_FRONT and so on.",
                    "camera");
  const auto& image = frame->images[static_cast<size_t>(camera - data::kCameraNames.begin())];
  if (image.path.empty() && image.bytes.empty())
    return NotFound(response, "This data set has no such image.", "camera");
  SendImage(image, request, response);
}

void HandleOccupancy(const Source& source, const Request& request, Response& response) {
  const auto frame = FrameOf(source, request, response);
  if (!frame) return;
  const RunFolder* run = nullptr;
  if (request.has_param("run") && (run = RunOf(source, request, response, "run")) == nullptr)
    return;
  const std::string name = request.get_param_value("mask");
  if (!name.empty() && name != "none" && name != "camera" && name != "lidar") {
    return SendError(response, 400, "mask must be none, camera or lidar", "invalid_request_error",
                     "mask");
  }
  const auto mask = name == "camera"  ? viewer::Mask::kCamera
                    : name == "lidar" ? viewer::Mask::kLidar
                                      : viewer::Mask::kNone;
  auto voxels = source.Occupancy(*frame, run, mask);
  if (!voxels) return NotFound(response, "There is no occupancy of this frame.");
  viewer::SendCompressed(request, response, std::move(*voxels), "application/octet-stream");
}

void HandlePrediction(const Source& source, const Request& request, Response& response) {
  const auto frame = FrameOf(source, request, response);
  if (!frame) return;
  const RunFolder* run = RunOf(source, request, response, "run");
  if (run == nullptr) return;
  const auto* reply = run->Find(frame->token);
  if (reply == nullptr) return NotFound(response, "The run says nothing about this frame.");
  auto json = nlohmann::ordered_json::parse(data::ToJson(reply->prediction));
  if (!reply->has_timings) json["timings"] = nullptr;
  json["answers"] = reply->answers;
  json["occupancy"] = run->HasOccupancy(frame->token);
  viewer::SendCompressed(request, response, json);
}

void HandleCompare(const Source& source, const Request& request, Response& response) {
  const RunFolder* a = RunOf(source, request, response, "a");
  if (a == nullptr) return;
  const RunFolder* b = RunOf(source, request, response, "b");
  if (b == nullptr) return;
  const std::string by = request.has_param("by") ? request.get_param_value("by") : "plan";
  if (by != "plan" && by != "action" && by != "text" && by != "voxels") {
    return SendError(response, 400, "by must be plan, action, text or voxels",
                     "invalid_request_error", "by");
  }
  viewer::SendCompressed(request, response, source.Compare(*a, *b, by));
}

}  // namespace

void AddViewerRoutes(httplib::Server& server, viewer::Source& source) {
  viewer::AddPageRoutes(server, viewer::EmbeddedPage());
  server.Get("/v1/frames", Guarded([&](const Request& request, Response& response) {
               viewer::SendCompressed(request, response, source.Overview());
             }));
  server.Get("/v1/runs/compare", Guarded([&](const Request& request, Response& response) {
               HandleCompare(source, request, response);
             }));
  server.Get("/v1/runs/metrics", Guarded([&](const Request& request, Response& response) {
               if (const auto* run = RunOf(source, request, response, "run"))
                 viewer::SendCompressed(request, response, *source.Metrics(*run));
             }));
  const std::string frame = "/v1/frames/([^/]{1,64})";
  server.Get(frame, Guarded([&](const Request& request, Response& response) {
               const auto json = source.FrameJson(request.matches[1].str());
               if (!json)
                 return NotFound(response, "There is no such frame here; /v1/frames lists them.",
                                 "token");
               viewer::SendCompressed(request, response, *json);
             }));
  server.Get(frame + "/images/([^/]{1,32})",
             Guarded([&](const Request& request, Response& response) {
               HandleImage(source, request, response);
             }));
  server.Get(frame + "/occupancy", Guarded([&](const Request& request, Response& response) {
               HandleOccupancy(source, request, response);
             }));
  server.Get(frame + "/predictions", Guarded([&](const Request& request, Response& response) {
               HandlePrediction(source, request, response);
             }));
}

}  // namespace occvla::serve
