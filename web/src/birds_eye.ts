// The scene from above: forward is up, left is left.
import { cssValue, el, fitCanvas, onResize } from './dom';
import { FromAbove, type Placement } from './from_above';
import type { Layers } from './layers';
import type { Shown, Store } from './store';
import { waysOf } from './ways';

const closest = 10;
const farthest = 60;

export class BirdsEye {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private shown: Shown | null = null;
  private radius = 42; // Metres from the car to the upper border.
  private to: Placement = () => [0, 0];
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
    const above = new FromAbove(context, this.to);
    const { frame } = this.shown;
    if (this.layers.has('map')) above.map(frame.map);
    this.rings(context, width, height);
    if (this.layers.has('truth')) above.way(frame.way.past, cssValue('--past'), 2);
    if (this.layers.has('boxes')) for (const box of frame.boxes) above.box(box);
    for (const way of waysOf(this.shown)) {
      if (!this.layers.has(way.who === 'truth' ? 'truth' : 'plan')) continue;
      above.way(way.way, way.colour, way.who === 'truth' ? 5 : 2.5);
    }
    above.car();
    if (frame.map.known) return;
    context.fillStyle = cssValue('--muted');
    context.textAlign = 'left';
    context.font = '11px system-ui, sans-serif';
    context.fillText('no map of this place', 10, height - 10);
  }

  private zoom(factor: number): void {
    this.radius = Math.min(farthest, Math.max(closest, this.radius * factor));
    this.draw();
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
}
