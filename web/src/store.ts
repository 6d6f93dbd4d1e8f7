// What the page shows at the moment, and who wants to hear of changes.
import { HttpError, type Api } from './api';
import type { Frame, Metrics, Overview, Prediction, Scene } from './types';

/** One key frame with what the chosen runs say about it. */
export interface Shown {
  frame: Frame;
  a: Prediction | null;
  b: Prediction | null;
}

export interface Choice {
  runA: string | null;
  runB: string | null;
}

type Listener<T> = (value: T) => void;

class Signal<T> {
  private readonly listeners: Listener<T>[] = [];
  listen(listener: Listener<T>): void {
    this.listeners.push(listener);
  }
  send(value: T): void {
    for (const listener of this.listeners) listener(value);
  }
}

/** Keeps the newest promises by key; a promise that failed is forgotten. */
class Recent<T> {
  private readonly kept = new Map<string, Promise<T>>();
  private readonly most: number;
  constructor(most: number) {
    this.most = most;
  }
  get(key: string, make: () => Promise<T>): Promise<T> {
    let value = this.kept.get(key);
    this.kept.delete(key);
    if (!value) {
      value = make();
      value.catch(() => this.kept.delete(key));
    }
    this.kept.set(key, value);
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value as string);
    return value;
  }
}

export class Store {
  /** Another frame, or other runs of the same frame. */
  readonly shown = new Signal<Shown>();
  readonly choice = new Signal<Choice>();
  readonly metricsReady = new Signal<void>();
  /** A sentence about what went wrong; empty = nothing does. */
  readonly problem = new Signal<string>();
  readonly busy = new Signal<boolean>();

  overview: Overview = { datasets: [], runs: [] };
  current: Shown | null = null;
  runA: string | null = null;
  runB: string | null = null;
  readonly metrics = new Map<string, Metrics>();

  private readonly sceneOf = new Map<string, Scene>();
  private readonly frames = new Recent<Frame>(64);
  private readonly predictions = new Recent<Prediction | null>(128);
  private readonly images = new Recent<ImageBitmap>(96);
  private readonly grids = new Recent<Uint8Array>(24);
  private wanted: string | null = null;

  constructor(readonly api: Api) {}

  async open(): Promise<void> {
    this.overview = await this.api.overview();
    for (const dataset of this.overview.datasets)
      for (const scene of dataset.scenes)
        for (const token of scene.frames) this.sceneOf.set(token, scene);
  }

  get scenes(): Scene[] {
    return this.overview.datasets.flatMap((dataset) => dataset.scenes);
  }

  scene(token: string): Scene | undefined {
    return this.sceneOf.get(token);
  }

  has(token: string): boolean {
    return this.sceneOf.has(token);
  }

  /** Shows a frame; a later call wins over an earlier one that is still loading. */
  async show(token: string): Promise<void> {
    this.wanted = token;
    this.busy.send(true);
    try {
      const [frame, a, b] = await Promise.all([
        this.frame(token),
        this.prediction(token, this.runA),
        this.prediction(token, this.runB),
      ]);
      if (this.wanted !== token) return;
      this.current = { frame, a, b };
      this.problem.send('');
      this.shown.send(this.current);
      this.rememberInAddress();
    } catch (error) {
      if (this.wanted === token) this.problem.send(textOf(error));
    } finally {
      if (this.wanted === token) this.busy.send(false);
    }
  }

  /** Moves within the scene; true when there is such a frame. */
  step(by: number): boolean {
    const token = this.wanted ?? this.current?.frame.token;
    const scene = token ? this.scene(token) : undefined;
    if (!token || !scene) return false;
    const next = scene.frames[scene.frames.indexOf(token) + by];
    if (!next) return false;
    void this.show(next);
    return true;
  }

  chooseRuns(a: string | null, b: string | null): void {
    this.runA = a;
    this.runB = b;
    this.choice.send({ runA: a, runB: b });
    for (const run of [a, b]) if (run) void this.loadMetrics(run);
    if (this.wanted) void this.show(this.wanted);
  }

  frame(token: string): Promise<Frame> {
    return this.frames.get(token, () => this.api.frame(token));
  }

  prediction(token: string, run: string | null): Promise<Prediction | null> {
    if (run === null) return Promise.resolve(null);
    return this.predictions.get(`${run}/${token}`, () =>
      this.api.prediction(token, run).catch((error: unknown) => {
        if (error instanceof HttpError && error.status === 404) return null;
        throw error;
      }),
    );
  }

  image(token: string, camera: string): Promise<ImageBitmap> {
    return this.images.get(`${token}/${camera}`, () => this.api.image(token, camera));
  }

  grid(token: string, run: string | null, mask: string): Promise<Uint8Array> {
    return this.grids.get(`${token}/${run ?? ''}/${mask}`, () =>
      this.api.occupancy(token, run, mask),
    );
  }

  /** Loads what the next frames need, so that playing does not wait. */
  prefetch(token: string): void {
    const frame = this.frame(token);
    frame
      .then((loaded) => {
        for (const camera of loaded.cameras)
          if (camera.image) this.image(token, camera.name).catch(() => {});
      })
      .catch(() => {});
    for (const run of [this.runA, this.runB]) this.prediction(token, run).catch(() => {});
  }

  private async loadMetrics(run: string): Promise<void> {
    if (this.metrics.has(run)) return;
    try {
      this.metrics.set(run, await this.api.metrics(run));
      this.metricsReady.send();
    } catch (error) {
      this.problem.send(textOf(error));
    }
  }

  // The address names what is shown, so that it can be kept and sent.
  private rememberInAddress(): void {
    if (!this.current) return;
    history.replaceState(null, '', addressOf(this.current.frame.token, this));
  }
}

/** The address of a frame with the chosen runs. */
export function addressOf(token: string, choice: Choice): string {
  const parts = new URLSearchParams({ frame: token });
  if (choice.runA) parts.set('a', choice.runA);
  if (choice.runB) parts.set('b', choice.runB);
  return `#${parts.toString()}`;
}

export function textOf(error: unknown): string {
  if (error instanceof TypeError) return 'The server does not answer.';
  return error instanceof Error ? error.message : String(error);
}
