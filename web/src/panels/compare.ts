// Two runs over the same frames, those first where they differ most.
import { clear, el } from '../dom';
import { addressOf, textOf, type Store } from '../store';
import type { Comparison, Difference } from '../types';
import { section } from './frame';
import { placeOf } from './metrics';

const kinds: Record<string, string> = {
  plan: 'planned path',
  action: 'meta action',
  text: 'words',
  voxels: 'occupancy',
};
const listed = 60;

export class ComparePanel {
  readonly element = el('div', {});
  private by = 'plan';
  private comparison: Comparison | null = null;
  private generation = 0;

  constructor(private readonly store: Store) {
    store.choice.listen(() => void this.load());
    store.shown.listen(() => this.markCurrent());
    this.note('Choose two runs above to see where they differ most.');
  }

  private note(text: string): void {
    clear(this.element, el('p', { className: 'note', textContent: text }));
  }

  private async load(): Promise<void> {
    const generation = ++this.generation;
    const { runA, runB } = this.store;
    this.comparison = null;
    if (!runA || !runB) return this.note('Choose two runs above to see where they differ most.');
    this.note('Comparing …');
    try {
      const comparison = await this.store.api.compare(runA, runB, this.by);
      if (generation !== this.generation) return;
      this.comparison = comparison;
      this.draw(comparison);
    } catch (error) {
      if (generation === this.generation) this.note(textOf(error));
    }
  }

  private draw(comparison: Comparison): void {
    const choose = el(
      'select',
      {
        id: 'compare-by',
        on: {
          change: () => {
            this.by = choose.value;
            void this.load();
          },
        },
      },
      ...Object.entries(kinds).map(([value, textContent]) =>
        el('option', { value, textContent, selected: value === this.by }),
      ),
    );
    const step = (text: string, by: number): HTMLElement =>
      el('button', { type: 'button', textContent: text, on: { click: () => this.step(by) } });
    const { frames } = comparison;
    clear(
      this.element,
      el(
        'div',
        { className: 'compare-head' },
        el('label', { htmlFor: 'compare-by', textContent: 'Most different first, by' }),
        choose,
        step('Previous', -1),
        step('Next', 1),
      ),
      section(
        `${frames.length} frames that both have`,
        el(
          'ol',
          { className: 'frame-list differences' },
          ...frames.slice(0, listed).map((one) => this.row(one)),
        ),
        frames.length > listed
          ? el('p', { className: 'muted', textContent: `and ${frames.length - listed} more` })
          : null,
      ),
    );
    this.markCurrent();
  }

  private row(one: Difference): HTMLElement {
    const most = this.comparison?.frames[0]?.difference || 1;
    return el(
      'li',
      {},
      el(
        'a',
        { href: addressOf(one.token, this.store), data: { token: one.token } },
        el('span', { textContent: placeOf(this.store, one.token) }),
        one.action_differs ? el('span', { className: 'flag', textContent: 'other action' }) : null,
        el('span', { className: 'value', textContent: valueText(one, this.by) }),
        el('i', {
          className: 'amount',
          style: { width: `${(100 * (one.difference ?? 0)) / most}%` },
        }),
      ),
    );
  }

  private step(by: number): void {
    const frames = this.comparison?.frames ?? [];
    const at = frames.findIndex((one) => one.token === this.store.current?.frame.token);
    const next = frames[at < 0 ? 0 : at + by];
    if (next) void this.store.show(next.token);
  }

  private markCurrent(): void {
    const token = this.store.current?.frame.token;
    for (const link of this.element.querySelectorAll<HTMLElement>('a[data-token]')) {
      if (link.dataset['token'] === token) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  }
}

function valueText(one: Difference, by: string): string {
  if (by === 'action' || by === 'plan')
    return one.plan_m === null ? '–' : `${one.plan_m.toFixed(2)} m`;
  if (by === 'text') return `${(100 * one.text).toFixed(0)} % of the words`;
  return one.voxels === null ? '–' : `${(100 * one.voxels).toFixed(1)} % of the voxels`;
}
