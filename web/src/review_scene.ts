// The key frame from above within its whole scene: map, boxes, the way that the car came and went, and a
// dot for each key frame of the scene in the colour of what was decided about it.
import { areaColour, mapColour } from './cameras';
import { cssValue, el, fitCanvas, onResize } from './dom';
import { lineColour } from './occupancy/palette';
import type { Sight } from './review_desk';
import type { ReviewItem } from './review_types';
import type { Box, MapArea, WayPoint } from './types';

const near = 45; // Metres from the car to the upper border.

export class ReviewScene {
  readonly element: HTMLElement;
  private readonly canvas = el('canvas', { role: 'img', aria: { label: 'Scene from above' } });
  private readonly range: HTMLButtonElement;
  private sight: Sight | null = null;
  private verdicts = new Map<number, ReviewItem>();
  private whole = false;
  private to: (x_E: number, y_E: number) => [number, number] = () => [0, 0];
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
    this.map(context);
    for (const box of frame.boxes) this.box(context, box);
    this.route(context);
    this.way(context, frame.way.past, cssValue('--past'), 3);
    this.way(context, frame.way.future, cssValue('--truth'), 5);
    this.car(context);
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

  private path(context: CanvasRenderingContext2D, points_E: ArrayLike<number>[]): void {
    points_E.forEach((point, index) => {
      const [x, y] = this.to(point[0] as number, point[1] as number);
      if (index === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
  }

  private area(context: CanvasRenderingContext2D, area: MapArea): void {
    context.beginPath();
    for (const ring of area.rings_E) {
      this.path(context, ring);
      context.closePath();
    }
    context.fill('evenodd');
  }

  private map(context: CanvasRenderingContext2D): void {
    if (!this.sight) return;
    const grounds: Record<string, string> = {
      drivable_area: cssValue('--road'),
      carpark_area: cssValue('--carpark'),
      walkway: cssValue('--walkway'),
    };
    const { areas, lines } = this.sight.frame.map;
    for (const area of areas) {
      const ground = grounds[area.layer];
      context.fillStyle = ground ?? areaColour(area.layer);
      context.globalAlpha = ground ? 1 : 0.45;
      this.area(context, area);
    }
    context.globalAlpha = 1;
    for (const line of lines) {
      const centre = line.kind === 'centreline';
      context.strokeStyle = centre ? cssValue('--centreline') : mapColour(line.kind);
      context.lineWidth = centre ? 0.8 : 1.2;
      context.setLineDash(centre ? [2, 4] : []);
      context.beginPath();
      this.path(context, line.points_E);
      context.stroke();
    }
    context.setLineDash([]);
  }

  private box(context: CanvasRenderingContext2D, box: Box): void {
    context.strokeStyle = context.fillStyle = lineColour(box.class);
    context.lineWidth = 1.3;
    context.beginPath();
    this.path(
      context,
      [2, 3, 7, 6].map((corner) => box.corners_E[corner] as ArrayLike<number>),
    );
    context.closePath();
    context.globalAlpha = 0.3;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
    const [vx, vy] = box.velocity_E ?? [0, 0];
    if (Math.hypot(vx, vy) < 0.3) return;
    const [x, y] = box.centre_E;
    context.beginPath();
    this.path(context, [
      [x, y],
      [x + vx, y + vy],
    ]);
    context.stroke();
  }

  private route(context: CanvasRenderingContext2D): void {
    if (!this.sight) return;
    const { item } = this.sight;
    const known = item.route.filter((point) => point !== null);
    context.strokeStyle = cssValue('--muted');
    context.lineWidth = 1;
    context.beginPath();
    this.path(context, known);
    context.stroke();
    item.route.forEach((point, index) => {
      if (!point || index === item.index) return;
      const verdict = this.verdicts.get(index)?.verdict;
      context.fillStyle = cssValue(
        verdict === 'accept' ? '--good' : verdict === 'change' ? '--warn' : '--muted',
      );
      const [x, y] = this.to(point[0], point[1]);
      context.beginPath();
      context.arc(x, y, 3, 0, 2 * Math.PI);
      context.fill();
    });
  }

  private way(
    context: CanvasRenderingContext2D,
    way: WayPoint[],
    colour: string,
    width: number,
  ): void {
    if (way.length < 2) return;
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    this.path(context, way);
    context.stroke();
    context.font = '600 12px system-ui, sans-serif';
    context.textAlign = 'left';
    for (const second of [1, 2, 3]) {
      const at = way.find((point) => point[3] >= second - 0.05);
      if (!at) continue;
      const [x, y] = this.to(at[0], at[1]);
      context.beginPath();
      context.arc(x, y, width + 1, 0, 2 * Math.PI);
      context.fill();
      context.fillText(`${second} s`, x + width + 5, y + 4);
    }
  }

  private car(context: CanvasRenderingContext2D): void {
    context.fillStyle = cssValue('--car');
    const [ahead, behind, side] = [3.53, -0.56, 0.865];
    context.beginPath();
    this.path(context, [
      [ahead, 0],
      [ahead - 0.9, side],
      [behind, side],
      [behind, -side],
      [ahead - 0.9, -side],
    ]);
    context.closePath();
    context.fill();
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
