import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreement, compareGrids, count, size } from '../src/occupancy/grid';
import { meshGrid, type Mesh, type MeshOptions } from '../src/occupancy/mesher';
import { difference, free } from '../src/occupancy/palette';

const all: MeshOptions = { hidden: new Uint8Array(22), low: [0, 0, 0], high: [200, 200, 16] };

function emptyGrid(): Uint8Array {
  return new Uint8Array(count).fill(free);
}

function at(x: number, y: number, z: number): number {
  return (x * size[1] + y) * size[2] + z;
}

interface Face {
  axis: number;
  side: number;
  label: number;
  low: number[];
  high: number[];
  area: number;
  shades: number[];
}

function faces(mesh: Mesh): Face[] {
  return Array.from({ length: mesh.quads }, (_, quad) => {
    const corners = [0, 1, 2, 3].map((corner) =>
      mesh.vertices.subarray((quad * 4 + corner) * 8, (quad * 4 + corner + 1) * 8),
    );
    const axis = corners[0][5] >> 1;
    const low = [0, 1, 2].map((a) => Math.min(...corners.map((corner) => corner[a])));
    const high = [0, 1, 2].map((a) => Math.max(...corners.map((corner) => corner[a])));
    const sides = [0, 1, 2].filter((a) => a !== axis).map((a) => high[a] - low[a]);
    return {
      axis,
      side: corners[0][5] & 1,
      label: corners[0][4],
      low,
      high,
      area: sides[0] * sides[1],
      shades: corners.map((corner) => corner[6]),
    };
  });
}

test('one voxel is a cube that looks outward', () => {
  const grid = emptyGrid();
  grid[at(3, 4, 5)] = 4;
  const mesh = meshGrid(grid, all);
  assert.equal(mesh.quads, 6);
  for (const face of faces(mesh)) {
    assert.equal(face.label, 4);
    assert.equal(face.area, 1);
    assert.equal(face.low[face.axis], [3, 4, 5][face.axis] + face.side);
  }
  for (let quad = 0; quad < 6; ++quad) {
    const corner = (index: number): number[] => [
      ...mesh.vertices.subarray((quad * 4 + index) * 8, (quad * 4 + index) * 8 + 3),
    ];
    const [a, b, c] = [corner(0), corner(1), corner(2)];
    const [u, v] = [b.map((x, i) => x - a[i]), c.map((x, i) => x - b[i])];
    const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    const face = faces(mesh)[quad];
    assert.equal(Math.sign(normal[face.axis]), face.side === 1 ? 1 : -1);
  }
});

test('a slab of one class is six rectangles', () => {
  const grid = emptyGrid();
  for (let x = 10; x < 60; ++x) for (let y = 20; y < 90; ++y) grid[at(x, y, 0)] = 11;
  const mesh = meshGrid(grid, all);
  assert.equal(mesh.quads, 6);
  assert.deepEqual(
    faces(mesh).map((face) => face.area).sort((a, b) => a - b),
    [50, 50, 70, 70, 3500, 3500],
  );
});

test('another class ends a rectangle, a hidden one opens what is behind', () => {
  const grid = emptyGrid();
  grid[at(0, 0, 0)] = 1;
  grid[at(1, 0, 0)] = 2;
  assert.equal(meshGrid(grid, all).quads, 10);
  const hidden = new Uint8Array(22);
  hidden[2] = 1;
  const mesh = meshGrid(grid, { ...all, hidden });
  assert.equal(mesh.quads, 6);
  assert.ok(faces(mesh).every((face) => face.label === 1));
});

test('a slice shows its inside', () => {
  const grid = new Uint8Array(count).fill(15);
  const mesh = meshGrid(grid, { ...all, low: [0, 0, 3], high: [200, 200, 5] });
  assert.equal(mesh.quads, 6);
  assert.ok(faces(mesh).every((face) => face.low[2] >= 3 && face.high[2] <= 5));
});

test('faces cover the same area as face by face, on a random grid', () => {
  const grid = emptyGrid();
  let state = 1;
  for (let x = 0; x < 24; ++x)
    for (let y = 0; y < 24; ++y)
      for (let z = 0; z < 16; ++z) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        if (state >>> 30 === 0) grid[at(x, y, z)] = (state >>> 16) % 3;
      }
  let expected = 0;
  const solid = (x: number, y: number, z: number): boolean =>
    x >= 0 && y >= 0 && z >= 0 && x < 200 && y < 200 && z < 16 && grid[at(x, y, z)] !== free;
  for (let x = 0; x < 24; ++x)
    for (let y = 0; y < 24; ++y)
      for (let z = 0; z < 16; ++z)
        if (solid(x, y, z))
          for (const [i, j, k] of [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
            if (!solid(x + i, y + j, z + k)) ++expected;
  const covered = faces(meshGrid(grid, all)).reduce((sum, face) => sum + face.area, 0);
  assert.equal(covered, expected);
});

test('corners by a wall are darker, and the shade is merged along it', () => {
  const grid = emptyGrid();
  for (let x = 0; x < 10; ++x) {
    for (let y = 0; y < 10; ++y) grid[at(x, y, 0)] = 11;
    grid[at(x, 9, 1)] = 15;
  }
  const mesh = meshGrid(grid, all);
  const beside = faces(mesh).filter(
    (face) => face.axis === 2 && face.side === 1 && face.label === 11 && face.high[1] === 9,
  );
  // The row by the wall: one face but for its two ends, where the wall has no corner neighbour.
  assert.deepEqual(beside.map((face) => face.area).sort(), [1, 1, 8]);
  const long = beside.find((face) => face.area === 8);
  // Two of the three voxels that meet at a corner by the wall are solid.
  assert.deepEqual([...(long?.shades ?? [])].sort(), [1, 1, 3, 3]);
});

test('a corner between two walls is darkest', () => {
  const grid = emptyGrid();
  for (const [x, y] of [[5, 5], [4, 5], [5, 4]]) grid[at(x, y, 0)] = 11;
  for (const [x, y] of [[4, 5], [5, 4]]) grid[at(x, y, 1)] = 15;
  const ground = faces(meshGrid(grid, all)).find(
    (face) => face.axis === 2 && face.side === 1 && face.low[0] === 5 && face.low[1] === 5,
  );
  assert.deepEqual([...(ground?.shades ?? [])].sort(), [0, 2, 2, 3]);
});

test('differences are told apart', () => {
  const truth = new Uint8Array([free, free, 4, 4, 4]);
  const shown = new Uint8Array([free, 4, free, 4, 5]);
  assert.deepEqual(
    [...compareGrids(truth, shown)],
    [free, difference.invented, difference.missed, difference.same, difference.otherClass],
  );
  // Class 4: one of four in common; class 5: none of one. Occupied: two of four.
  const { miou, iou } = agreement(truth, shown);
  assert.equal(iou, 0.5);
  assert.equal(miou, (1 / 4 + 0) / 2);
});
