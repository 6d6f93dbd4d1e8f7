#include <fmt/format.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/view/film.h"

namespace occvla::view {
namespace {

constexpr float kQuality = 80;
constexpr int kEffort = 2;  // Of 0 to 6; 4 takes three times as long for 5 % fewer bytes.

struct DeleteEncoder {
  void operator()(WebPAnimEncoder* encoder) const { WebPAnimEncoderDelete(encoder); }
};

class WebPFilm final : public Film {
 public:
  explicit WebPFilm(const FilmOptions& options) : options_(options), file_(options.path) {}

  void Add(const data::Image& image) override {
    if (!encoder_) Start(image);
    if (image.width_px != width_px_ || image.height_px != height_px_) {
      throw ConfigError(fmt::format("film: a picture of {} x {} among those of {} x {}.",
                                    image.width_px, image.height_px, width_px_, height_px_));
    }
    WebPConfig config;
    if (WebPConfigPreset(&config, WEBP_PRESET_PICTURE, kQuality) == 0) Fail("its settings");
    config.method = kEffort;
    config.thread_level = 1;
    WebPPicture picture;
    if (WebPPictureInit(&picture) == 0) Fail("another version of the library");
    picture.width = width_px_;
    picture.height = height_px_;
    picture.use_argb = 1;
    const bool added = WebPPictureImportRGB(&picture, image.rgb.data(), width_px_ * 3) != 0 &&
                       WebPAnimEncoderAdd(encoder_.get(), &picture, Time_ms(), &config) != 0;
    WebPPictureFree(&picture);
    if (!added) Fail(WebPAnimEncoderGetError(encoder_.get()));
    ++pictures_;
  }

  void Finish() override {
    OCCVLA_DCHECK(pictures_ > 0);
    WebPData data;
    WebPDataInit(&data);
    // A last call without a picture says how long the last picture stands.
    const bool whole = WebPAnimEncoderAdd(encoder_.get(), nullptr, Time_ms(), nullptr) != 0 &&
                       WebPAnimEncoderAssemble(encoder_.get(), &data) != 0;
    if (!whole) {
      WebPDataClear(&data);
      Fail(WebPAnimEncoderGetError(encoder_.get()));
    }
    try {
      file_.Write(std::string_view(reinterpret_cast<const char*>(data.bytes), data.size));
    } catch (...) {
      WebPDataClear(&data);
      throw;
    }
    WebPDataClear(&data);
    file_.Commit();
  }

 private:
  void Start(const data::Image& image) {
    width_px_ = image.width_px;
    height_px_ = image.height_px;
    WebPAnimEncoderOptions settings;
    if (WebPAnimEncoderOptionsInit(&settings) == 0) Fail("another version of the library");
    encoder_.reset(WebPAnimEncoderNew(width_px_, height_px_, &settings));
    if (!encoder_) Fail("the size of the pictures");
  }

  int Time_ms() const {
    return static_cast<int>(
        std::lround(static_cast<double>(pictures_) * 1000 / options_.pictures_per_second));
  }

  [[noreturn]] void Fail(std::string_view what) const {
    throw DeviceError(fmt::format("{}: libwebp refused: {}.", options_.path.string(), what));
  }

  FilmOptions options_;
  AtomicFile file_;
  std::unique_ptr<WebPAnimEncoder, DeleteEncoder> encoder_;
  int width_px_ = 0, height_px_ = 0;
  int64_t pictures_ = 0;
};

}  // namespace

std::unique_ptr<Film> OpenWebP(const FilmOptions& options) {
  return std::make_unique<WebPFilm>(options);
}

}  // namespace occvla::view
