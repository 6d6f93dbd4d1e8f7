#include "occvla/view/test_cards.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string_view>
#include <vector>

#include "occvla/view/canvas.h"

namespace occvla::view {
namespace {

constexpr int kWidth = 800, kHeight = 450;
constexpr double kNear = 0.3;
constexpr double kReach = 150;  // Metres of road each way.

// Where nuScenes' cameras sit and look, rounded.
struct Mount {
  double x, y, z;   // Metres in E.
  double yaw_deg;   // 0 looks ahead, positive to the left.
  double focal_px;  // At 800 x 450.
};
constexpr std::array<Mount, 6> kMounts = {{{1.70, 0.0, 1.51, 0, 633},
                                           {1.55, -0.49, 1.50, -56, 633},
                                           {1.52, 0.49, 1.51, 55, 633},
                                           {0.03, 0.0, 1.58, 180, 405},
                                           {1.04, 0.48, 1.59, 108, 633},
                                           {1.01, -0.48, 1.56, -110, 633}}};

geom::PinholeCamera MakeCamera(const Mount& mount) {
  geom::PinholeCamera camera;
  camera.width_px = kWidth;
  camera.height_px = kHeight;
  camera.K << mount.focal_px, 0, kWidth / 2.0, 0, mount.focal_px, kHeight / 2.0, 0, 0, 1;
  const double yaw = mount.yaw_deg * std::numbers::pi / 180;
  // Columns: the camera's right, down and forward axes in E.
  camera.X_EC.linear().col(0) << std::sin(yaw), -std::cos(yaw), 0;
  camera.X_EC.linear().col(1) << 0, 0, -1;
  camera.X_EC.linear().col(2) << std::cos(yaw), std::sin(yaw), 0;
  camera.X_EC.translation() << mount.x, mount.y, mount.z;
  return camera;
}

class Card {
 public:
  explicit Card(const geom::PinholeCamera& camera)
      : camera_(camera), canvas_(kWidth, kHeight, Rgb(0x9cc4e8)) {}

  Canvas& canvas() { return canvas_; }
  const geom::PinholeCamera& camera() const { return camera_; }

  void Fill(std::span<const Eigen::Vector3d> corners_E, const Colour& colour) {
    const std::vector<Eigen::Vector2d> pixels = geom::ProjectPolygon(camera_, corners_E, kNear);
    if (pixels.size() < 3) return;
    cairo_new_path(canvas_.context());
    for (const Eigen::Vector2d& p : pixels) cairo_line_to(canvas_.context(), p.x(), p.y());
    cairo_close_path(canvas_.context());
    canvas_.Use(colour);
    cairo_fill(canvas_.context());
  }

  /// A rectangle on the ground.
  void Ground(double x0, double x1, double y0, double y1, const Colour& colour) {
    const std::array<Eigen::Vector3d, 4> corners_E = {
        Eigen::Vector3d(x0, y0, 0), Eigen::Vector3d(x1, y0, 0), Eigen::Vector3d(x1, y1, 0),
        Eigen::Vector3d(x0, y1, 0)};
    Fill(corners_E, colour);
  }

 private:
  geom::PinholeCamera camera_;
  Canvas canvas_;
};

struct Block {
  double x, y;                   // Centre on the ground in E.
  double length, width, height;  // Along x, y, z.
  unsigned colour;
};

// Houses on both sides, three cars, all beside the path straight ahead.
constexpr std::array<Block, 13> kBlocks = {{{26, 17, 18, 10, 9, 0xb8a58c},
                                            {50, 18, 16, 12, 14, 0xa08c7d},
                                            {4, 19, 12, 10, 7, 0xc2b59b},
                                            {-20, 18, 20, 10, 11, 0x9a8f86},
                                            {-50, 18, 18, 10, 8, 0xb09a80},
                                            {34, -18, 20, 10, 12, 0xa89888},
                                            {62, -18, 16, 10, 8, 0xbcae98},
                                            {8, -18, 16, 10, 9, 0x94887c},
                                            {-18, -19, 18, 10, 13, 0xb4a48e},
                                            {-46, -18, 16, 10, 9, 0xa4937f},
                                            {22, 5.2, 4.5, 1.9, 1.6, 0x8a2f2b},
                                            {-16, -1.6, 4.6, 1.9, 1.6, 0x2d4f7c},
                                            {14, -5.3, 4.4, 1.8, 1.5, 0xd9d9d4}}};

void DrawBlock(Card& card, const Block& block) {
  const double x0 = block.x - block.length / 2, x1 = block.x + block.length / 2;
  const double y0 = block.y - block.width / 2, y1 = block.y + block.width / 2;
  const Eigen::Vector3d eye_E = card.camera().X_EC.translation();
  const auto wall = [&](double ax, double ay, double bx, double by, double light) {
    const std::array<Eigen::Vector3d, 4> corners_E = {
        Eigen::Vector3d(ax, ay, 0), Eigen::Vector3d(bx, by, 0),
        Eigen::Vector3d(bx, by, block.height), Eigen::Vector3d(ax, ay, block.height)};
    card.Fill(corners_E, Blend(Rgb(0x000000), Rgb(block.colour), light));
  };
  // Only the walls that face the camera.
  if (eye_E.x() < x0) wall(x0, y0, x0, y1, 0.86);
  if (eye_E.x() > x1) wall(x1, y0, x1, y1, 0.86);
  if (eye_E.y() < y0) wall(x0, y0, x1, y0, 1.0);
  if (eye_E.y() > y1) wall(x0, y1, x1, y1, 0.72);
}

void DrawScene(Card& card) {
  Canvas& canvas = card.canvas();
  const double horizon = kHeight / 2.0;  // The cameras look level.
  for (int band = 0; band < 15; ++band) {
    canvas.FillBox({0, band * horizon / 15, kWidth, horizon / 15 + 1},
                   Blend(Rgb(0x6fa6d8), Rgb(0xdcebf5), band / 14.0));
  }
  canvas.FillBox({0, horizon, kWidth, kHeight - horizon}, Rgb(0x7d9a5b));
  card.Ground(-kReach, kReach, -10, 10, Rgb(0xb3aea4));   // Pavements.
  card.Ground(-kReach, kReach, -7, 7, Rgb(0x55585c));     // Road.
  card.Ground(-kReach, kReach, 6.6, 6.8, Rgb(0xe8e8e0));  // Edge lines.
  card.Ground(-kReach, kReach, -6.8, -6.6, Rgb(0xe8e8e0));
  for (double x = -kReach; x < kReach; x += 6) {  // Lane lines at y = -1.75 and 1.75.
    card.Ground(x, x + 3, 1.67, 1.83, Rgb(0xe8e8e0));
    card.Ground(x, x + 3, -1.83, -1.67, Rgb(0xe8e8e0));
  }
  for (double y = -6; y <= 6; y += 1) {  // A crossing ahead.
    card.Ground(17, 20, y - 0.25, y + 0.25, Rgb(0xe8e8e0));
  }
  std::vector<Block> blocks(kBlocks.begin(), kBlocks.end());
  const Eigen::Vector3d eye_E = card.camera().X_EC.translation();
  const auto distance = [&](const Block& block) {
    return std::hypot(block.x - eye_E.x(), block.y - eye_E.y());
  };
  std::sort(blocks.begin(), blocks.end(),
            [&](const Block& a, const Block& b) { return distance(a) > distance(b); });
  for (const Block& block : blocks) DrawBlock(card, block);
}

// Letters of the camera names, 5 x 7 dots, a row a byte, the left dot in bit 4.
struct Glyph {
  char letter;
  std::array<uint8_t, 7> rows;
};
constexpr std::array<Glyph, 16> kGlyphs = {{{'A', {14, 17, 17, 31, 17, 17, 17}},
                                            {'B', {30, 17, 17, 30, 17, 17, 30}},
                                            {'C', {14, 17, 16, 16, 16, 17, 14}},
                                            {'E', {31, 16, 16, 30, 16, 16, 31}},
                                            {'F', {31, 16, 16, 30, 16, 16, 16}},
                                            {'G', {14, 17, 16, 23, 17, 17, 15}},
                                            {'H', {17, 17, 17, 31, 17, 17, 17}},
                                            {'I', {14, 4, 4, 4, 4, 4, 14}},
                                            {'K', {17, 18, 20, 24, 20, 18, 17}},
                                            {'L', {16, 16, 16, 16, 16, 16, 31}},
                                            {'M', {17, 27, 21, 21, 17, 17, 17}},
                                            {'N', {17, 25, 21, 19, 17, 17, 17}},
                                            {'O', {14, 17, 17, 17, 17, 17, 14}},
                                            {'R', {30, 17, 17, 30, 20, 18, 17}},
                                            {'T', {31, 4, 4, 4, 4, 4, 4}},
                                            {'_', {0, 0, 0, 0, 0, 0, 31}}}};

void DrawName(Canvas& canvas, std::string_view name) {
  constexpr double kDot = 4;
  const double width = (static_cast<double>(name.size()) * 6 - 1) * kDot;
  double x = (kWidth - width) / 2;
  const double top = 56;
  canvas.FillBox({x - 14, top - 12, width + 28, 7 * kDot + 24}, Rgb(0x101418));
  for (const char letter : name) {
    const auto glyph = std::find_if(kGlyphs.begin(), kGlyphs.end(),
                                    [&](const Glyph& one) { return one.letter == letter; });
    for (int row = 0; glyph != kGlyphs.end() && row < 7; ++row) {
      for (int dot = 0; dot < 5; ++dot) {
        if (((glyph->rows[static_cast<size_t>(row)] >> (4 - dot)) & 1) == 0) continue;
        canvas.FillBox({x + dot * kDot, top + row * kDot, kDot, kDot}, Rgb(0xffffff));
      }
    }
    x += 6 * kDot;
  }
}

// The eight bars of a television test card, at three quarters of full strength.
void DrawBars(Canvas& canvas) {
  constexpr std::array<unsigned, 8> kBars = {0xbfbfbf, 0xbfbf00, 0x00bfbf, 0x00bf00,
                                             0xbf00bf, 0xbf0000, 0x0000bf, 0x000000};
  for (size_t bar = 0; bar < kBars.size(); ++bar) {
    canvas.FillBox({static_cast<double>(bar) * kWidth / 8, 0, kWidth / 8.0, 28}, Rgb(kBars[bar]));
  }
}

}  // namespace

std::array<TestCard, 6> DrawTestCards() {
  std::array<TestCard, 6> cards;
  for (size_t index = 0; index < cards.size(); ++index) {
    Card card(MakeCamera(kMounts[index]));
    DrawScene(card);
    DrawBars(card.canvas());
    DrawName(card.canvas(), data::kCameraNames[index]);
    cards[index] = {.image = card.canvas().ToImage(), .camera = card.camera()};
  }
  return cards;
}

data::Frame TestCardFrame() {
  data::Frame frame;
  frame.token = "test-cards";
  const std::array<TestCard, 6> cards = DrawTestCards();
  for (size_t index = 0; index < cards.size(); ++index) {
    frame.images[index].bytes = data::EncodePng(cards[index].image);
    frame.images[index].camera = cards[index].camera;
  }
  frame.ego.velocity_E = {5, 0};
  frame.ego.past_positions_E = {{-2.5, 0}, {-5, 0}, {-7.5, 0}, {-10, 0}};
  frame.ego.past_meta_actions.assign(
      4, {.velocity = data::Velocity::kMaintain, .direction = data::Direction::kGoStraight});
  return frame;
}

}  // namespace occvla::view
