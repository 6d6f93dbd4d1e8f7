#include "occvla/eval/planning/collision.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace occvla::eval {
namespace {

using data::nuscenes::PlanningTruth;

// The cells of the car in the half-metre images, and in the decimetre images before they are
// turned.
constexpr int kRow0 = 97, kRows = 8, kColumn0 = 98, kColumns = 4;
constexpr int kAhead0 = 494, kAhead1 = 534, kAcross0 = 491, kAcross1 = 508;
constexpr double kCentre = 499.5;
// The same car around the image's centre, which it turns around: its middle and half its sides,
// with a cell for rounding.
constexpr double kMiddle = 14.5, kHalfLength = 21, kHalfWidth = 9.5;

struct Region {
  int64_t row0 = std::numeric_limits<int64_t>::max(), row1 = std::numeric_limits<int64_t>::min();
  int64_t column0 = row0, column1 = row1;

  void Add(const Cell& cell) {
    row0 = std::min(row0, cell.row);
    row1 = std::max(row1, cell.row);
    column0 = std::min(column0, cell.column);
    column1 = std::max(column1, cell.column);
  }
  bool Meets(const Region& other) const {
    return row0 <= other.row1 && other.row0 <= row1 && column0 <= other.column1 &&
           other.column0 <= column1;
  }
};

// Drops the fraction towards zero and clips to the image, in whichever order.
int64_t Clipped(double value, int size) {
  return static_cast<int64_t>(std::clamp(value, 0.0, static_cast<double>(size - 1)));
}

// Where a track is at a step, as the rules look at it.
struct Place {
  std::array<double, 2> p_E{}, lidar_E{}, lidar_L{};
  // Directions from the previous point, 0 after less than 1 m: of the ego origin, of the lidar.
  double heading = 0, lidar_heading = 0;
};
using Places = std::array<Place, 6>;

double Direction(const std::array<double, 2>& from, const std::array<double, 2>& to) {
  const double dx = to[0] - from[0], dy = to[1] - from[1];
  return std::hypot(dx, dy) < 1 ? 0 : std::atan2(dy, dx);
}

Places PlacesOf(const PlanningTruth& truth, const Track& track_E) {
  Places places;
  std::array<double, 2> before{}, lidar_before{};
  const double cosine = std::cos(truth.lidar_yaw), sine = std::sin(truth.lidar_yaw);
  for (size_t step = 0; step < 6; ++step) {
    Place& place = places[step];
    place.p_E = track_E[step];
    place.lidar_E = LidarDisplacement(truth, step, place.p_E);
    place.lidar_L = {cosine * place.lidar_E[0] + sine * place.lidar_E[1],
                     cosine * place.lidar_E[1] - sine * place.lidar_E[0]};
    place.heading = Direction(before, place.p_E);
    place.lidar_heading = Direction(lidar_before, place.lidar_E);
    before = place.p_E;
    lidar_before = place.lidar_E;
  }
  return places;
}

// The 32 cells of the rules with half-metre cells, in the image that is looked at.
std::vector<Cell> HalfMetreCells(EventRule rule, const PlanningTruth& truth, size_t step,
                                 const Place& place) {
  constexpr int kSize = 200;
  std::vector<Cell> cells;
  cells.reserve(kRows * kColumns);
  const bool mirrored = rule == EventRule::kUniad || rule == EventRule::kVad ||
                        rule == EventRule::kOccWorld;  // X grows with the columns.
  const bool flipped = rule == EventRule::kVad || rule == EventRule::kOccWorld;
  for (int r = 0; r < kRows; ++r) {
    const double along = place.lidar_L[1] / 0.5 + (kRow0 + r);
    const int64_t row = Clipped(flipped ? 200 - along : along, kSize);
    for (int c = 0; c < kColumns; ++c) {
      const double across = (mirrored ? place.lidar_L[0] : -place.lidar_L[0]) / 0.5;
      Cell cell{row, Clipped(across + (kColumn0 + c), kSize)};
      if (rule == EventRule::kOpenDriveVlaStp3) cell.row = kSize - 1 - cell.row;
      if (rule == EventRule::kOpenDriveVlaStp3 || rule == EventRule::kOpenDriveVlaUniad)
        cell.column = kSize - 1 - cell.column;
      if (rule == EventRule::kStp3)
        cell = WarpSource(cell, truth.positions_E[step], truth.yaws_E[step]);
      cells.push_back(cell);
    }
  }
  return cells;
}

struct TurnedCar {
  double x = 0, y = 0, heading = 0;
};

TurnedCar TurnedCarAt(EventRule rule, const Place& place) {
  return rule == EventRule::kBevPlanner
             ? TurnedCar{place.lidar_E[0] / 0.1, place.lidar_E[1] / 0.1, place.lidar_heading}
             : TurnedCar{place.p_E[0] / 0.1, place.p_E[1] / 0.1, place.heading};
}

// Holds every cell of the car.
Region RegionOf(const TurnedCar& car) {
  constexpr int kSize = 1000;
  Region region;
  const double cosine = std::cos(car.heading), sine = std::sin(car.heading);
  const double x = car.x + kCentre + cosine * kMiddle, y = car.y + kCentre + sine * kMiddle;
  const double half_x = std::abs(cosine) * kHalfLength + std::abs(sine) * kHalfWidth;
  const double half_y = std::abs(sine) * kHalfLength + std::abs(cosine) * kHalfWidth;
  region.Add({Clipped(y - half_y, kSize), Clipped(x - half_x, kSize)});
  region.Add({Clipped(y + half_y, kSize), Clipped(x + half_x, kSize)});
  return region;
}

bool Touches(const CellImage& image, const TurnedCar& car) {
  const double cosine = std::cos(car.heading), sine = std::sin(car.heading);
  for (int ahead = kAhead0; ahead <= kAhead1; ++ahead) {
    for (int across = kAcross0; across <= kAcross1; ++across) {
      const double a = ahead - kCentre, b = across - kCentre;
      const double i = std::nearbyint(cosine * a - sine * b + kCentre);
      const double j = std::nearbyint(sine * a + cosine * b + kCentre);
      if (image.IsSet(Clipped(car.y + j, image.size()), Clipped(car.x + i, image.size())))
        return true;
    }
  }
  return false;
}

bool IsDecimetre(EventRule rule) { return ImageSize(ImageOf(rule)) == 1000; }

}  // namespace

ObstacleRule ImageOf(EventRule rule) {
  switch (rule) {
    case EventRule::kOpenDriveVlaStp3:
      return ObstacleRule::kVad;
    case EventRule::kOpenDriveVlaUniad:
      return ObstacleRule::kUniad;
    default:
      return static_cast<ObstacleRule>(rule);
  }
}

std::array<double, 2> LidarDisplacement(const PlanningTruth& truth, size_t step,
                                        const std::array<double, 2>& p_E) {
  const double cosine = std::cos(truth.yaws_E[step]), sine = std::sin(truth.yaws_E[step]);
  const double tx = truth.lidar_translation[0], ty = truth.lidar_translation[1];
  return {p_E[0] + (cosine * tx - sine * ty - tx), p_E[1] + (sine * tx + cosine * ty - ty)};
}

struct CollisionCounter::Images {
  CellImage half_metre{200}, decimetre{1000};
};

CollisionCounter::CollisionCounter() : images_(std::make_unique<Images>()) {}
CollisionCounter::~CollisionCounter() = default;

namespace {

// Whether the car at each place touches what `rule` draws at a step. The image is drawn only as far
// as the cars reach.
std::vector<bool> TouchedBy(EventRule rule, const PlanningTruth& truth, size_t step,
                            const std::vector<Obstacle>& obstacles,
                            const std::vector<Places>& places, CellImage* image) {
  std::vector<bool> touched(places.size(), false);
  const ObstacleRule drawn = ImageOf(rule);
  if (std::none_of(obstacles.begin(), obstacles.end(),
                   [&](const Obstacle& one) { return one.DrawnBy(drawn); }))
    return touched;
  std::vector<std::vector<Cell>> cells;
  std::vector<Region> regions;
  for (const Places& each : places) {
    if (IsDecimetre(rule)) {
      regions.push_back(RegionOf(TurnedCarAt(rule, each[step])));
      continue;
    }
    cells.push_back(HalfMetreCells(rule, truth, step, each[step]));
    Region region;
    for (const Cell& cell : cells.back()) region.Add(cell);
    regions.push_back(region);
  }
  const CellPlacer placer(drawn, truth, step);
  std::vector<bool> near(places.size(), false);
  bool any = false;
  for (const Obstacle& obstacle : obstacles) {
    if (!obstacle.DrawnBy(drawn)) continue;
    const std::array<Cell, 4> corners = placer.Corners(obstacle.corners_E);
    Region box;
    for (const Cell& corner : corners) box.Add(corner);
    bool meets = false;
    for (size_t car = 0; car < places.size(); ++car) {
      if (!regions[car].Meets(box)) continue;
      near[car] = true;
      meets = true;
    }
    if (meets) image->Fill(corners);
    any |= meets;
  }
  if (!any) return touched;
  for (size_t car = 0; car < places.size(); ++car) {
    if (!near[car]) continue;
    touched[car] = IsDecimetre(rule)
                       ? Touches(*image, TurnedCarAt(rule, places[car][step]))
                       : std::any_of(cells[car].begin(), cells[car].end(), [&](const Cell& cell) {
                           return image->IsSet(cell.row, cell.column);
                         });
  }
  image->Clear();
  return touched;
}

}  // namespace

std::vector<EventMasks> CollisionCounter::Count(const PlanningTruth& truth,
                                                const ObstaclesOfFrame& obstacles,
                                                std::span<const Track> tracks_E) {
  std::vector<EventMasks> events(tracks_E.size());
  std::vector<Places> places;
  places.reserve(tracks_E.size() + 1);
  for (const Track& track_E : tracks_E) places.push_back(PlacesOf(truth, track_E));
  places.push_back(PlacesOf(truth, truth.positions_E));
  for (size_t step = 0; step < 6; ++step) {
    for (size_t rule = 0; rule < kEventRules; ++rule) {
      const auto which = static_cast<EventRule>(rule);
      // UniAD sets all cells of a missing step: the true car collides too, and nothing counts.
      if (ImageOf(which) == ObstacleRule::kUniad && !truth.valid[step]) continue;
      CellImage& image = IsDecimetre(which) ? images_->decimetre : images_->half_metre;
      const std::vector<bool> touched =
          TouchedBy(which, truth, step, obstacles[step], places, &image);
      if (touched.back()) continue;
      for (size_t track = 0; track < tracks_E.size(); ++track)
        if (touched[track]) events[track][rule] |= static_cast<uint8_t>(1U << step);
    }
  }
  return events;
}

}  // namespace occvla::eval
