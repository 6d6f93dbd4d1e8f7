#include <algorithm>
#include <cmath>
#include <numbers>

#include "occvla/geom/polygon.h"
#include "occvla/world/scenery_site.h"

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kPi = std::numbers::pi;

/// A lot in its own axes: x towards the road, y left of that, origin at its centroid.
struct Frame {
  explicit Frame(const Lot& l)
      : lot(l),
        origin(geom::Centroid(l.outline.points)),
        x(std::cos(l.frontage_yaw), std::sin(l.frontage_yaw)),
        y(-x.y(), x.x()) {
    for (const Vector2d& p : l.outline.points) {
      const Vector2d q(x.dot(p - origin), y.dot(p - origin));
      low = low.cwiseMin(q);
      high = high.cwiseMax(q);
    }
  }
  Vector2d At(double a, double b) const { return origin + a * x + b * y; }

  const Lot& lot;  // Outlives the frame.
  Vector2d origin, x, y;
  Vector2d low = Vector2d::Constant(1e9), high = Vector2d::Constant(-1e9);
};

Prop Standing(PropKind kind, const Vector2d& p, double yaw, const Eigen::Vector3d& size, Rng& rng) {
  Prop prop;
  prop.kind = kind;
  prop.p_G = {p.x(), p.y(), 0};
  prop.yaw = yaw;
  prop.size = size;
  prop.look = rng.NextU64();
  return prop;
}

/// A building of about the size, shrunk until it fits on the lot with its front `setback` behind
/// the lot's.
bool Build(Site& site, const Frame& frame, PropKind kind, Eigen::Vector3d size, double setback,
           Rng& rng) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const Vector2d p =
        frame.At(frame.high.x() - setback - size.x() / 2, (frame.low.y() + frame.high.y()) / 2);
    if (site.AddBuilding(Standing(kind, p, frame.lot.frontage_yaw, size, rng), frame.lot.outline))
      return true;
    size.x() *= 0.93;
    size.y() *= 0.93;
    setback += 0.25;
    if (size.x() < 5 || size.y() < 5) break;
  }
  return false;
}

/// Edges of the lot whose outside lies within 45 degrees of `yaw`, as one line.
std::vector<Vector2d> BorderTowards(const Lot& lot, double yaw) {
  std::vector<Vector2d> line;
  const Vector2d ahead(std::cos(yaw), std::sin(yaw));
  const auto& points = lot.outline.points;
  const size_t n = points.size();
  const auto faces = [&](size_t i) {
    const Vector2d step = (points[(i + 1) % n] - points[i % n]).normalized();
    return Vector2d(step.y(), -step.x()).dot(ahead) > 0.7;
  };
  size_t first = 0;
  while (first < n && (faces(first + n - 1) || !faces(first))) ++first;
  if (first == n) return line;
  line.push_back(points[first]);
  for (size_t i = first; faces(i) && line.size() <= n; ++i) line.push_back(points[(i + 1) % n]);
  return line;
}

struct Fence {
  Prop piece;
  double gap = 0;       // One, somewhere.
  double inset = 0.45;  // To the left of the line.
};

/// Walls or hedges along a line.
void Enclose(Site& site, const std::vector<Vector2d>& line, const Fence& fence, Rng& rng) {
  const double gap = fence.gap;
  double length = 0;
  for (size_t i = 1; i < line.size(); ++i) length += (line[i] - line[i - 1]).norm();
  const double gap_at = Draw(rng, 1.5, std::max(1.6, length - gap - 1.5));
  double before = 0;
  for (size_t i = 1; i < line.size(); ++i) {
    const Vector2d step = line[i] - line[i - 1];
    const double span = step.norm();
    if (span < 0.5) continue;
    const Vector2d along = step / span, left(-along.y(), along.x());
    const int n = std::max(1, static_cast<int>(std::lround(span / 3)));
    for (int k = 0; k < n; ++k) {
      const double middle = (k + 0.5) * span / n, s = before + middle, half = span / n / 2;
      if (s + half > gap_at && s - half < gap_at + gap && gap > 0) continue;
      Prop prop = fence.piece;
      const Vector2d p = line[i - 1] + along * middle + left * fence.inset;
      prop.p_G = {p.x(), p.y(), 0};
      prop.yaw = std::atan2(along.y(), along.x());
      prop.size.x() = 2 * half;
      site.AddWall(prop);
    }
    before += span;
  }
}

Fence DrawFence(Rng& rng, double gap) {
  const bool hedge = rng.Uniform() < 0.5;
  Fence fence;
  fence.gap = gap;
  Prop& piece = fence.piece;
  piece.kind = hedge ? PropKind::kHedge : PropKind::kWall;
  piece.size = {3, hedge ? Draw(rng, 0.5, 0.8) : 0.25,
                hedge ? Draw(rng, 0.8, 1.7) : Draw(rng, 0.7, 1.8)};
  piece.look = rng.NextU64();
  return fence;
}

void Plant(Site& site, const Frame& frame, int trees, int bushes, double tallest, Rng& rng) {
  const auto somewhere = [&] {
    return frame.At(Draw(rng, frame.low.x() + 0.8, frame.high.x() - 0.8),
                    Draw(rng, frame.low.y() + 0.8, frame.high.y() - 0.8));
  };
  for (int i = 0; i < trees + bushes; ++i) {
    const Vector2d p = somewhere();
    if (!geom::Contains(frame.lot.outline.points, p)) continue;
    site.AddPlant(i < trees ? MakeTree(rng, p, 4, tallest) : MakeBush(rng, p), false);
  }
}

void FurnishHouse(Site& site, const Frame& frame, Rng& rng) {
  const double wide = frame.high.y() - frame.low.y();
  const double width = std::min(wide - 2.5, Draw(rng, 8, 13)), depth = Draw(rng, 7.5, 10.5);
  Build(site, frame, PropKind::kHouse, {depth, width, Draw(rng, 6, 9.5)}, Draw(rng, 3, 6), rng);
  const double yaw = frame.lot.frontage_yaw;
  if (rng.Uniform() < 0.75) Enclose(site, BorderTowards(frame.lot, yaw), DrawFence(rng, 3.4), rng);
  if (rng.Uniform() < 0.6)
    Enclose(site, BorderTowards(frame.lot, yaw + kPi / 2), DrawFence(rng, 0), rng);
  if (rng.Uniform() < 0.5)
    Enclose(site, BorderTowards(frame.lot, yaw + kPi), DrawFence(rng, 0), rng);
  Plant(site, frame, 4, 7, 9, rng);
  if (rng.Uniform() < 0.4) {
    const Vector2d p = frame.At(frame.high.x() - 1.4, Draw(rng, frame.low.y(), frame.high.y()));
    site.AddPost(Standing(PropKind::kBin, p, yaw, {0.6, 0.55, 1.05}, rng));
  }
}

void FurnishBlock(Site& site, const Frame& frame, Rng& rng) {
  const double wide = frame.high.y() - frame.low.y(), deep = frame.high.x() - frame.low.x();
  const double storeys = 2 + static_cast<double>(rng.Below(6));
  Build(site, frame, PropKind::kBlock,
        {std::min(deep - 1.5, Draw(rng, 11, 17)), wide - 0.8, 3.2 * storeys + 0.8},
        Draw(rng, 0.6, 2), rng);
  for (int i = 0; i < 2; ++i) {
    const Vector2d p = frame.At(frame.high.x() - 0.5, Draw(rng, frame.low.y(), frame.high.y()));
    site.AddPost(
        Standing(PropKind::kBin, p, frame.lot.frontage_yaw, {0.5, 0.5, Draw(rng, 0.6, 1.1)}, rng));
  }
}

void FurnishWorks(Site& site, const Frame& frame, Rng& rng) {
  const double wide = frame.high.y() - frame.low.y(), deep = frame.high.x() - frame.low.x();
  Build(site, frame, PropKind::kBlock,
        {Draw(rng, 0.45, 0.65) * deep, wide - Draw(rng, 3, 9), Draw(rng, 5, 8.5)}, Draw(rng, 5, 8),
        rng);
  if (rng.Uniform() < 0.7)
    Enclose(site, BorderTowards(frame.lot, frame.lot.frontage_yaw), DrawFence(rng, 7), rng);
  Plant(site, frame, 2, 4, 8, rng);
  for (int i = 0; i < 3; ++i) {
    const Vector2d p = frame.At(Draw(rng, frame.low.x(), frame.high.x()),
                                Draw(rng, frame.low.y() + 1, frame.high.y() - 1));
    if (!geom::Contains(frame.lot.outline.points, p)) continue;
    site.AddWall(Standing(PropKind::kBin, p, frame.lot.frontage_yaw,
                          {Draw(rng, 0.8, 1.6), Draw(rng, 0.8, 1.2), Draw(rng, 0.8, 1.5)}, rng));
  }
}

void FurnishPark(Site& site, const Frame& frame, Rng& rng) {
  const double area = geom::SignedArea(frame.lot.outline.points);
  if (rng.Uniform() < 0.35) {
    Fence hedge = DrawFence(rng, 4);
    hedge.piece.kind = PropKind::kHedge;
    hedge.piece.size.tail<2>() = Vector2d(0.6, Draw(rng, 0.6, 1.1));
    Enclose(site, BorderTowards(frame.lot, frame.lot.frontage_yaw), hedge, rng);
  }
  Plant(site, frame, static_cast<int>(area / 32), static_cast<int>(area / 26), 13, rng);
}

void FurnishPlaza(Site& site, const Frame& frame, Rng& rng) {
  for (double a = frame.low.x() + 3; a < frame.high.x() - 2; a += 6) {
    for (double b = frame.low.y() + 3; b < frame.high.y() - 2; b += 6) {
      const Vector2d p = frame.At(a, b);
      const double u = rng.Uniform();
      if (u < 0.45) {
        site.AddPlant(MakeTree(rng, p, 5, 8), false);
      } else if (u < 0.6) {  // A bench.
        site.AddWall(
            Standing(PropKind::kWall, p, frame.lot.frontage_yaw + kPi / 2, {2, 0.5, 0.45}, rng));
      } else if (u < 0.7) {
        site.AddWall(Standing(PropKind::kBin, p, 0, {0.5, 0.5, 1}, rng));
      } else if (u < 0.76) {
        site.AddWall(Standing(PropKind::kPole, p, 0, {0.15, 0.15, Draw(rng, 5, 9)}, rng));
      }
    }
  }
}

/// Hedges beside and behind car parks.
void HedgeCarparks(Site& site) {
  const Town& town = site.town();
  for (size_t i = 0; i < town.areas.size(); ++i) {
    const Area& area = town.areas[i];
    if (area.surface != Surface::kCarpark || geom::SignedArea(area.outline.points) < 200) continue;
    Rng rng = site.Random("car park", i);
    Fence hedge = DrawFence(rng, 0);
    hedge.piece.kind = PropKind::kHedge;
    hedge.piece.size.y() = 0.6;
    hedge.inset = 0.9;
    // Outside of the outline: along it the other way round.
    std::vector<Vector2d> line(area.outline.points.rbegin(), area.outline.points.rend());
    line.push_back(line.front());
    for (size_t k = 0; k + 1 < line.size(); ++k) Enclose(site, {line[k], line[k + 1]}, hedge, rng);
  }
}

}  // namespace

void FurnishLots(Site& site) {
  const Town& town = site.town();
  for (size_t i = 0; i < town.lots.size(); ++i) {
    Rng rng = site.Random("lot", i);
    const Frame frame(town.lots[i]);
    switch (town.lots[i].use) {
      case LotUse::kHouse:
        FurnishHouse(site, frame, rng);
        break;
      case LotUse::kBlock:
        FurnishBlock(site, frame, rng);
        break;
      case LotUse::kWorks:
        FurnishWorks(site, frame, rng);
        break;
      case LotUse::kPark:
        FurnishPark(site, frame, rng);
        break;
      case LotUse::kPlaza:
        FurnishPlaza(site, frame, rng);
        break;
    }
  }
  HedgeCarparks(site);
}

}  // namespace occvla::world
