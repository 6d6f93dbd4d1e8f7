// From the ego frame E onto a camera's image.
import type { Calibration, Point2, Point3, WayPoint } from './types';

const near = 0.1; // Metres ahead of the camera.

/** p_CQ of a point given in E: x right, y down, z forward. */
export function toCamera(calibration: Calibration, p_E: ArrayLike<number>): Point3 {
  const { rotation: r, translation: t } = calibration.camera_in_ego;
  const x = p_E[0] - t[0];
  const y = p_E[1] - t[1];
  const z = (p_E[2] ?? 0) - t[2];
  // R_EC transposed.
  return [
    r[0] * x + r[3] * y + r[6] * z,
    r[1] * x + r[4] * y + r[7] * z,
    r[2] * x + r[5] * y + r[8] * z,
  ];
}

/** Pixel of a point ahead of the camera, as nuScenes counts them. */
export function toPixel(calibration: Calibration, p_C: Point3): Point2 {
  const k = calibration.intrinsic;
  return [
    (k[0] * p_C[0] + k[1] * p_C[1]) / p_C[2] + k[2],
    (k[4] * p_C[1]) / p_C[2] + k[5],
  ];
}

function between(a: Point3, b: Point3): Point3 {
  const share = (near - a[2]) / (b[2] - a[2]);
  return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), near];
}

/** Pixels of a segment's part ahead of the camera; null when all of it is behind. */
export function projectSegment(
  calibration: Calibration,
  a_E: ArrayLike<number>,
  b_E: ArrayLike<number>,
): [Point2, Point2] | null {
  let a = toCamera(calibration, a_E);
  let b = toCamera(calibration, b_E);
  if (a[2] < near && b[2] < near) return null;
  if (a[2] < near) a = between(a, b);
  if (b[2] < near) b = between(b, a);
  return [toPixel(calibration, a), toPixel(calibration, b)];
}

/** Pixels of the part of a flat, convex polygon ahead of the camera; empty when there is none. */
export function projectPolygon(calibration: Calibration, corners_E: ArrayLike<number>[]): Point2[] {
  const corners = corners_E.map((corner) => toCamera(calibration, corner));
  const pixels: Point2[] = [];
  corners.forEach((corner, index) => {
    const next = corners[(index + 1) % corners.length];
    if (corner[2] >= near) pixels.push(toPixel(calibration, corner));
    if (corner[2] >= near !== next[2] >= near)
      pixels.push(toPixel(calibration, between(corner, next)));
  });
  return pixels.length < 3 ? [] : pixels;
}

/** The six points of a plan, 0.5 s apart, as a smooth way from the car (Catmull-Rom). */
export function wayOfPlan(plan_E: (Point2 | null)[]): WayPoint[] {
  const knots: Point2[] = [[0, 0]];
  for (const point of plan_E) {
    if (!point || !(Math.hypot(point[0], point[1]) <= 200)) break;
    knots.push(point);
  }
  const way: WayPoint[] = [[0, 0, 0, 0]];
  const steps = 6;
  for (let index = 0; index + 1 < knots.length; ++index) {
    const p = [knots[Math.max(index - 1, 0)], knots[index], knots[index + 1]];
    p.push(knots[Math.min(index + 2, knots.length - 1)]);
    for (let step = 1; step <= steps; ++step) {
      const t = step / steps;
      const at = (axis: 0 | 1): number =>
        0.5 *
        (2 * p[1][axis] +
          t * (p[2][axis] - p[0][axis]) +
          t * t * (2 * p[0][axis] - 5 * p[1][axis] + 4 * p[2][axis] - p[3][axis]) +
          t * t * t * (3 * (p[1][axis] - p[2][axis]) + p[3][axis] - p[0][axis]));
      way.push([at(0), at(1), 0, 0.5 * (index + t)]);
    }
  }
  return way;
}

export interface RibbonPiece {
  corners_E: Point3[];
  time: number; // At its far end, seconds from now.
}

/** What a way sweeps with the given half width, piece by piece. */
export function ribbon(way: WayPoint[], halfWidth: number, lift = 0): RibbonPiece[] {
  const moving = way.filter(
    (point, index) =>
      index === 0 ||
      Math.hypot(point[0] - way[index - 1][0], point[1] - way[index - 1][1]) > 0.01,
  );
  if (moving.length < 2) return [];
  const borders = moving.map((point, index): [Point3, Point3] => {
    const ahead = moving[Math.min(index + 1, moving.length - 1)];
    const behind = moving[Math.max(index - 1, 0)];
    const length = Math.hypot(ahead[0] - behind[0], ahead[1] - behind[1]) || 1;
    const left = [-(ahead[1] - behind[1]) / length, (ahead[0] - behind[0]) / length];
    return [
      [point[0] + left[0] * halfWidth, point[1] + left[1] * halfWidth, point[2] + lift],
      [point[0] - left[0] * halfWidth, point[1] - left[1] * halfWidth, point[2] + lift],
    ];
  });
  return borders.slice(1).map((far, index) => ({
    corners_E: [borders[index][0], far[0], far[1], borders[index][1]],
    time: moving[index + 1][3],
  }));
}
