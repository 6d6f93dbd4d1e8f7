// Classes of the occupancy, and how they and their differences are coloured. The colours of the
// classes are those of occvla/view/palette.h.

export const classNames = [
  'others',
  'barrier',
  'bicycle',
  'bus',
  'car',
  'construction vehicle',
  'motorcycle',
  'pedestrian',
  'traffic cone',
  'trailer',
  'truck',
  'driveable surface',
  'other flat',
  'sidewalk',
  'terrain',
  'manmade',
  'vegetation',
] as const;

export const free = 17;

/** What a voxel is where two grids are compared. */
export const difference = { same: 18, missed: 19, invented: 20, otherClass: 21 } as const;

export const differenceNames: Record<number, string> = {
  [difference.same]: 'both agree',
  [difference.missed]: 'missed',
  [difference.invented]: 'invented',
  [difference.otherClass]: 'other class',
};

/** By class, then by kind of difference. */
export const colours: readonly string[] = [
  '#6b6b6b',
  '#708090',
  '#dc143c',
  '#ff7f50',
  '#ff9e00',
  '#e99646',
  '#ff3d63',
  '#0000e6',
  '#2f4f4f',
  '#ff8c00',
  '#ff6347',
  '#00cfbf',
  '#af004b',
  '#4b004b',
  '#70b43c',
  '#deb887',
  '#00af00',
  '#000000',
  '#8a939c',
  '#e5484d',
  '#3b82f6',
  '#f5b301',
];

/** A class's colour, lightened where it would drown on a dark ground. */
export function lineColour(index: number): string {
  const [r, g, b] = rgb(colours[index]);
  const brightness = (0.299 * r + 0.587 * g + 0.114 * b) / 255;
  if (brightness >= 0.42) return colours[index];
  const share = (0.42 - brightness) / (1 - brightness);
  const mixed = [r, g, b].map((value) => Math.round(value + (255 - value) * share));
  return `rgb(${mixed.join(',')})`;
}

export function rgb(colour: string): [number, number, number] {
  const value = parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
