#include "occvla/view/frame_sheet.h"

#include <fmt/format.h>

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/view/birds_eye.h"
#include "occvla/view/camera_view.h"
#include "occvla/view/canvas.h"
#include "occvla/view/map_colours.h"
#include "occvla/view/palette.h"
#include "occvla/view/text_layout.h"
#include "occvla/view/voxel_view.h"

namespace occvla::view {
namespace {

constexpr int kWidth = 1920, kHeight = 1480;
constexpr double kMargin = 24, kGap = 8, kTitle = 64;
constexpr double kAboveRadius = 50;  // Metres.
constexpr double kAboveSide = 664, kVoxelWidth = 640, kVoxelHeight = 470;

void DrawSheetTitle(Canvas& canvas, const data::Frame& frame, const FrameNotes& notes) {
  const TextStyle name{.size_px = 22, .colour = kText, .bold = true};
  const std::string scene = frame.scene.empty() ? "one key frame" : frame.scene;
  canvas.Text(kMargin, 41, Shortened(scene, 64), name);
  canvas.Text(kMargin + canvas.TextWidth(Shortened(scene, 64), name) + 16, 41,
              fmt::format("{}  {}", Shortened(notes.dataset, 64), Shortened(frame.token, 64)),
              {.size_px = 15, .colour = kMutedText});
  double x = kWidth - kMargin;
  const auto key = [&](std::string_view text, const Colour& colour) {
    const TextStyle style{.size_px = 13, .colour = kMutedText};
    x -= canvas.TextWidth(text, style);
    canvas.Text(x, 41, text, style);
    canvas.FillBox({x - 24, 35, 18, 4}, colour, 2);
    x -= 44;
  };
  key("way came", kPathPast);
  key("way went, 3 s", kPathFar);
  key("road divider", LineColour(LocalMap::LineKind::kRoadDivider));
  key("lane divider", LineColour(LocalMap::LineKind::kLaneDivider));
  key("lane centre", LineColour(LocalMap::LineKind::kCentreline));
  key("stop line", LayerColour(data::nuscenes::Layer::kStopLine));
  key("crossing", LayerColour(data::nuscenes::Layer::kPedCrossing));
  key("drivable border", kBorder);
}

// Small remarks at the lower edge of a panel.
void DrawRemarks(Canvas& canvas, const Box& box, const std::vector<std::string>& remarks) {
  double y = box.bottom() - 12;
  for (const std::string& remark : remarks) {
    if (remark.empty()) continue;
    const TextStyle style{.size_px = 12, .colour = kWarning};
    const std::string text(Shortened(remark, 110));
    canvas.FillBox({box.x + 8, y - 14, canvas.TextWidth(text, style) + 12, 19},
                   kBackground.WithAlpha(0.8), 3);
    canvas.Text(box.x + 14, y, text, style);
    y -= 22;
  }
}

void DrawOccupancy(Canvas& canvas, const Box& box, const FrameParts& parts, VoxelsShown voxels) {
  const Box picture{box.x, box.y, box.width, kVoxelHeight};
  if (!parts.occupancy) {
    canvas.FillBox(picture, kPanel);
    DrawRemarks(canvas, picture, {"no occupancy: " + parts.occupancy_problem});
    return;
  }
  const data::OccupancyGrid grid = ShownVoxels(*parts.occupancy, voxels);
  canvas.Paint(
      DrawVoxels(grid.labels,
                 ChaseCamera(static_cast<int>(picture.width), static_cast<int>(picture.height)),
                 {.background = kPanel}),
      picture.x, picture.y);
  if (voxels == VoxelsShown::kSeenByCameras) {
    DrawRemarks(canvas, picture, {"only voxels that the cameras see"});
  } else if (voxels == VoxelsShown::kSeenByLidar) {
    DrawRemarks(canvas, picture, {"only voxels that the lidar sees"});
  }
  const double top = picture.bottom() + 14;
  DrawLegend(canvas, {box.x, top, box.width, box.bottom() - top}, grid);
}

}  // namespace

data::OccupancyGrid ShownVoxels(const data::occ3d::Labels& labels, VoxelsShown voxels) {
  data::OccupancyGrid grid{.labels = labels.semantics};
  if (voxels == VoxelsShown::kAll) return grid;
  const std::vector<uint8_t>& mask =
      voxels == VoxelsShown::kSeenByCameras ? labels.mask_camera : labels.mask_lidar;
  for (size_t index = 0; index < grid.labels.size(); ++index)
    if (mask[index] == 0) grid.labels[index] = data::kFreeClass;
  return grid;
}

FrameParts ReadFrameParts(const data::Frame& frame) {
  FrameParts parts;
  const auto attempt = [](std::string& problem, const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      problem = error.what();
    }
  };
  for (size_t index = 0; index < frame.images.size(); ++index) {
    FrameParts::Picture& picture = parts.images[index];
    const data::CameraImage& camera = frame.images[index];
    if (camera.path.empty() && camera.bytes.empty()) {
      picture.problem = "not in this data set";
      continue;
    }
    attempt(picture.problem, [&] {
      picture.image =
          data::DecodeCamera(camera, fmt::format("{}/{}", frame.token, data::kCameraNames[index]));
    });
  }
  parts.around.boxes = SceneBoxes(frame);
  parts.around.driven = DrivenPathOf(frame);
  parts.around.map = MapAround(frame, kAboveRadius * 1.5);
  if (frame.map == nullptr) parts.map_problem = "no map of this place";
  if (frame.lidar.path.empty()) {
    parts.lidar_problem = "not in this data set";
  } else {
    attempt(parts.lidar_problem, [&] {
      const Eigen::Isometry3f X_EL = frame.lidar.X_EL.cast<float>();
      for (const auto& point : data::nuscenes::ReadLidar(frame.lidar.path))
        parts.around.points_E.push_back(X_EL * Eigen::Vector3f(point[0], point[1], point[2]));
    });
  }
  if (frame.occupancy.empty()) {
    parts.occupancy_problem = "not in this data set";
  } else {
    attempt(parts.occupancy_problem,
            [&] { parts.occupancy = data::occ3d::ReadLabels(frame.occupancy); });
  }
  return parts;
}

data::Image DrawFrameSheet(const data::Frame& frame, const FrameParts& parts,
                           const FrameNotes& notes, VoxelsShown voxels) {
  Canvas canvas(kWidth, kHeight, kBackground);
  DrawSheetTitle(canvas, frame, notes);
  const Overlay overlay{.path = parts.around.driven.future,
                        .past = parts.around.driven.past,
                        .map = &parts.around.map,
                        .boxes = parts.around.boxes};
  double top = 0;
  for (const CameraCell& cell : CameraCells(kMargin, kTitle, kWidth - 2 * kMargin, kGap)) {
    const FrameParts::Picture& picture = parts.images[cell.camera];
    DrawCameraView(canvas, cell.box,
                   {.name = cell.name,
                    .image = picture.image,
                    .problem = picture.problem,
                    .camera = frame.images[cell.camera].camera},
                   overlay);
    top = cell.box.bottom() + 2 * kGap;
  }
  const Box above{kMargin, top, kAboveSide, kAboveSide};
  DrawSceneAbove(canvas, above, parts.around, kAboveRadius);
  DrawRemarks(
      canvas, above,
      {frame.now ? "" : "no ego pose: neither boxes nor way nor map can be placed",
       parts.map_problem, parts.lidar_problem.empty() ? "" : "no lidar: " + parts.lidar_problem});
  const Box occupancy{above.right() + kMargin, top, kVoxelWidth, kAboveSide};
  DrawOccupancy(canvas, occupancy, parts, voxels);
  const double left = occupancy.right() + kMargin;
  DrawFrameFacts(canvas, {left, top, kWidth - kMargin - left, kAboveSide}, frame, notes);
  return canvas.ToImage();
}

}  // namespace occvla::view
