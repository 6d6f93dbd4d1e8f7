#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <vector>

#include "occvla/base/json.h"
#include "occvla/data/calibration.h"
#include "occvla/data/frame.h"
#include "occvla/data/image/image.h"
#include "occvla/model/files/config.h"

namespace occvla::serve {

/// The frame of a data set by its sample token; nothing for a token that it does not have. Any
/// thread.
using FrameLookup = std::function<std::optional<data::Frame>(const std::string& token)>;

/// An image as it came in a request.
struct GivenImage {
  std::string camera;  ///< One of data::kCameraNames; empty where the request names none.
  std::string bytes;   ///< A JPEG or PNG file.
  std::string field;   ///< Where in the request it stood.
};

/// A frame that a request is about.
struct GivenFrame {
  data::Frame frame;
  std::string key;                 ///< infer::Request::frame_key: the same for the same images.
  std::vector<std::string> flags;  ///< What camera_check.h and missing cameras say.
};

/// The bytes of `data:image/jpeg;base64,...` or `data:image/png;base64,...`, or of base64 alone
/// where `bare` allows that. Throws Refusal: this server fetches nothing, and opens no file that a
/// request names.
enum class Bare { kRefused, kAllowed };
std::string ImageBytes(const JsonNode& node, Bare bare);

/// Makes frames of what requests hold. Images are decoded here, on the request's thread, checked,
/// and brought to the model's size (as the engine would have done, so its answer is the same in
/// every bit). Any thread; as many decode at a time as there are cores.
class FrameInput {
 public:
  /// `max_pixels` bounds each image.
  FrameInput(const model::ModelConfig& model, FrameLookup lookup, int64_t max_pixels);

  /// One image or six. Six without names are in the order of data::kCameraNames, one is
  /// CAM_FRONT's. The model's other cameras see grey, and flags say so. Throws Refusal naming the
  /// field of an image that is broken, too large, doubled, or of another size than its calibration
  /// says.
  GivenFrame FromImages(const std::vector<GivenImage>& images,
                        const std::optional<data::Calibration>& calibration);
  /// Throws Refusal (404) about `node` for an unknown token.
  GivenFrame FromToken(const JsonNode& node) const;

 private:
  /// What is kept of images that came lately: questions about them tend to follow.
  struct Seen {
    std::array<std::string, 6> files;  // PNG of the model's size; empty where none came.
    std::array<data::ImageSize, 6> sizes{};
    std::vector<std::string> flags;
  };

  Seen Look(const std::array<const GivenImage*, 6>& images);
  std::optional<Seen> Recall(const std::string& key);
  void Remember(const std::string& key, const Seen& seen);

  const int size_px_;
  const data::ResizeFilter filter_;
  const size_t cameras_;
  const FrameLookup lookup_;
  const data::ImageLimits limits_;
  const std::string grey_;  // PNG for cameras that are not there.
  std::counting_semaphore<> decoders_;
  std::mutex mutex_;
  std::list<std::pair<std::string, Seen>> seen_;  // Newest first.
};

}  // namespace occvla::serve
