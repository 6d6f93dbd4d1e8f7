import assert from 'node:assert/strict';
import { test } from 'node:test';
import { projectPolygon, projectSegment, ribbon, toCamera, toPixel, wayOfPlan } from '../src/projection';
import type { Calibration, Point2 } from '../src/types';

// Looks ahead from 1.5 m above the origin: x right is y to the right, z forward is x ahead.
const camera: Calibration = {
  width: 400,
  height: 200,
  intrinsic: [100, 0, 200, 0, 100, 100, 0, 0, 1],
  camera_in_ego: { rotation: [0, 0, 1, -1, 0, 0, 0, -1, 0], translation: [0, 0, 1.5] },
};

test('a point ahead on the left and low lands left and below the middle', () => {
  const p_C = toCamera(camera, [10, 2, 0.5]);
  assert.deepEqual(p_C, [-2, 1, 10]);
  assert.deepEqual(toPixel(camera, p_C), [180, 110]);
});

test('a segment is cut where it passes the camera', () => {
  assert.equal(projectSegment(camera, [-5, 0, 0], [-1, 0, 0]), null);
  const cut = projectSegment(camera, [-5, 0, 1], [10, 0, 1]);
  assert.ok(cut);
  assert.ok(Math.abs(cut[0][1] - (100 + (100 * 0.5) / 0.1)) < 1e-9);
  assert.deepEqual(cut[1], [200, 105]);
});

test('a polygon behind the camera is nothing, one across it stays convex', () => {
  assert.deepEqual(projectPolygon(camera, [[-1, 0, 0], [-2, 0, 0], [-2, 1, 0]]), []);
  assert.equal(projectPolygon(camera, [[5, 1, 0], [5, -1, 0], [-5, -1, 0], [-5, 1, 0]]).length, 4);
});

test('a plan becomes a smooth way through its points', () => {
  const plan: Point2[] = [1, 2, 3, 4, 5, 6].map((step) => [step * 2, step * step * 0.1]);
  const way = wayOfPlan(plan);
  assert.deepEqual(way[0], [0, 0, 0, 0]);
  for (const [index, point] of plan.entries()) {
    const there = way.find((one) => Math.abs(one[3] - 0.5 * (index + 1)) < 1e-9);
    assert.ok(there && Math.hypot(there[0] - point[0], there[1] - point[1]) < 1e-9);
  }
});

test('a plan ends before a point that cannot be meant', () => {
  assert.equal(wayOfPlan([[2, 0], [1e6, 0]]).length, 7);
});

test('a standing car sweeps nothing', () => {
  assert.deepEqual(ribbon(wayOfPlan(Array.from({ length: 6 }, (): Point2 => [0, 0])), 1), []);
  const pieces = ribbon([[0, 0, 0, 0], [10, 0, 0, 1]], 1);
  assert.deepEqual(pieces, [
    { corners_E: [[0, 1, 0], [10, 1, 0], [10, -1, 0], [0, -1, 0]], time: 1 },
  ]);
});
