// The scene as a line in time: scrub, step, play; how far each run's plan was off, frame by frame.
import { clear, cssValue, el, fitCanvas, onResize } from './dom';
import { icon, type Icon } from './icons';
import type { Store } from './store';
import type { FrameMeasure, Scene } from './types';

const keyFrame_s = 0.5;
const rates = [0.5, 1, 2, 4];

export class Timeline {
  readonly element: HTMLElement;
  private readonly slider: HTMLInputElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly playButton: HTMLButtonElement;
  private readonly place: HTMLOutputElement;
  private scene: Scene | null = null;
  private index = 0;
  private rate = 1;
  private timer: number | null = null;
  private measures = new Map<string, FrameMeasure>();
  private measuresB = new Map<string, FrameMeasure>();

  constructor(private readonly store: Store) {
    this.slider = el('input', {
      type: 'range',
      min: '0',
      max: '0',
      value: '0',
      aria: { label: 'Key frame of the scene' },
      on: { input: () => this.goTo(Number(this.slider.value)) },
    });
    this.canvas = el('canvas', {
      className: 'strip',
      role: 'img',
      aria: { label: 'Error of the plan at three seconds, frame by frame' },
    });
    this.playButton = this.button('play', 'Play', () => this.toggle());
    this.playButton.classList.add('play');
    this.place = el('output', { className: 'place', aria: { live: 'off' } });
    const rate = el(
      'select',
      {
        aria: { label: 'Speed of playing' },
        on: { change: () => this.setRate(Number(rate.value)) },
      },
      ...rates.map((value) =>
        el('option', { value: String(value), textContent: `${value}×`, selected: value === 1 }),
      ),
    );
    this.element = el(
      'footer',
      { className: 'timeline', aria: { label: 'Time line' } },
      el(
        'div',
        { className: 'transport', role: 'group', aria: { label: 'Playing' } },
        this.button('previous', 'Previous frame', () => this.step(-1)),
        this.playButton,
        this.button('next', 'Next frame', () => this.step(1)),
        rate,
      ),
      el('div', { className: 'track' }, this.canvas, this.slider),
      this.place,
    );
    store.shown.listen(({ frame }) => this.show(frame.token));
    store.metricsReady.listen(() => this.readMetrics());
    store.choice.listen(() => this.readMetrics());
    onResize(this.canvas, () => this.draw());
    document.addEventListener('keydown', (event) => this.key(event));
  }

  get playing(): boolean {
    return this.timer !== null;
  }

  draw(): void {
    const { context, width, height } = fitCanvas(this.canvas);
    context.clearRect(0, 0, width, height);
    if (!this.scene) return;
    const frames = this.scene.frames;
    const step = width / frames.length;
    const middle = height - 4;
    frames.forEach((token, index) => {
      const pair = [this.measures.get(token), this.measuresB.get(token)];
      const bars = this.store.runB ? 2 : 1;
      const bar = Math.min(14, (step - 3) / bars);
      pair.slice(0, bars).forEach((measure, order) => {
        const x = index * step + (step - bar * bars) / 2 + order * bar;
        const error = measure ? errorOf(measure) : null;
        context.fillStyle = cssValue(order === 0 ? '--run-a' : '--run-b');
        context.globalAlpha = index === this.index ? 1 : 0.62;
        if (error !== null) {
          const tall = Math.max(2, Math.min(1, error / 5) * (height - 12));
          context.fillRect(x, middle - tall, Math.max(1, bar - 1), tall);
        }
        if (measure?.velocity_right === false || measure?.direction_right === false) {
          context.fillStyle = cssValue('--bad');
          context.fillRect(x, 0, Math.max(1, bar - 1), 3);
        }
      });
      context.globalAlpha = 1;
      context.fillStyle = index === this.index ? cssValue('--text') : cssValue('--line');
      context.fillRect(index * step + 1, height - 3, step - 2, 2);
    });
  }

  private button(sign: Icon, label: string, click: () => void): HTMLButtonElement {
    return el(
      'button',
      { type: 'button', title: label, aria: { label }, on: { click } },
      icon(sign),
    );
  }

  private show(token: string): void {
    const scene = this.store.scene(token);
    if (!scene) return;
    this.scene = scene;
    this.index = scene.frames.indexOf(token);
    this.slider.max = String(scene.frames.length - 1);
    this.slider.value = String(this.index);
    const seconds = (this.index * keyFrame_s).toFixed(1);
    this.slider.setAttribute(
      'aria-valuetext',
      `frame ${this.index + 1} of ${scene.frames.length}, ${seconds} seconds`,
    );
    this.place.textContent = `${this.index + 1} / ${scene.frames.length}   ${seconds} s`;
    this.draw();
    for (let ahead = 1; ahead <= (this.playing ? 3 : 1); ++ahead) {
      const next = scene.frames[this.index + ahead];
      if (next) this.store.prefetch(next);
    }
  }

  private goTo(index: number): void {
    const token = this.scene?.frames[index];
    if (token) void this.store.show(token);
  }

  private step(by: number): void {
    this.stop();
    this.store.step(by);
  }

  private toggle(): void {
    if (this.playing) this.stop();
    else this.play();
  }

  private play(): void {
    if (this.scene && this.index === this.scene.frames.length - 1) this.goTo(0);
    this.label('pause', 'Pause');
    this.timer = window.setInterval(
      () => {
        if (!this.store.step(1)) this.stop();
      },
      (keyFrame_s * 1000) / this.rate,
    );
  }

  private stop(): void {
    if (this.timer !== null) window.clearInterval(this.timer);
    this.timer = null;
    this.label('play', 'Play');
  }

  private label(sign: Icon, label: string): void {
    clear(this.playButton, icon(sign));
    this.playButton.title = label;
    this.playButton.setAttribute('aria-label', label);
  }

  private setRate(rate: number): void {
    this.rate = rate;
    if (!this.playing) return;
    this.stop();
    this.play();
  }

  private readMetrics(): void {
    const of = (run: string | null): Map<string, FrameMeasure> =>
      new Map(
        (run ? (this.store.metrics.get(run)?.frames ?? []) : []).map((one) => [one.token, one]),
      );
    this.measures = of(this.store.runA);
    this.measuresB = of(this.store.runB);
    this.draw();
  }

  // Arrows and blank work wherever the focus is, but not where a control uses them itself.
  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (target.closest('input, textarea, select, [role=tab], .occupancy canvas')) return;
    if (event.key === 'ArrowLeft') this.step(-1);
    else if (event.key === 'ArrowRight') this.step(1);
    else if (event.key === 'Home') this.goTo(0);
    else if (event.key === 'End') this.goTo((this.scene?.frames.length ?? 1) - 1);
    else if (event.key === ' ' && !target.closest('button, a')) this.toggle();
    else return;
    event.preventDefault();
  }
}

/** The plan's error at three seconds, or the last that is known. */
export function errorOf(measure: FrameMeasure): number | null {
  const known = (measure.l2 ?? []).filter((value): value is number => value !== null);
  return known.length > 0 ? known[known.length - 1] : null;
}
