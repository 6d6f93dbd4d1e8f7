// The ways that a frame has: where the car went, and where each run would go.
import { cssValue } from './dom';
import { wayOfPlan } from './projection';
import type { Shown } from './store';
import type { WayPoint } from './types';

export interface NamedWay {
  who: 'truth' | 'a' | 'b';
  way: WayPoint[];
  colour: string;
}

export function waysOf(shown: Shown): NamedWay[] {
  const ways: NamedWay[] = [];
  if (shown.frame.way.future.length > 1)
    ways.push({ who: 'truth', way: shown.frame.way.future, colour: cssValue('--truth') });
  for (const who of ['a', 'b'] as const) {
    const plan = shown[who]?.trajectory;
    if (plan) ways.push({ who, way: wayOfPlan(plan), colour: cssValue(`--run-${who}`) });
  }
  return ways;
}
