#include "occvla/view/picture.h"

#include <fmt/format.h>

#include "occvla/view/birds_eye.h"
#include "occvla/view/camera_view.h"
#include "occvla/view/canvas.h"
#include "occvla/view/facts_panel.h"
#include "occvla/view/palette.h"
#include "occvla/view/path.h"
#include "occvla/view/text_layout.h"

namespace occvla::view {
namespace {

constexpr int kWidth = 1600, kHeight = 1272;
constexpr double kMargin = 24, kGap = 8, kTitle = 64;
constexpr double kLegendWidth = 224;

void DrawTitle(Canvas& canvas, const data::Frame& frame) {
  const TextStyle name{.size_px = 22, .colour = kText, .bold = true};
  canvas.Text(kMargin, 41, "OccVLA", name);
  canvas.Text(kMargin + canvas.TextWidth("OccVLA", name) + 16, 41,
              "key frame " + std::string(Shortened(frame.token, 64)),
              {.size_px = 15, .colour = kMutedText});
  bool calibrated = false;
  for (const data::CameraImage& image : frame.images) calibrated |= image.camera.has_value();
  if (!calibrated) {
    canvas.Text(kWidth - kMargin, 41, "no calibration: the path is drawn from above only",
                {.size_px = 13, .colour = kMutedText, .align = Align::kRight});
  }
}

}  // namespace

data::Image DrawPicture(const data::Frame& frame, const data::Prediction& prediction) {
  Canvas canvas(kWidth, kHeight, kBackground);
  DrawTitle(canvas, frame);
  Overlay overlay;
  if (prediction.trajectory_E) overlay.path = SmoothPath(*prediction.trajectory_E);
  double top = 0;
  for (const CameraCell& cell : CameraCells(kMargin, kTitle, kWidth - 2 * kMargin, kGap)) {
    const data::CameraImage& camera = frame.images[cell.camera];
    const std::string where = fmt::format("{}/{}", frame.token, data::kCameraNames[cell.camera]);
    DrawCameraView(
        canvas, cell.box,
        {.name = cell.name, .image = data::DecodeCamera(camera, where), .camera = camera.camera},
        overlay);
    top = cell.box.bottom() + 2 * kGap;
  }

  const double height = kHeight - kMargin - top;
  const Box birds_eye{kMargin, top, height, height};
  DrawBirdsEye(canvas, birds_eye, prediction.occupancy, overlay.path);
  double left = birds_eye.right() + kMargin;
  if (prediction.occupancy) {
    DrawLegend(canvas, {left, top, kLegendWidth, height}, *prediction.occupancy);
    left += kLegendWidth + 2 * kMargin;
  }
  DrawFacts(canvas, {left, top, kWidth - kMargin - left, height}, prediction);
  return canvas.ToImage();
}

void WritePicture(const std::filesystem::path& path, const data::Frame& frame,
                  const data::Prediction& prediction) {
  data::WritePng(path, DrawPicture(frame, prediction));
}

}  // namespace occvla::view
