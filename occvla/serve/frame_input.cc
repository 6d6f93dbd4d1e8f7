#include "occvla/serve/frame_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "occvla/base/base64.h"
#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/serve/camera_check.h"
#include "occvla/serve/refusal.h"

namespace occvla::serve {
namespace {

using data::kCameraNames;
constexpr size_t kRemembered = 16;  // Frames; some 100 kB each.
constexpr size_t kMaxToken = 128;

Refusal About(const std::string& field, const std::string& problem, int status = 400) {
  return {status, field + " " + problem, "invalid_request_error", field};
}

std::string GreyPng(int size_px) {
  data::Image grey{.width_px = size_px, .height_px = size_px, .rgb = {}};
  grey.rgb.assign(static_cast<size_t>(size_px) * static_cast<size_t>(size_px) * 3, 128);
  return data::EncodePng(grey);
}

// Whose image it is, by name or by its place.
size_t CameraOf(const GivenImage& image, size_t place) {
  if (image.camera.empty()) return place;
  const auto found = std::find(kCameraNames.begin(), kCameraNames.end(), image.camera);
  if (found == kCameraNames.end()) {
    throw About(image.field, "names the camera " + Quoted(image.camera, 40) +
                                 ", but there are CAM_FRONT, CAM_FRONT_RIGHT, CAM_FRONT_LEFT, "
                                 "CAM_BACK, CAM_BACK_LEFT, CAM_BACK_RIGHT");
  }
  return static_cast<size_t>(found - kCameraNames.begin());
}

std::array<const GivenImage*, 6> Assign(const std::vector<GivenImage>& images) {
  if (images.size() != 1 && images.size() != 6) {
    throw Refusal(400, fmt::format("a frame has one image or six, but {} came", images.size()));
  }
  const bool named = !images.front().camera.empty();
  std::array<const GivenImage*, 6> of{};
  for (size_t place = 0; place < images.size(); ++place) {
    const auto& image = images[place];
    if (image.camera.empty() == named) {
      throw About(image.field, "must name its camera, as must all images or none");
    }
    const size_t camera = CameraOf(image, place);
    if (of[camera]) {
      throw About(image.field,
                  fmt::format("is a second image of {}", std::string(kCameraNames[camera])));
    }
    of[camera] = &image;
  }
  return of;
}

std::string KeyOf(const std::array<const GivenImage*, 6>& images) {
  std::string all;
  for (const auto* image : images) {
    all += image ? Sha256(std::as_bytes(std::span(image->bytes))) : "-";
  }
  return "images:" + Sha256(std::as_bytes(std::span(all)));
}

// Where the model reads rays, the calibration is part of what it sees.
std::string KeyOf(const data::Frame& frame) {
  std::string numbers;
  for (const auto& image : frame.images) {
    if (!image.camera) continue;
    const auto append = [&](const auto& matrix) {
      numbers.append(reinterpret_cast<const char*>(matrix.data()),
                     sizeof(double) * static_cast<size_t>(matrix.size()));
    };
    append(image.camera->K);
    append(image.camera->X_EC.matrix());
  }
  return numbers.empty() ? "" : ":" + Sha256(std::as_bytes(std::span(numbers)));
}

}  // namespace

std::string ImageBytes(const JsonNode& node, Bare bare) {
  const std::string& text = node.String();
  std::string_view base64 = text;
  bool is_url = false;
  for (const std::string_view opening : {"data:image/jpeg;base64,", "data:image/png;base64,"}) {
    if (!base64.starts_with(opening)) continue;
    base64.remove_prefix(opening.size());
    is_url = true;
    break;
  }
  if (!is_url && bare == Bare::kRefused) {
    throw About(node.path(),
                "must be data:image/jpeg;base64,... or data:image/png;base64,...; this server "
                "fetches nothing");
  }
  auto bytes = DecodeBase64(base64);
  if (!bytes || bytes->empty()) {
    throw About(node.path(), is_url ? "holds no valid base64 after the comma"
                                    : "must be base64 of a JPEG or PNG, or a data: URL of one");
  }
  return std::move(*bytes);
}

FrameInput::FrameInput(const model::ModelConfig& model, FrameLookup lookup, int64_t max_pixels)
    : size_px_(static_cast<int>(model.vision.image_size)),
      filter_(model.vision.resize == "bilinear" ? data::ResizeFilter::kBilinear
                                                : data::ResizeFilter::kBicubic),
      cameras_(static_cast<size_t>(model.cameras)),
      lookup_(std::move(lookup)),
      limits_{.max_pixels = max_pixels},
      grey_(GreyPng(size_px_)),
      decoders_(std::max(1u, std::thread::hardware_concurrency())) {}

GivenFrame FrameInput::FromImages(const std::vector<GivenImage>& images,
                                  const std::optional<data::Calibration>& calibration) {
  const auto of = Assign(images);
  const auto content = KeyOf(of);
  auto seen = Recall(content);
  if (!seen) {
    seen = Look(of);
    Remember(content, *seen);
  }
  GivenFrame given;
  given.frame.token = "request";
  given.flags = seen->flags;
  std::array<std::optional<geom::PinholeCamera>, 6> cameras;
  for (size_t i = 0; i < kCameraNames.size(); ++i) {
    auto& image = given.frame.images[i];
    image.bytes = of[i] ? seen->files[i] : grey_;
    if (!of[i] && i < cameras_)
      given.flags.push_back("camera_missing:" + std::string(kCameraNames[i]));
    if (!calibration) continue;
    image.camera = cameras[i] = calibration->cameras[i].camera;
    const auto& size = seen->sizes[i];
    if (of[i] && cameras[i] &&
        (cameras[i]->width_px != size.width_px || cameras[i]->height_px != size.height_px)) {
      throw About(of[i]->field, fmt::format("is {} x {} pixels, but its calibration is for {} x {}",
                                            size.width_px, size.height_px, cameras[i]->width_px,
                                            cameras[i]->height_px));
    }
  }
  for (auto& flag : CheckCalibration(cameras)) given.flags.push_back(std::move(flag));
  given.key = content + KeyOf(given.frame);
  return given;
}

FrameInput::Seen FrameInput::Look(const std::array<const GivenImage*, 6>& images) {
  Seen seen;
  std::array<std::optional<data::Image>, 6> small;
  for (size_t i = 0; i < images.size(); ++i) {
    if (!images[i]) continue;
    decoders_.acquire();
    try {
      const auto& bytes = images[i]->bytes;
      const auto image =
          data::DecodeImage(std::as_bytes(std::span(bytes)), images[i]->field, limits_);
      seen.sizes[i] = {image.width_px, image.height_px};
      small[i] = data::Resize(image, size_px_, size_px_, filter_);
      seen.files[i] = data::EncodePng(*small[i]);
    } catch (const DataError& complaint) {
      decoders_.release();
      std::string_view text = complaint.what();
      text.remove_prefix(std::min(text.size(), images[i]->field.size() + 2));  // "field: "
      throw About(images[i]->field, "is no image that can be used: " + std::string(text));
    } catch (...) {
      decoders_.release();
      throw;
    }
    decoders_.release();
  }
  seen.flags = CheckImages(small);
  return seen;
}

GivenFrame FrameInput::FromToken(const JsonNode& node) const {
  const auto& token = node.String();
  std::optional<data::Frame> frame;
  if (lookup_ && token.size() <= kMaxToken) frame = lookup_(token);
  if (!frame) {
    throw Refusal(404, node.path() + " names no frame of this server's data set", "not_found_error",
                  node.path());
  }
  GivenFrame given{std::move(*frame), "frame:" + token, {}};
  std::array<std::optional<geom::PinholeCamera>, 6> cameras;
  for (size_t i = 0; i < cameras.size(); ++i) cameras[i] = given.frame.images[i].camera;
  given.flags = CheckCalibration(cameras);
  return given;
}

std::optional<FrameInput::Seen> FrameInput::Recall(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(seen_.begin(), seen_.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  if (found == seen_.end()) return std::nullopt;
  seen_.splice(seen_.begin(), seen_, found);
  return found->second;
}

void FrameInput::Remember(const std::string& key, const Seen& seen) {
  std::lock_guard lock(mutex_);
  seen_.emplace_front(key, seen);
  if (seen_.size() > kRemembered) seen_.pop_back();
}

}  // namespace occvla::serve
