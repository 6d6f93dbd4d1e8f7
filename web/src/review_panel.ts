// What is proposed and why, what shall hold instead, and what was said before.
import { clear, el } from './dom';
import type { Sight } from './review_desk';
import { directions, velocities } from './review_types';
import type { Evidence } from './types';

type Part = 'velocity' | 'direction';

export class ReviewPanel {
  readonly element: HTMLElement;
  readonly comment: HTMLTextAreaElement;
  onConfirm: () => void = () => undefined;
  onComment: () => void = () => undefined;

  private readonly proposed = el('p', { className: 'proposed', id: 'proposed' });
  private readonly state = el('p', { className: 'state' });
  private readonly evidence = el('dl', { className: 'evidence' });
  private readonly history = el('ol', { className: 'history' });
  private readonly choices: Record<Part, HTMLButtonElement[]> = { velocity: [], direction: [] };
  private readonly confirm: HTMLButtonElement;
  private chosen: Record<Part, string> = { velocity: '', direction: '' };
  private proposal = '';

  constructor() {
    this.comment = el('textarea', {
      id: 'comment',
      rows: 2,
      maxLength: 1000,
      aria: { keyshortcuts: 'M' },
    });
    this.confirm = el('button', {
      type: 'button',
      className: 'primary confirm',
      aria: { keyshortcuts: 'Enter' },
      on: { click: () => this.onConfirm() },
    });
    this.element = el(
      'section',
      { className: 'panel review-panel', aria: { label: 'Proposed meta action' } },
      el('div', { className: 'said' }, el('h2', { textContent: 'Proposed' }), this.proposed, this.state),
      this.group('velocity', 'Speed', velocities, 1),
      this.group('direction', 'Way', directions, 1 + velocities.length),
      this.confirm,
      el('h3', { textContent: 'Evidence' }),
      this.evidence,
      el(
        'div',
        { className: 'remark' },
        el('label', { htmlFor: 'comment', textContent: 'Comment (M)' }),
        el('button', {
          type: 'button',
          className: 'small',
          textContent: 'Keep the comment alone',
          on: { click: () => this.onComment() },
        }),
        this.comment,
      ),
      el('h3', { textContent: 'Said before' }),
      this.history,
    );
  }

  /** The label that the person has put together. */
  get label(): string {
    return `${this.chosen.velocity}, ${this.chosen.direction}`;
  }
  get changed(): boolean {
    return this.label !== this.proposal;
  }

  show({ item }: Sight): void {
    this.proposal = item.proposed;
    this.proposed.textContent = item.proposed;
    this.state.textContent =
      item.verdict === 'undecided'
        ? 'Nobody has decided yet.'
        : item.verdict === 'accept'
          ? `Accepted by ${item.who ?? ''}.`
          : `Changed to ${item.label} by ${item.who ?? ''}.`;
    this.state.className = `state ${item.verdict}`;
    this.comment.value = '';
    clear(this.evidence, ...evidenceRows(item.evidence));
    clear(
      this.history,
      ...[...item.history].reverse().map((record) =>
        el(
          'li',
          {},
          el('strong', { textContent: record.who }),
          ` ${record.changed_to ? `changed to ${record.changed_to}` : past[record.verdict]}`,
          record.comment ? `: ${record.comment}` : '',
          el('span', { className: 'when', textContent: record.when.slice(0, 16).replace('T', ' ') }),
        ),
      ),
    );
    this.set(item.label);
  }

  /** Back to the proposal. */
  reset(): void {
    this.set(this.proposal);
  }

  /** Keys 1 to 9: three speeds, then six ways. */
  choose(number: number): void {
    const velocity = velocities[number - 1];
    const direction = directions[number - 1 - velocities.length];
    if (velocity) this.chosen.velocity = velocity;
    else if (direction) this.chosen.direction = direction;
    this.update();
  }

  private set(label: string): void {
    const comma = label.indexOf(', ');
    this.chosen = { velocity: label.slice(0, comma), direction: label.slice(comma + 2) };
    this.update();
  }

  private update(): void {
    for (const part of ['velocity', 'direction'] as const)
      for (const button of this.choices[part]) {
        const on = button.dataset['name'] === this.chosen[part];
        button.setAttribute('aria-checked', String(on));
      }
    this.confirm.textContent = this.changed ? `Change to ${this.label}` : 'Accept';
    this.confirm.append(el('kbd', { textContent: 'Enter' }));
    this.confirm.classList.toggle('changes', this.changed);
  }

  private group(part: Part, title: string, names: readonly string[], first: number): HTMLElement {
    this.choices[part] = names.map((name, index) =>
      el(
        'button',
        {
          type: 'button',
          role: 'radio',
          data: { name },
          aria: { checked: 'false', keyshortcuts: String(first + index) },
          on: { click: () => this.choose(first + index) },
        },
        el('kbd', { textContent: String(first + index) }),
        name,
      ),
    );
    return el(
      'div',
      { className: 'choices', role: 'radiogroup', aria: { label: title } },
      el('h3', { textContent: title }),
      ...this.choices[part],
    );
  }
}

const past = { accept: 'accepted it', change: 'changed it', comment: 'said', undo: 'took it back' };

function evidenceRows(evidence: Evidence | null): HTMLElement[] {
  if (!evidence) return [el('dd', { className: 'muted', textContent: 'None is kept for this label.' })];
  const speeds = evidence.speeds.map((speed) => speed.toFixed(1)).join('  ');
  const rows: [string, string][] = [
    [
      'Confidence',
      `${percent(evidence.confidence)} (speed ${percent(evidence.velocity_confidence)}, ` +
        `way ${percent(evidence.direction_confidence)})`,
    ],
    ['Rule', evidence.rule + (evidence.fallback ? `, because ${evidence.fallback}` : '')],
    ['Speeds, m/s', speeds],
    ['Acceleration', `${evidence.acceleration.toFixed(2)} m/s²`],
    ['Turn', `${evidence.yaw_change_deg.toFixed(1)}°`],
    ['Shift', evidence.lane_shift === null ? 'not measured' : side(evidence.lane_shift)],
    ['Ends', `${evidence.end_E[0].toFixed(1)} m ahead, ${side(evidence.end_E[1])}`],
  ];
  return rows.flatMap(([name, value]) => [
    el('dt', { textContent: name }),
    el('dd', { textContent: value }),
  ]);
}

function side(metres_E: number): string {
  return `${Math.abs(metres_E).toFixed(1)} m to the ${metres_E >= 0 ? 'left' : 'right'}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
