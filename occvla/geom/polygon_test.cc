#include "occvla/geom/polygon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "occvla/base/rng.h"

namespace occvla::geom {
namespace {

using Eigen::Vector2d;
using Ring = std::vector<Vector2d>;

const Ring kSquare = {{0, 0}, {4, 0}, {4, 4}, {0, 4}};
// A U open to the north, 6 wide, arms and floor 2 thick.
const Ring kU = {{0, 0}, {6, 0}, {6, 6}, {4, 6}, {4, 2}, {2, 2}, {2, 6}, {0, 6}};

TEST(PolygonTest, AreaIsPositiveCounterClockwise) {
  EXPECT_DOUBLE_EQ(SignedArea(kSquare), 16);
  EXPECT_DOUBLE_EQ(SignedArea(Ring(kSquare.rbegin(), kSquare.rend())), -16);
  EXPECT_DOUBLE_EQ(SignedArea(kU), 28);
  EXPECT_EQ(SignedArea(Ring{{1, 1}, {2, 2}}), 0);
  EXPECT_DOUBLE_EQ(Perimeter(kU), 32);
}

TEST(PolygonTest, AreaFarFromTheOriginKeepsItsDigits) {
  Ring far;
  for (const Vector2d& point : kSquare) far.push_back(point / 1024 + Vector2d(1 << 20, 1 << 21));
  EXPECT_DOUBLE_EQ(SignedArea(far), 16.0 / (1 << 20));
}

TEST(PolygonTest, CentroidOfAnAreaIsNotTheMeanOfItsPoints) {
  EXPECT_TRUE(Centroid(Ring{{0, 0}, {6, 0}, {0, 3}}).isApprox(Vector2d(2, 1)));
  EXPECT_TRUE(Centroid(Ring{{0, 0}, {4, 0}, {4, 2}, {4, 4}, {0, 4}}).isApprox(Vector2d(2, 2)));
  EXPECT_TRUE(Centroid(Ring{{1, 0}, {3, 0}}).isApprox(Vector2d(2, 0)));
}

TEST(PolygonTest, RingHoldsInsideAndBoundary) {
  EXPECT_TRUE(Contains(kU, {1, 5}));
  EXPECT_TRUE(Contains(kU, {3, 1}));
  EXPECT_FALSE(Contains(kU, {3, 5}));
  EXPECT_FALSE(Contains(kU, {-1, 2}));  // At the height of a corner.
  EXPECT_FALSE(Contains(kU, {7, 2}));
  for (const Vector2d& corner : kU) EXPECT_TRUE(Contains(kU, corner));
  EXPECT_TRUE(Contains(kU, {3, 2}));
  EXPECT_TRUE(Contains(kU, {0, 3}));
  EXPECT_FALSE(Contains(Ring{}, {0, 0}));
}

TEST(PolygonTest, HoleIsOutsideButItsRimIsNot) {
  const std::vector<Ring> holes = {{{1, 1}, {2, 1}, {2, 2}, {1, 2}}};
  EXPECT_FALSE(Contains(kSquare, holes, {1.5, 1.5}));
  EXPECT_TRUE(Contains(kSquare, holes, {1, 1.5}));
  EXPECT_TRUE(Contains(kSquare, holes, {3, 3}));
  EXPECT_FALSE(Contains(kSquare, holes, {5, 3}));
}

TEST(PolygonTest, DistancesByHand) {
  EXPECT_DOUBLE_EQ(DistanceToSegment({3, 4}, {0, 0}, {2, 0}), std::hypot(1, 4));
  EXPECT_DOUBLE_EQ(DistanceToSegment({1, 4}, {0, 0}, {2, 0}), 4);
  EXPECT_DOUBLE_EQ(DistanceToSegment({3, 4}, {0, 0}, {0, 0}), 5);
  EXPECT_DOUBLE_EQ(DistanceToLine(Ring{{0, 0}, {4, 0}, {4, 4}}, {0, 4}), 4);  // Not closed.
  EXPECT_DOUBLE_EQ(DistanceToLine(Ring{{1, 1}}, {1, 3}), 2);
  EXPECT_EQ(DistanceToLine(Ring{}, {1, 3}), std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(DistanceToBoundary(kSquare, {1, 2}), 1);
  EXPECT_EQ(Distance(kSquare, {1, 2}), 0);
  EXPECT_DOUBLE_EQ(Distance(kU, {3, 6}), 1);
  EXPECT_DOUBLE_EQ(Distance(kSquare, {7, 8}), 5);
}

TEST(PolygonTest, SegmentsMeetWhereTheyCrossTouchOrLieOnEachOther) {
  EXPECT_TRUE(SegmentsMeet({0, 0}, {2, 2}, {0, 2}, {2, 0}));
  EXPECT_TRUE(SegmentsMeet({0, 0}, {2, 0}, {1, 0}, {1, 5}));
  EXPECT_TRUE(SegmentsMeet({0, 0}, {2, 0}, {1, 0}, {3, 0}));
  EXPECT_TRUE(SegmentsMeet({0, 0}, {2, 0}, {2, 0}, {3, 1}));
  EXPECT_FALSE(SegmentsMeet({0, 0}, {2, 0}, {3, 0}, {4, 0}));
  EXPECT_FALSE(SegmentsMeet({0, 0}, {2, 0}, {0, 1}, {2, 1}));
  EXPECT_FALSE(SegmentsMeet({0, 0}, {2, 0}, {1, 0.5}, {1, 5}));
}

TEST(PolygonTest, LineMeetsRectangleThoughNoPointOfItLiesInside) {
  const Bounds2 box = Bounds2::Around({2, 2}, 1);
  EXPECT_TRUE(LineMeets(Ring{{0, 2}, {9, 2}}, box));
  EXPECT_TRUE(LineMeets(Ring{{0, 2}, {2, 0}}, box));  // Through the corner (1, 1).
  EXPECT_FALSE(LineMeets(Ring{{0, 1.9}, {1.9, 0}}, box));
  EXPECT_FALSE(LineMeets(Ring{{0, 0}, {0, 9}}, box));
  EXPECT_FALSE(LineMeets(Ring{{0, 0}, {0.9, 0.9}}, box));  // Ends before it.
  EXPECT_TRUE(LineMeets(Ring{{2, 2}}, box));
  EXPECT_FALSE(LineMeets(Ring{{4, 2}}, box));
  EXPECT_FALSE(LineMeets(Ring{}, box));
  // An open line has no edge from its last point to its first.
  EXPECT_FALSE(LineMeets(Ring{{0, 0}, {0, 9}, {9, 9}, {9, 0}}, box));
}

TEST(PolygonTest, AreaMeetsRectangleInsideAcrossAndAround) {
  EXPECT_TRUE(AreaMeets(kSquare, {}, Bounds2::Around({2, 2}, 1)));
  EXPECT_TRUE(AreaMeets(kSquare, {}, Bounds2::Around({2, 2}, 9)));
  EXPECT_TRUE(AreaMeets(kSquare, {}, Bounds2::Around({5, 2}, 1)));  // Touches.
  EXPECT_FALSE(AreaMeets(kSquare, {}, Bounds2::Around({5.1, 2}, 1)));
  EXPECT_FALSE(AreaMeets(kU, {}, Bounds2::Around({3, 5}, 0.9)));
  const std::vector<Ring> holes = {{{1, 1}, {3, 1}, {3, 3}, {1, 3}}};
  EXPECT_FALSE(AreaMeets(kSquare, holes, Bounds2::Around({2, 2}, 0.9)));
  EXPECT_TRUE(AreaMeets(kSquare, holes, Bounds2::Around({2, 2}, 1)));
  EXPECT_TRUE(AreaMeets(kSquare, holes, {.min = {2, 2}, .max = {3.5, 2.5}}));  // Out of the hole.
  EXPECT_FALSE(AreaMeets(Ring{}, {}, Bounds2::Around({2, 2}, 1)));
}

TEST(PolygonTest, OverlapNeedsNoCornerInside) {
  EXPECT_TRUE(Overlap(kSquare, Ring{{-1, 1}, {5, 1}, {5, 2}, {-1, 2}}));
  EXPECT_TRUE(Overlap(kSquare, Ring{{1, 1}, {2, 1}, {2, 2}}));
  EXPECT_TRUE(Overlap(Ring{{1, 1}, {2, 1}, {2, 2}}, kSquare));
  EXPECT_FALSE(Overlap(kU, Ring{{2.5, 3}, {3.5, 3}, {3.5, 6}}));
  EXPECT_FALSE(Overlap(kSquare, Ring{}));
}

TEST(PolygonTest, SimpleMeansNoEdgeMeetsAnother) {
  EXPECT_TRUE(IsSimple(kU));
  EXPECT_FALSE(IsSimple(Ring{{0, 0}, {4, 4}, {4, 0}, {0, 4}}));          // A bow tie.
  EXPECT_FALSE(IsSimple(Ring{{0, 0}, {4, 0}, {4, 4}, {2, 0}, {0, 4}}));  // Touches itself.
  EXPECT_FALSE(IsSimple(Ring{{0, 0}, {4, 0}, {2, 0}, {2, 3}}));          // Runs back.
  EXPECT_FALSE(IsSimple(Ring{{0, 0}, {0, 0}, {4, 0}, {4, 4}}));
  EXPECT_FALSE(IsSimple(Ring{{0, 0}, {4, 0}}));
}

void ExpectTriangulated(const Ring& ring) {
  double area = 0;
  for (const auto& t : Triangulate(ring)) {
    const double part = Cross(ring[t[0]], ring[t[1]], ring[t[2]]) / 2;
    EXPECT_GT(part, 0);
    EXPECT_TRUE(Contains(ring, (ring[t[0]] + ring[t[1]] + ring[t[2]]) / 3));
    area += part;
  }
  EXPECT_NEAR(area, std::abs(SignedArea(ring)), 1e-9 * area);
}

TEST(PolygonTest, TrianglesFillTheRingEitherWayRound) {
  EXPECT_EQ(Triangulate(kU).size(), 6u);
  ExpectTriangulated(kU);
  ExpectTriangulated(Ring(kU.rbegin(), kU.rend()));
  ExpectTriangulated({{0, 0}, {1, 0}, {2, 0}, {4, 0}, {4, 4}, {0, 4}, {0, 2}});  // Flat points.
  EXPECT_TRUE(Triangulate(Ring{{0, 0}, {4, 0}}).empty());
}

// Stars with random radii: concave all around.
TEST(PolygonTest, TrianglesFillRandomStars) {
  for (uint64_t star = 0; star < 20; ++star) {
    Rng rng(3, "star", 0, star);
    Ring ring;
    for (int i = 0; i < 40; ++i) {
      const double angle = i * 2 * M_PI / 40, radius = 1 + 9 * rng.Uniform();
      ring.push_back({100 + radius * std::cos(angle), 200 + radius * std::sin(angle)});
    }
    EXPECT_TRUE(IsSimple(ring));
    EXPECT_EQ(Triangulate(ring).size(), 38u);
    ExpectTriangulated(ring);
  }
}

// Against the winding number, computed from angles.
TEST(PolygonTest, ContainsAgreesWithTheWindingNumber) {
  Rng rng(4, "points");
  for (int i = 0; i < 2000; ++i) {
    const Vector2d point(8 * rng.Uniform() - 1, 8 * rng.Uniform() - 1);
    double turned = 0;
    for (size_t k = 0; k < kU.size(); ++k) {
      const Vector2d a = kU[k] - point, b = kU[(k + 1) % kU.size()] - point;
      turned += std::atan2(a.x() * b.y() - a.y() * b.x(), a.dot(b));
    }
    EXPECT_EQ(Contains(kU, point), std::abs(turned) > 1) << point.transpose();
  }
}

}  // namespace
}  // namespace occvla::geom
