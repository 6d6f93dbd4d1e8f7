// What /v1/review sends (docs/EXPORT.md).
import type { Evidence, Point2 } from './types';

export const velocities = ['Maintain speed', 'Accelerate', 'Decelerate'] as const;
export const directions = [
  'Go Straight',
  'Turn Left',
  'Turn Right',
  'Change Lane Left',
  'Change Lane Right',
  'Stop',
] as const;

export const filters = {
  undecided: 'Undecided',
  any: 'All',
  accepted: 'Accepted',
  changed: 'Changed',
  commented: 'With a comment',
} as const;
export type Filter = keyof typeof filters;

export type Verdict = 'accept' | 'change' | 'comment' | 'undo';

export interface ReviewItem {
  token: string;
  scene: string;
  index: number;
  proposed: string;
  verdict: 'undecided' | 'accept' | 'change';
  label: string; // What holds: the proposal, or what a person put in its place.
  who: string | null;
  comments: number;
}

export interface ReviewRecord {
  verdict: Verdict;
  proposed: string;
  changed_to?: string;
  comment?: string;
  who: string;
  when: string;
}

export interface ReviewDetail extends ReviewItem {
  frames: number;
  history: ReviewRecord[];
  evidence: Evidence | null;
  route: (Point2 | null)[]; // The car at the scene's key frames, in this one's E.
}

export interface Progress {
  keyframes: number;
  decided: number;
  accepted: number;
  changed: number;
  commented: number;
}

export interface ReviewPage {
  items: ReviewItem[];
  total: number;
  offset: number;
  progress: Progress;
}
