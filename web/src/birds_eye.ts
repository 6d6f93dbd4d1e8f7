// The scene from above: forward is up, left is left.
import { areaColour, mapColour } from './cameras';
import { cssValue, el, fitCanvas, onResize } from './dom';
import type { Layers } from './layers';
import { lineColour } from './occupancy/palette';
import type { Shown, Store } from './store';
import type { Box, MapArea, Point3, WayPoint } from './types';
import { waysOf } from './ways';

const closest = 10;
const farthest = 60;

export class BirdsEye {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private shown: Shown | null = null;
  private radius = 42; // Metres from the car to the upper border.
  private to: (x_E: number, y_E: number) => [number, number] = () => [0, 0];
  private scale = 1; // Pixels a metre.

  constructor(
    store: Store,
    private readonly layers: Layers,
  ) {
    this.canvas = el('canvas', {
      tabIndex: 0,
      role: 'img',
      aria: { label: 'Scene from above; plus and minus change the scale' },
    });
    const zoom = (text: string, label: string, factor: number): HTMLElement =>
      el('button', {
        type: 'button',
        className: 'small',
        textContent: text,
        title: label,
        aria: { label },
        on: { click: () => this.zoom(factor) },
      });
    this.element = el(
      'section',
      { className: 'panel birds-eye', aria: { label: 'From above' } },
      el(
        'header',
        { className: 'panel-head' },
        el('h2', { textContent: 'From above' }),
        el('div', { className: 'tools' }, zoom('−', 'Show more', 1.25), zoom('+', 'Show less', 0.8)),
      ),
      el('div', { className: 'canvas-box' }, this.canvas),
    );
    this.canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.1 : 1 / 1.1);
    });
    this.canvas.addEventListener('keydown', (event) => {
      if (event.key === '+' || event.key === '=') this.zoom(0.8);
      else if (event.key === '-') this.zoom(1.25);
    });
    store.shown.listen((shown) => {
      this.shown = shown;
      this.draw();
    });
    layers.listen(() => this.draw());
    onResize(this.canvas, () => this.draw());
  }

  draw(): void {
    const { context, width, height } = fitCanvas(this.canvas);
    context.fillStyle = cssValue('--well');
    context.fillRect(0, 0, width, height);
    this.scale = Math.min(width, height) / 2 / this.radius;
    this.to = (x, y) => [width / 2 - y * this.scale, height / 2 - x * this.scale];
    if (!this.shown) return;
    context.lineJoin = context.lineCap = 'round';
    if (this.layers.has('map')) this.map(context);
    this.rings(context, width, height);
    if (this.layers.has('truth')) this.way(context, this.shown.frame.way.past, cssValue('--past'), 2);
    if (this.layers.has('boxes')) for (const box of this.shown.frame.boxes) this.box(context, box);
    for (const way of waysOf(this.shown)) {
      if (!this.layers.has(way.who === 'truth' ? 'truth' : 'plan')) continue;
      this.way(context, way.way, way.colour, way.who === 'truth' ? 5 : 2.5);
    }
    this.car(context);
    if (this.shown.frame.map.known) return;
    context.fillStyle = cssValue('--muted');
    context.textAlign = 'left';
    context.fillText('no map of this place', 10, height - 10);
  }

  private zoom(factor: number): void {
    this.radius = Math.min(farthest, Math.max(closest, this.radius * factor));
    this.draw();
  }

  private path(context: CanvasRenderingContext2D, points_E: ArrayLike<number>[]): void {
    points_E.forEach((point, index) => {
      const [x, y] = this.to(point[0], point[1]);
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
    if (!this.shown) return;
    const { areas, lines } = this.shown.frame.map;
    const fills: Record<string, string> = {
      drivable_area: cssValue('--road'),
      carpark_area: cssValue('--carpark'),
      walkway: cssValue('--walkway'),
    };
    for (const area of areas) {
      context.fillStyle = fills[area.layer] ?? areaColour(area.layer);
      context.globalAlpha = fills[area.layer] ? 1 : 0.45;
      this.area(context, area);
    }
    context.globalAlpha = 1;
    for (const line of lines) {
      context.strokeStyle =
        line.kind === 'centreline' ? cssValue('--centreline') : mapColour(line.kind);
      context.lineWidth = line.kind === 'centreline' ? 0.8 : 1.2;
      context.setLineDash(line.kind === 'centreline' ? [2, 4] : []);
      context.beginPath();
      this.path(context, line.points_E);
      context.stroke();
    }
    context.setLineDash([]);
  }

  private rings(context: CanvasRenderingContext2D, width: number, height: number): void {
    const [x, y] = this.to(0, 0);
    context.strokeStyle = cssValue('--ring');
    context.fillStyle = cssValue('--muted');
    context.lineWidth = 1;
    context.font = '11px system-ui, sans-serif';
    context.textAlign = 'left';
    for (let radius = 10; radius * this.scale < Math.hypot(width, height) / 2; radius += 10) {
      context.beginPath();
      context.arc(x, y, radius * this.scale, 0, 2 * Math.PI);
      context.stroke();
      const aside = Math.SQRT1_2 * radius * this.scale;
      if (radius % 20 === 0) context.fillText(`${radius} m`, x + aside + 4, y - aside);
    }
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
    for (const second of [1, 2, 3]) {
      const at = way.find((point) => point[3] >= second - 0.05);
      if (!at) continue;
      const [x, y] = this.to(at[0], at[1]);
      context.beginPath();
      context.arc(x, y, width + 1, 0, 2 * Math.PI);
      context.fill();
    }
  }

  private box(context: CanvasRenderingContext2D, box: Box): void {
    const bottom = [2, 3, 7, 6].map((index): Point3 => box.corners_E[index]);
    const colour = lineColour(box.class);
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.3;
    context.beginPath();
    this.path(context, bottom);
    context.closePath();
    context.globalAlpha = 0.3;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
    const [vx, vy] = box.velocity_E ?? [0, 0];
    const [x, y] = box.centre_E;
    if (Math.hypot(vx, vy) < 0.3) return;
    context.beginPath();
    this.path(context, [
      [x, y],
      [x + vx, y + vy],
    ]);
    context.stroke();
  }

  private car(context: CanvasRenderingContext2D): void {
    context.fillStyle = cssValue('--car');
    context.strokeStyle = cssValue('--well');
    context.lineWidth = 1;
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
    context.stroke();
  }
}
