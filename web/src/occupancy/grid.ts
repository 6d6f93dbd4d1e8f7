// The voxel grid: labels [200][200][16], first axis x, 0.4 m from (-40, -40, -1) m in E.
import { classNames, difference, free } from './palette';

export const size = [200, 200, 16] as const;
export const voxel = 0.4;
export const origin_E = [-40, -40, -1] as const;
export const count = size[0] * size[1] * size[2];

/** Where `shown` differs from `truth`, voxel by voxel; free where both are. */
export function compareGrids(truth: Uint8Array, shown: Uint8Array): Uint8Array {
  const result = new Uint8Array(truth.length);
  for (let index = 0; index < truth.length; ++index) {
    const a = truth[index];
    const b = shown[index];
    if (a === b) result[index] = a === free ? free : difference.same;
    else if (b === free) result[index] = difference.missed;
    else if (a === free) result[index] = difference.invented;
    else result[index] = difference.otherClass;
  }
  return result;
}

/** Voxels by label. */
export function countLabels(grid: Uint8Array): number[] {
  const counts = new Array<number>(difference.otherClass + 1).fill(0);
  for (const label of grid) ++counts[label];
  return counts;
}

/** Mean intersection over union of the classes that either grid has, and of occupied against free. */
export function agreement(truth: Uint8Array, shown: Uint8Array): { miou: number; iou: number } {
  const both = new Array<number>(free + 1).fill(0);
  const either = new Array<number>(free + 1).fill(0);
  let occupiedBoth = 0;
  let occupiedEither = 0;
  for (let index = 0; index < truth.length; ++index) {
    const a = truth[index];
    const b = shown[index];
    if (a === free && b === free) continue;
    ++occupiedEither;
    if (a !== free && b !== free) ++occupiedBoth;
    if (a === b) ++both[a];
    ++either[a];
    if (a !== b) ++either[b];
  }
  const ious = classNames
    .map((_, label) => (either[label] > 0 ? both[label] / either[label] : NaN))
    .filter((value) => !Number.isNaN(value));
  const sum = ious.reduce((total, value) => total + value, 0);
  return {
    miou: ious.length > 0 ? sum / ious.length : 0,
    iou: occupiedEither > 0 ? occupiedBoth / occupiedEither : 0,
  };
}
