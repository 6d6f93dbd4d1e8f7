// The metrics of the chosen runs, and the frames that are behind them.
import { clear, el } from '../dom';
import { addressOf, type Store } from '../store';
import { errorOf } from '../timeline';
import type { FrameMeasure, Metrics } from '../types';
import { section } from './frame';

const listed = 12;

interface Horizons {
  '1s': number;
  '2s': number;
  '3s': number;
  avg: number;
}
interface Planning {
  protocols: Record<string, { n: number; l2: Horizons; collision: Horizons }>;
}
interface Occupancy {
  camera: { miou: number; iou: Record<string, number | null> };
  rayiou?: { mean: number };
}
interface Qa {
  overall: number;
}
interface Meta {
  speed: number;
  direction: number;
  both: number;
}

export class MetricsPanel {
  readonly element = el('div', {});
  private worstBy = 'l2';

  constructor(private readonly store: Store) {
    store.choice.listen(() => this.draw());
    store.metricsReady.listen(() => this.draw());
    store.shown.listen(() => this.markCurrent());
    this.draw();
  }

  private draw(): void {
    const runs = [this.store.runA, this.store.runB].filter((run): run is string => run !== null);
    if (runs.length === 0) {
      clear(this.element, el('p', { className: 'note', textContent: 'Choose a run to see its metrics.' }));
      return;
    }
    const loaded = runs
      .map((run) => this.store.metrics.get(run))
      .filter((metrics): metrics is Metrics => metrics !== undefined);
    if (loaded.length === 0) {
      clear(this.element, el('p', { className: 'note', textContent: 'Measuring …' }));
      return;
    }
    clear(
      this.element,
      this.overview(loaded),
      this.worst(loaded[0]),
      this.planning(loaded),
      this.classes(loaded),
    );
    this.markCurrent();
  }

  private overview(runs: Metrics[]): HTMLElement {
    const rows: [string, (metrics: Metrics) => string][] = [
      ['L2 at 3 s, mean of frames', (one) => metres(mean(one.frames.map(errorAt3)))],
      ['Frames with a collision', (one) => share(one.frames.map((frame) => frame.collision))],
      ['Velocity right', (one) => share(one.frames.map((frame) => frame.velocity_right))],
      ['Direction right', (one) => share(one.frames.map((frame) => frame.direction_right))],
      ['Occupancy mIoU, camera', (one) => percent((one.reports['occupancy'] as Occupancy | undefined)?.camera.miou)],
      ['RayIoU', (one) => percent((one.reports['occupancy'] as Occupancy | undefined)?.rayiou?.mean)],
      ['Questions', (one) => percent((one.reports['qa'] as Qa | undefined)?.overall)],
      ['Meta action, both', (one) => percent((one.reports['meta_action'] as Meta | undefined)?.both)],
    ];
    return section(
      'Metrics',
      table(['', ...runs.map((one) => one.run)], rows.map(([name, value]) => [name, ...runs.map(value)])),
    );
  }

  private worst(metrics: Metrics): HTMLElement {
    const kinds: Record<string, [string, (frame: FrameMeasure) => number | null]> = {
      l2: ['Largest error of the plan', errorOf],
      collision: ['Collisions', (frame) => (frame.collision ? (errorOf(frame) ?? 0) : null)],
      off_road: ['Leaves the road', (frame) => (frame.off_road ? (errorOf(frame) ?? 0) : null)],
      action: [
        'Wrong meta action',
        (frame) =>
          frame.velocity_right === false || frame.direction_right === false
            ? Number(frame.velocity_right === false) + Number(frame.direction_right === false)
            : null,
      ],
    };
    const choose = el(
      'select',
      {
        aria: { label: 'Frames listed' },
        on: {
          change: () => {
            this.worstBy = choose.value;
            this.draw();
          },
        },
      },
      ...Object.entries(kinds).map(([value, [text]]) =>
        el('option', { value, textContent: text, selected: value === this.worstBy }),
      ),
    );
    const [, value] = kinds[this.worstBy];
    const frames = metrics.frames
      .map((frame) => ({ frame, value: value(frame) }))
      .filter((one): one is { frame: FrameMeasure; value: number } => one.value !== null)
      .sort((left, right) => right.value - left.value);
    const list = el(
      'ol',
      { className: 'frame-list' },
      ...frames.slice(0, listed).map(({ frame }) =>
        el(
          'li',
          {},
          el(
            'a',
            { href: addressOf(frame.token, this.store), data: { token: frame.token } },
            el('span', { textContent: placeOf(this.store, frame.token) }),
            el('span', { className: 'value', textContent: metres(errorOf(frame)) }),
          ),
        ),
      ),
    );
    return section(
      `Frames of ${metrics.run} to look at`,
      choose,
      frames.length > 0 ? list : el('p', { className: 'note', textContent: 'None.' }),
      frames.length > listed
        ? el('p', { className: 'muted', textContent: `and ${frames.length - listed} more` })
        : null,
    );
  }

  private planning(runs: Metrics[]): HTMLElement | null {
    const reports = runs.map((one) => one.reports['planning'] as Planning | undefined);
    const names = Object.keys(reports.find((one) => one !== undefined)?.protocols ?? {});
    if (names.length === 0) return null;
    const rows = names.map((name) => [
      name,
      ...reports.flatMap((report) => {
        const protocol = report?.protocols[name];
        if (!protocol || protocol.n === 0) return ['–', '–'];
        return [protocol.l2.avg.toFixed(2), (100 * protocol.collision.avg).toFixed(2)];
      }),
    ]);
    return section(
      'Planning by protocol',
      table(['', ...runs.flatMap((one) => [`${one.run}: L2, m`, 'collision, %'])], rows),
    );
  }

  private classes(runs: Metrics[]): HTMLElement | null {
    const reports = runs.map((one) => one.reports['occupancy'] as Occupancy | undefined);
    const names = Object.keys(reports.find((one) => one !== undefined)?.camera.iou ?? {});
    if (names.length === 0) return null;
    return section(
      'Occupancy IoU by class, camera mask',
      ...names.map((name) =>
        el(
          'div',
          { className: 'class-iou' },
          el('span', { textContent: name.replaceAll('_', ' ') }),
          el(
            'div',
            { className: 'iou-bars' },
            ...reports.map((report, index) =>
              el('span', {
                className: `iou-bar ${index === 0 ? 'a' : 'b'}`,
                style: { width: `${Math.max(0.5, 100 * (report?.camera.iou[name] ?? 0))}%` },
              }),
            ),
          ),
          el('span', {
            className: 'value',
            textContent: reports.map((report) => percent(report?.camera.iou[name])).join(' / '),
          }),
        ),
      ),
    );
  }

  private markCurrent(): void {
    const token = this.store.current?.frame.token;
    for (const link of this.element.querySelectorAll<HTMLElement>('a[data-token]')) {
      if (link.dataset['token'] === token) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  }
}

/** "scene-0061, frame 5". */
export function placeOf(store: Store, token: string): string {
  const scene = store.scene(token);
  return scene ? `${scene.name}, frame ${scene.frames.indexOf(token) + 1}` : token;
}

function errorAt3(frame: FrameMeasure): number | null {
  return frame.l2?.[5] ?? null;
}

function mean(values: (number | null)[]): number | null {
  const known = values.filter((value): value is number => value !== null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

function metres(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(2)} m`;
}

function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${(100 * value).toFixed(1)} %`;
}

function share(values: (boolean | null)[]): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return '–';
  return `${percent(known.filter(Boolean).length / known.length)} of ${known.length}`;
}

function table(head: string[], rows: string[][]): HTMLElement {
  return el(
    'table',
    { className: 'numbers' },
    el('thead', {}, el('tr', {}, ...head.map((text) => el('th', { textContent: text, scope: 'col' })))),
    el(
      'tbody',
      {},
      ...rows.map(([name, ...values]) =>
        el(
          'tr',
          {},
          el('th', { textContent: name, scope: 'row' }),
          ...values.map((value) => el('td', { textContent: value })),
        ),
      ),
    ),
  );
}
