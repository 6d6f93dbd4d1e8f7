// Occupancy as a surface: faces between voxels that are shown and those that are not, neighbours that
// look the same merged into one rectangle (greedy meshing), with the shade that corners have.
import { size } from './grid';
import { free } from './palette';

export interface MeshOptions {
  /** By label: 1 = not drawn. */
  hidden: Uint8Array;
  /** Voxels from `low` up to but not including `high` are drawn, along each axis. */
  low: readonly [number, number, number];
  high: readonly [number, number, number];
}

export interface Mesh {
  /** 8 bytes a vertex: x, y, z in voxels, 0, label, face (axis * 2 + side), shade 0 to 3, 0. */
  vertices: Uint8Array;
  /** Four vertices each. */
  quads: number;
}

const bytesPerVertex = 8;

/** Faces of the grid. Everything beyond the drawn part counts as empty: a slice shows its inside. */
export function meshGrid(grid: Uint8Array, options: MeshOptions): Mesh {
  return new Mesher(grid, options).run();
}

class Mesher {
  private readonly solid: Uint8Array; // Labels + 1 of what is drawn, else 0; one voxel of border.
  private readonly stride: [number, number, number];
  private out = new Uint8Array(1 << 20);
  private used = 0;

  constructor(grid: Uint8Array, options: MeshOptions) {
    const [nx, ny, nz] = size;
    this.stride = [(ny + 2) * (nz + 2), nz + 2, 1];
    this.solid = new Uint8Array((nx + 2) * (ny + 2) * (nz + 2));
    const [lowX, lowY, lowZ] = options.low;
    const [highX, highY, highZ] = options.high;
    for (let x = lowX; x < highX; ++x) {
      for (let y = lowY; y < highY; ++y) {
        const from = (x * ny + y) * nz;
        const to = (x + 1) * this.stride[0] + (y + 1) * this.stride[1] + 1;
        for (let z = lowZ; z < highZ; ++z) {
          const label = grid[from + z];
          if (label !== free && options.hidden[label] === 0) this.solid[to + z] = label + 1;
        }
      }
    }
  }

  run(): Mesh {
    for (let axis = 0; axis < 3; ++axis) {
      this.sweep(axis, 0);
      this.sweep(axis, 1);
    }
    return {
      vertices: this.out.slice(0, this.used),
      quads: this.used / (4 * bytesPerVertex),
    };
  }

  // All faces that look along one axis, to its low (side 0) or high (side 1) end.
  private sweep(axis: number, side: number): void {
    const u = (axis + 1) % 3;
    const v = (axis + 2) % 3;
    const [nu, nv, layers] = [size[u], size[v], size[axis]];
    const [su, sv, sa] = [this.stride[u], this.stride[v], this.stride[axis]];
    const outward = side === 1 ? sa : -sa;
    const keys = new Int32Array(nu * nv);
    const solid = this.solid;
    for (let layer = 0; layer < layers; ++layer) {
      let any = false;
      const base = (layer + 1) * sa + su + sv;
      for (let j = 0; j < nv; ++j) {
        let at = base + j * sv;
        for (let i = 0; i < nu; ++i, at += su) {
          const label = solid[at];
          if (label === 0 || solid[at + outward] !== 0) {
            keys[j * nu + i] = 0;
            continue;
          }
          any = true;
          keys[j * nu + i] = label | (this.shades(at + outward, su, sv) << 8);
        }
      }
      if (any) this.merge(keys, nu, nv, axis, side, layer);
    }
  }

  // Two bits for each corner (-u-v, +u-v, +u+v, -u+v): how many of the three voxels that meet it in
  // front of the face are empty, 0 when both beside it are solid.
  private shades(front: number, su: number, sv: number): number {
    const s = this.solid;
    const left = s[front - su] !== 0 ? 1 : 0;
    const right = s[front + su] !== 0 ? 1 : 0;
    const below = s[front - sv] !== 0 ? 1 : 0;
    const above = s[front + sv] !== 0 ? 1 : 0;
    if ((left | right | below | above) === 0) {
      const a = s[front - su - sv] !== 0 ? 2 : 3;
      const b = s[front + su - sv] !== 0 ? 2 : 3;
      const c = s[front + su + sv] !== 0 ? 2 : 3;
      const d = s[front - su + sv] !== 0 ? 2 : 3;
      return a | (b << 2) | (c << 4) | (d << 6);
    }
    const corner = (first: number, second: number, diagonal: number): number =>
      first + second === 2 ? 0 : 3 - first - second - (s[diagonal] !== 0 ? 1 : 0);
    return (
      corner(left, below, front - su - sv) |
      (corner(right, below, front + su - sv) << 2) |
      (corner(right, above, front + su + sv) << 4) |
      (corner(left, above, front - su + sv) << 6)
    );
  }

  // Faces of one layer: runs along u, then rows of equal runs along v. A face grows along an axis only
  // if its shade does not change along it, so that the merged face looks exactly like its parts.
  private merge(
    keys: Int32Array,
    nu: number,
    nv: number,
    axis: number,
    side: number,
    layer: number,
  ): void {
    for (let j = 0; j < nv; ++j) {
      for (let i = 0; i < nu; ) {
        const key = keys[j * nu + i];
        if (key === 0) {
          ++i;
          continue;
        }
        const shade = key >> 8;
        const [a, b, c, d] = [shade & 3, (shade >> 2) & 3, (shade >> 4) & 3, (shade >> 6) & 3];
        let width = 1;
        if (a === b && c === d) while (i + width < nu && keys[j * nu + i + width] === key) ++width;
        let height = 1;
        if (a === d && b === c) {
          while (j + height < nv && this.rowIs(keys, (j + height) * nu + i, width, key)) ++height;
        }
        for (let row = j; row < j + height; ++row)
          keys.fill(0, row * nu + i, row * nu + i + width);
        this.emit(axis, side, layer, i, j, width, height, key);
        i += width;
      }
    }
  }

  private rowIs(keys: Int32Array, start: number, width: number, key: number): boolean {
    for (let index = start; index < start + width; ++index) if (keys[index] !== key) return false;
    return true;
  }

  private emit(
    axis: number,
    side: number,
    layer: number,
    i: number,
    j: number,
    width: number,
    height: number,
    key: number,
  ): void {
    if (this.used + 4 * bytesPerVertex > this.out.length) {
      const larger = new Uint8Array(this.out.length * 2);
      larger.set(this.out);
      this.out = larger;
    }
    const shade = key >> 8;
    const shades = [shade & 3, (shade >> 2) & 3, (shade >> 4) & 3, (shade >> 6) & 3];
    const u = (axis + 1) % 3;
    const v = (axis + 2) % 3;
    // Counter-clockwise as seen from outside; the diagonal runs so that the shade's kink is least.
    const turned = shades[0] + shades[2] < shades[1] + shades[3];
    const order = side === 1 ? [0, 1, 2, 3] : [0, 3, 2, 1];
    const first = turned ? 1 : 0;
    for (let step = 0; step < 4; ++step) {
      const corner = order[(step + first) % 4];
      const at = this.used;
      this.out[at + axis] = layer + side;
      this.out[at + u] = i + (corner === 1 || corner === 2 ? width : 0);
      this.out[at + v] = j + (corner >= 2 ? height : 0);
      this.out[at + 4] = (key & 255) - 1;
      this.out[at + 5] = axis * 2 + side;
      this.out[at + 6] = shades[corner];
      this.used += bytesPerVertex;
    }
  }
}
