// The key frame from above within its whole scene: map, boxes, the way that the car came and went, and a
// dot for each key frame of the scene in the colour of what was decided about it.
import { cssValue, el, fitCanvas, onResize } from './dom';
import { FromAbove, type Placement } from './from_above';
import type { Sight } from './review_desk';
import type { ReviewItem } from './review_types';

const near = 45; // Metres from the car to the upper border.

export class ReviewScene {
  readonly element: HTMLElement;
  private readonly canvas = el('canvas', { role: 'img', aria: { label: 'Scene from above' } });
  private readonly range: HTMLButtonElement;
  private sight: Sight | null = null;
  private verdicts = new Map<number, ReviewItem>();
  private whole = false;
  private to: Placement = () => [0, 0];
  private scale = 1; // Pixels a metre.

  constructor() {
    this.range = el('button', {
      type: 'button',
      className: 'small',
      aria: { pressed: 'false', keyshortcuts: 'W' },
      title: 'Show all of the way (W)',
      textContent: 'Whole scene',
      on: { click: () => this.toggleWhole() },
    });
    this.element = el(
      'section',
      { className: 'panel review-scene', aria: { label: 'Scene from above' } },
      el(
        'header',
        { className: 'panel-head' },
        el('h2', { textContent: 'From above' }),
        el('div', { className: 'tools' }, this.range),
      ),
      el('div', { className: 'canvas-box' }, this.canvas),
    );
    onResize(this.canvas, () => this.draw());
  }

  /** `items` are those of the list that are known; dots of others are grey. */
  show(sight: Sight, items: ReviewItem[]): void {
    this.sight = sight;
    this.verdicts = new Map(
      items.filter((item) => item.scene === sight.item.scene).map((item) => [item.index, item]),
    );
    this.canvas.setAttribute('aria-label', describe(sight));
    this.draw();
  }

  toggleWhole(): void {
    this.whole = !this.whole;
    this.range.setAttribute('aria-pressed', String(this.whole));
    this.draw();
  }

  draw(): void {
    const { context, width, height } = fitCanvas(this.canvas);
    context.fillStyle = cssValue('--well');
    context.fillRect(0, 0, width, height);
    if (!this.sight) return;
    this.place(width, height);
    context.lineJoin = context.lineCap = 'round';
    const { frame } = this.sight;
    const above = new FromAbove(context, this.to);
    above.map(frame.map);
    for (const box of frame.boxes) above.box(box);
    this.route(context, above);
    above.way(frame.way.past, cssValue('--past'), 3, true);
    above.way(frame.way.future, cssValue('--truth'), 5, true);
    above.car();
  }

  // Forward is up and left is left; the car is in the middle unless the whole way is to be seen.
  private place(width: number, height: number): void {
    let [low_x, high_x, low_y, high_y] = [-near * 0.6, near, -near, near];
    if (this.whole) {
      for (const point of this.sight?.item.route ?? []) {
        if (!point) continue;
        low_x = Math.min(low_x, point[0] - 15);
        high_x = Math.max(high_x, point[0] + 15);
        low_y = Math.min(low_y, point[1] - 15);
        high_y = Math.max(high_y, point[1] + 15);
      }
    }
    this.scale = Math.min(width / (high_y - low_y), height / (high_x - low_x));
    const [middle_x, middle_y] = [(low_x + high_x) / 2, (low_y + high_y) / 2];
    this.to = (x, y) => [
      width / 2 - (y - middle_y) * this.scale,
      height / 2 - (x - middle_x) * this.scale,
    ];
  }

  private route(context: CanvasRenderingContext2D, above: FromAbove): void {
    if (!this.sight) return;
    const { item } = this.sight;
    const known = item.route.filter((point) => point !== null);
    context.strokeStyle = cssValue('--muted');
    context.lineWidth = 1;
    above.line(known);
    item.route.forEach((point, index) => {
      if (!point || index === item.index) return;
      const verdict = this.verdicts.get(index)?.verdict;
      context.fillStyle = cssValue(
        verdict === 'accept' ? '--good' : verdict === 'change' ? '--warn' : '--muted',
      );
      above.dot(point, 3);
    });
  }
}

function describe({ item, frame }: Sight): string {
  const end = frame.way.future[frame.way.future.length - 1];
  const goes = end
    ? `; in 3 seconds the car goes ${end[0].toFixed(0)} m ahead and ` +
      `${Math.abs(end[1]).toFixed(1)} m to the ${end[1] >= 0 ? 'left' : 'right'}`
    : '';
  return (
    `Scene from above: ${item.scene}, key frame ${item.index + 1} of ${item.frames}, ` +
    `${frame.boxes.length} boxes${goes}`
  );
}
