// A frame in words: meta action with its evidence, chain of thought, latency, questions.
import { clear, el } from '../dom';
import type { Shown, Store } from '../store';
import type { Evidence, Prediction, Question, Timings } from '../types';

const phases: [keyof Timings, string][] = [
  ['image_ms', 'images'],
  ['vision_ms', 'vision'],
  ['prefill_ms', 'prefill'],
  ['prompt_ms', 'prompt'],
  ['decode_ms', 'decode'],
  ['occupancy_ms', 'occupancy'],
  ['planner_ms', 'planner'],
];

/** One of up to three columns: the label, and what the runs say. */
interface Said {
  who: 'truth' | 'a' | 'b';
  name: string;
  prediction: Prediction | null;
}

export class FramePanel {
  readonly element = el('div', {});
  /** Asks the model a question of the data set. */
  onAsk: (question: string) => void = () => {};

  constructor(private readonly store: Store) {
    store.shown.listen((shown) => this.show(shown));
  }

  private show(shown: Shown): void {
    const said: Said[] = (['a', 'b'] as const)
      .map((who): Said => ({
        who,
        name: (who === 'a' ? this.store.runA : this.store.runB) ?? '',
        prediction: shown[who],
      }))
      .filter((one) => one.name !== '');
    clear(
      this.element,
      facts(shown),
      metaActions(shown, said),
      shown.frame.evidence ? evidence(shown.frame.evidence) : noEvidence(shown),
      words(shown, said),
      latency(said),
      this.questions(shown, said),
    );
  }

  private questions(shown: Shown, said: Said[]): HTMLElement | null {
    const { questions } = shown.frame;
    if (questions.length === 0) return null;
    const answers = said.map(({ prediction }) => answersTo(questions, prediction?.answers ?? []));
    const rows = questions.map((one, index) =>
      el(
        'li',
        {},
        el('button', {
          type: 'button',
          className: 'link',
          textContent: one.question,
          title: 'Ask the model',
          on: { click: () => this.onAsk(one.question) },
        }),
        el(
          'div',
          { className: 'replies' },
          reply('truth', 'Truth', one.answer, ''),
          ...said.map(({ who, name }, order) => {
            const answer = answers[order][index];
            return answer === undefined
              ? null
              : reply(who, name, answer, sameAnswer(answer, one.answer) ? 'good' : 'bad');
          }),
        ),
      ),
    );
    return section(`Questions (${questions.length})`, el('ul', { className: 'questions' }, ...rows));
  }
}

function reply(who: string, name: string, text: string, verdict: string): HTMLElement {
  return el(
    'span',
    {},
    el('span', { className: `who ${who}`, textContent: name }),
    ' ',
    el('span', { className: verdict, textContent: text }),
  );
}

function sameAnswer(said: string, truth: string): boolean {
  return said.trim().toLowerCase() === truth.trim().toLowerCase();
}

/**
 * A run's answers beside the questions that it was asked: all of the frame, or only those of
 * NuScenes-QA where the data set was opened with more. Nothing where neither fits.
 */
export function answersTo(questions: Question[], answers: string[]): (string | undefined)[] {
  const asked = questions.map((one) => one.kind.startsWith('nuscenes-qa/'));
  if (answers.length === questions.length) return answers;
  if (answers.length !== asked.filter(Boolean).length) return questions.map(() => undefined);
  let next = 0;
  return asked.map((was) => (was ? answers[next++] : undefined));
}

export function section(title: string, ...children: (Node | string | null)[]): HTMLElement {
  return el('section', { className: 'block' }, el('h3', { textContent: title }), ...children);
}

function facts({ frame }: Shown): HTMLElement {
  const speed = frame.velocity_E ? Math.hypot(...frame.velocity_E) : null;
  const rows: [string, string][] = [
    ['Scene', `${frame.scene}${frame.place.description ? ` · ${frame.place.description}` : ''}`],
    ['Place', frame.location],
    ['Time', frame.utc],
    ['Speed', speed === null ? 'unknown' : `${speed.toFixed(1)} m/s`],
    ['Boxes', String(frame.boxes.length)],
  ];
  return el(
    'dl',
    { className: 'facts' },
    ...rows.flatMap(([name, value]) => [
      el('dt', { textContent: name }),
      el('dd', { textContent: value || '–' }),
    ]),
    el('dt', { textContent: 'Token' }),
    el('dd', {}, el('code', { textContent: frame.token })),
  );
}

function metaActions({ frame }: Shown, said: Said[]): HTMLElement {
  const row = (who: string, name: string, action: string | null, flags: string[]): HTMLElement => {
    const verdict =
      who === 'truth' || !frame.meta_action || !action
        ? null
        : action === frame.meta_action
          ? el('span', { className: 'mark good', textContent: '✓', aria: { label: 'right' } })
          : el('span', { className: 'mark bad', textContent: '✗', aria: { label: 'wrong' } });
    return el(
      'div',
      { className: 'action-row' },
      el('span', { className: `who ${who}`, textContent: name }),
      el('span', { className: 'action', textContent: action ?? 'not labelled' }),
      verdict,
      ...flags.map((flag) =>
        el('span', { className: 'flag', textContent: flag.replaceAll('_', ' ') }),
      ),
    );
  };
  return section(
    'Meta action',
    row('truth', 'Truth', frame.meta_action, []),
    ...said.map((one) =>
      row(one.who, one.name, one.prediction?.meta_action ?? null, one.prediction?.flags ?? []),
    ),
  );
}

function noEvidence({ frame }: Shown): HTMLElement | null {
  if (!frame.meta_action) return null;
  return el(
    'p',
    { className: 'note' },
    'No evidence lies beside the labels; ',
    el('code', { textContent: 'occvla label meta-actions' }),
    ' writes it.',
  );
}

function evidence(evidence: Evidence): HTMLElement {
  const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
  const lanes = evidence.lanes.filter((lane) => lane !== null).length;
  const rows: [string, string][] = [
    ['Rule', evidence.rule + (evidence.fallback ? ` (${evidence.fallback})` : '')],
    [
      'Confidence',
      `${percent(evidence.confidence)}: velocity ${percent(evidence.velocity_confidence)}, ` +
        `direction ${percent(evidence.direction_confidence)}`,
    ],
    ['Speeds', `${evidence.speeds.map((speed) => speed.toFixed(1)).join(', ')} m/s`],
    ['Acceleration', `${evidence.acceleration.toFixed(2)} m/s²`],
    ['Turn', `${evidence.yaw_change_deg.toFixed(1)}°`],
    ['End', `${evidence.end_E[0].toFixed(1)} m ahead, ${evidence.end_E[1].toFixed(1)} m left`],
    ['Lanes', `${lanes} of ${evidence.lanes.length} poses on one`],
  ];
  if (evidence.lane_shift !== null)
    rows.push(['Lane shift', `${evidence.lane_shift.toFixed(1)} m to the left`]);
  if (evidence.connector) rows.push(['Connector', evidence.connector]);
  return section(
    'Evidence',
    el(
      'dl',
      { className: 'facts' },
      ...rows.flatMap(([name, value]) => [
        el('dt', { textContent: name }),
        el('dd', { textContent: value }),
      ]),
    ),
  );
}

function words({ frame }: Shown, said: Said[]): HTMLElement | null {
  const cards: HTMLElement[] = [];
  const chain = frame.chain_of_thought;
  if (chain) {
    const text = `Scene: ${chain.scene}\nIntent: ${chain.intent}\nMeta action: ${chain.meta_action}`;
    cards.push(card('truth', `Truth (${chain.maker})`, text));
  }
  for (const one of said)
    if (one.prediction?.text) cards.push(card(one.who, one.name, one.prediction.text));
  return cards.length > 0 ? section('Chain of thought', ...cards) : null;
}

/** A text of "Name: ..." lines with the names set apart. */
export function card(who: string, name: string, text: string): HTMLElement {
  const lines = text.split('\n').map((line) => {
    const parts = /^(Scene|Intent|Meta action): ?(.*)$/.exec(line);
    return parts
      ? el('p', {}, el('strong', { textContent: `${parts[1]} ` }), parts[2])
      : el('p', { textContent: line });
  });
  return el(
    'article',
    { className: `card ${who}` },
    el('span', { className: `who ${who}`, textContent: name }),
    ...lines,
  );
}

function latency(said: Said[]): HTMLElement | null {
  const timed = said.flatMap(({ who, name, prediction }) =>
    prediction?.timings ? [{ who, name, timings: prediction.timings }] : [],
  );
  if (timed.length === 0) return null;
  const longest = Math.max(...timed.map((one) => one.timings.total_ms));
  return section(
    'Latency',
    ...timed.map(({ who, name, timings }) => timingBar(who, name, timings, longest)),
    phaseKey(),
  );
}

/** Where the time went, phase by phase; as long as its share of the longest. */
export function timingBar(
  who: string,
  name: string,
  timings: Timings,
  longest: number,
): HTMLElement {
  const text = phases
    .map(([key, phase]) => `${phase} ${Number(timings[key]).toFixed(1)} ms`)
    .join(', ');
  return el(
    'div',
    { className: 'timing' },
    el(
      'div',
      { className: 'timing-head' },
      el('span', { className: `who ${who}`, textContent: name }),
      el('span', {
        textContent: `${timings.total_ms.toFixed(0)} ms, ${timings.new_tokens} tokens`,
      }),
    ),
    el(
      'div',
      { className: 'timing-bar', role: 'img', title: text, aria: { label: text } },
      ...phases.map(([key], index) =>
        el('span', {
          className: `phase phase-${index}`,
          style: { width: `${(100 * Number(timings[key])) / Math.max(longest, 1)}%` },
        }),
      ),
    ),
  );
}

/** Which colour is which phase. */
export function phaseKey(): HTMLElement {
  return el(
    'div',
    { className: 'phase-key', aria: { hidden: 'true' } },
    ...phases.map(([, name], index) =>
      el('span', {}, el('i', { className: `phase phase-${index}` }), name),
    ),
  );
}
