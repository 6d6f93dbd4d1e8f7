// The occupancy in three dimensions with its controls.
import { clear, cssValue, el, onResize } from '../dom';
import { icon } from '../icons';
import type { Layers } from '../layers';
import { textOf, type Shown, type Store } from '../store';
import { waysOf } from '../ways';
import { agreement, compareGrids, countLabels, size } from './grid';
import type { MeshReply, MeshRequest } from './mesh.worker';
import type { MeshOptions } from './mesher';
import { classNames, colours, difference, differenceNames, free } from './palette';
import { Stage, type View } from './stage';

export type Mode = 'truth' | 'prediction' | 'beside' | 'difference';

const modes: Record<Mode, string> = {
  truth: 'Truth',
  prediction: 'Prediction',
  beside: 'Side by side',
  difference: 'Difference',
};
const masks: Record<string, string> = {
  none: 'all voxels',
  camera: 'seen by cameras',
  lidar: 'seen by lidar',
};
const axes = ['forward', 'left', 'height'] as const;

/** One pane: its title, its voxels, and a remark below the title. */
interface Pane {
  title: string;
  grid: Uint8Array | null;
  remark: string;
}

export class OccupancyPanel {
  readonly element: HTMLElement;

  private readonly stage: Stage;
  private readonly titles = el('div', { className: 'pane-titles' });
  private readonly classes: HTMLElement;
  private readonly rate: HTMLOutputElement;
  private readonly modeButtons = new Map<Mode, HTMLButtonElement>();
  private readonly workers: Worker[];
  private readonly hidden = new Uint8Array(difference.otherClass + 1);
  private readonly low: [number, number, number] = [0, 0, 0];
  private readonly high: [number, number, number] = [size[0], size[1], size[2]];
  private mode: Mode = 'truth';
  private chosenMask: string | null = null;
  private readonly maskChoice: HTMLSelectElement;
  private panes: Pane[] = [];
  private shown: Shown | null = null;
  private generation = 0;
  private readonly waiting = new Map<number, (reply: MeshReply) => void>();

  constructor(
    private readonly store: Store,
    private readonly layers: Layers,
  ) {
    const canvas = el('canvas', {
      tabIndex: 0,
      role: 'application',
      aria: {
        label:
          'Occupancy in three dimensions. Arrow keys turn it, plus and minus move nearer or away.',
      },
    });
    this.rate = el('output', { className: 'rate', aria: { label: 'Frames per second' } });
    this.classes = el('div', {
      className: 'classes',
      role: 'group',
      aria: { label: 'Classes shown' },
    });
    this.workers = [0, 1].map(() => this.startWorker());
    this.maskChoice = this.makeMaskChoice();
    this.element = this.layout(canvas);
    this.stage = new Stage(canvas);
    this.stage.onDrawn = (rate) => {
      this.rate.textContent = rate === null ? '' : `${rate.toFixed(0)} fps`;
      if (rate !== null) this.rate.dataset['rate'] = rate.toFixed(2);
    };
    canvas.addEventListener('keydown', (event) => this.key(event));
    onResize(canvas, () => this.stage.resize());
    store.shown.listen((shown) => void this.show(shown));
    layers.listen(() => this.drawWays());
    this.applyTheme();
  }

  applyTheme(): void {
    this.stage.setBackground(cssValue('--stage'));
    this.drawWays();
  }

  setMode(mode: Mode): void {
    this.mode = mode;
    for (const [name, button] of this.modeButtons)
      button.setAttribute('aria-pressed', String(name === mode));
    this.maskChoice.value = this.mask;
    if (this.shown) void this.show(this.shown);
  }

  // A prediction is judged by what cameras see, as the metrics do, until the person chooses.
  private get mask(): string {
    return this.chosenMask ?? (this.mode === 'truth' ? 'none' : 'camera');
  }

  private makeMaskChoice(): HTMLSelectElement {
    const choice = el(
      'select',
      {
        className: 'mask',
        aria: { label: 'Which voxels' },
        on: {
          change: () => {
            this.chosenMask = choice.value;
            if (this.shown) void this.show(this.shown);
          },
        },
      },
      ...Object.entries(masks).map(([value, text]) => el('option', { value, textContent: text })),
    );
    return choice;
  }

  private layout(canvas: HTMLCanvasElement): HTMLElement {
    const modeGroup = el(
      'div',
      { className: 'segments', role: 'group', aria: { label: 'What the voxels show' } },
      ...(Object.keys(modes) as Mode[]).map((mode) => {
        const button = el('button', {
          type: 'button',
          textContent: modes[mode],
          aria: { pressed: String(mode === this.mode) },
          data: { mode },
          on: { click: () => this.setMode(mode) },
        });
        this.modeButtons.set(mode, button);
        return button;
      }),
    );
    const turn = el(
      'button',
      {
        type: 'button',
        className: 'small',
        title: 'Turn around',
        aria: { label: 'Turn around', pressed: 'false' },
        data: { control: 'turn' },
        on: {
          click: () => {
            const on = turn.getAttribute('aria-pressed') !== 'true';
            turn.setAttribute('aria-pressed', String(on));
            this.stage.setTurning(on);
          },
        },
      },
      icon('turn'),
    );
    const look = (view: View, text: string): HTMLElement =>
      el('button', {
        type: 'button',
        className: 'small',
        textContent: text,
        aria: { label: `Look from ${view}` },
        on: { click: () => this.stage.look(view) },
      });
    return el(
      'section',
      { className: 'panel occupancy', aria: { label: 'Occupancy' } },
      el(
        'header',
        { className: 'panel-head' },
        el('h2', { textContent: 'Occupancy' }),
        modeGroup,
        el(
          'div',
          { className: 'tools' },
          this.maskChoice,
          look('behind', 'Behind'),
          look('above', 'Above'),
          look('front', 'Front'),
          turn,
        ),
      ),
      el(
        'div',
        { className: 'occupancy-body' },
        el('div', { className: 'canvas-box' }, canvas, this.titles, this.rate),
        el(
          'details',
          { className: 'voxel-controls', open: window.innerWidth >= 1400 },
          el('summary', { textContent: 'Classes and slice' }),
          this.classes,
          this.sliceControls(),
        ),
      ),
    );
  }

  private sliceControls(): HTMLElement {
    let axis = 2;
    const range = (label: string, value: () => number, set: (to: number) => void) => {
      const input = el('input', {
        type: 'range',
        min: '0',
        aria: { label },
        on: {
          input: () => {
            set(Number(input.value));
            refresh();
            void this.mesh();
          },
        },
      });
      return { input, refresh: () => {
        input.max = String(size[axis]);
        input.value = String(value());
      } };
    };
    const from = range('Slice from', () => this.low[axis], (to) => {
      this.low[axis] = Math.min(to, this.high[axis] - 1);
    });
    const to = range('Slice to', () => this.high[axis], (value) => {
      this.high[axis] = Math.max(value, this.low[axis] + 1);
    });
    const text = el('output', {});
    const start_m = [-40, -40, -1];
    const refresh = (): void => {
      from.refresh();
      to.refresh();
      const metres = (at: number): string => (start_m[axis] + at * 0.4).toFixed(1);
      text.textContent = `${metres(this.low[axis])} to ${metres(this.high[axis])} m`;
    };
    const choose = el(
      'select',
      {
        aria: { label: 'Axis of the slice' },
        on: {
          change: () => {
            axis = Number(choose.value);
            refresh();
          },
        },
      },
      ...axes.map((name, index) =>
        el('option', { value: String(index), textContent: name, selected: index === axis }),
      ),
    );
    refresh();
    return el(
      'div',
      { className: 'slice', role: 'group', aria: { label: 'Slice' } },
      el('div', { className: 'slice-head' }, 'Slice', choose, text),
      from.input,
      to.input,
    );
  }

  private startWorker(): Worker {
    const worker = new Worker(new URL('./mesh.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (event: MessageEvent<MeshReply>) => {
      this.waiting.get(event.data.id)?.(event.data);
      this.waiting.delete(event.data.id);
    };
    return worker;
  }

  private async show(shown: Shown): Promise<void> {
    this.shown = shown;
    const generation = ++this.generation;
    const panes = await this.panesOf(shown);
    if (generation !== this.generation) return;
    this.panes = panes;
    this.listClasses();
    await this.mesh();
    if (generation !== this.generation) return;
    await new Promise(requestAnimationFrame);
    this.element.dataset['shown'] = shown.frame.token;
    this.prefetch(shown);
  }

  // The next frame's voxels, so that a step on is drawn at once.
  private prefetch({ frame, a, b }: Shown): void {
    const next = frame.place.next;
    if (next === null) return;
    const wanted: (string | null)[] = [];
    if (this.mode !== 'prediction' && frame.occupancy) wanted.push(null);
    if (this.mode !== 'truth') {
      if (a?.occupancy) wanted.push(this.store.runA);
      if (b?.occupancy) wanted.push(this.store.runB);
    }
    for (const run of wanted) this.store.grid(next, run, this.mask).catch(() => {});
  }

  private async panesOf(shown: Shown): Promise<Pane[]> {
    const { frame } = shown;
    const load = (run: string | null, there: boolean, missing: string): Promise<Pane> =>
      there
        ? this.store.grid(frame.token, run, this.mask).then(
            (grid) => ({ title: run ?? 'Truth', grid, remark: '' }),
            (error: unknown) => ({ title: run ?? 'Truth', grid: null, remark: textOf(error) }),
          )
        : Promise.resolve({ title: run ?? 'Truth', grid: null, remark: missing });
    const truth = load(null, frame.occupancy, 'no occupancy in this data set');
    if (this.mode === 'truth') return [await truth];
    const runs = [
      [this.store.runA, shown.a],
      [this.store.runB, shown.b],
    ] as const;
    const predictions = runs
      .filter(([run]) => run !== null)
      .map(([run, said]) => load(run, said?.occupancy ?? false, 'the run predicted no occupancy'));
    if (predictions.length === 0)
      return [{ title: 'Prediction', grid: null, remark: 'choose a run to see its prediction' }];
    const [real, ...said] = await Promise.all([truth, ...predictions]);
    for (const pane of said) this.addAgreement(real, pane);
    if (this.mode === 'prediction') return said;
    if (this.mode === 'beside') return [real, ...said];
    return said.map((pane) => ({
      ...pane,
      title: `Truth against ${pane.title}`,
      grid: real.grid && pane.grid ? compareGrids(real.grid, pane.grid) : null,
      remark: real.grid ? pane.remark : real.remark,
    }));
  }

  private addAgreement(real: Pane, pane: Pane): void {
    if (!real.grid || !pane.grid) return;
    const { miou, iou } = agreement(real.grid, pane.grid);
    pane.remark = `mIoU ${(100 * miou).toFixed(1)}, IoU ${(100 * iou).toFixed(1)} %`;
  }

  // All panes change together; an older request that comes in late changes nothing.
  private async mesh(): Promise<void> {
    const generation = this.generation;
    const options: MeshOptions = {
      hidden: this.hidden.slice(),
      low: [...this.low],
      high: [...this.high],
    };
    const panes = this.panes;
    const meshes = await Promise.all(
      panes.map((pane, index) => (pane.grid ? this.request(pane.grid, options, index) : null)),
    );
    if (generation !== this.generation || panes !== this.panes) return;
    this.stage.setPanes(panes.length);
    meshes.forEach((mesh, index) => this.stage.setSurface(index, mesh));
    this.element.dataset['quads'] = String(
      meshes.reduce((sum, mesh) => sum + (mesh?.quads ?? 0), 0),
    );
    this.drawWays();
    clear(
      this.titles,
      ...panes.map((pane) =>
        el(
          'div',
          { className: 'pane-title' },
          el('strong', { textContent: pane.title }),
          pane.remark ? el('span', { textContent: pane.remark }) : null,
        ),
      ),
    );
  }

  private nextId = 0;
  private request(grid: Uint8Array, options: MeshOptions, index: number): Promise<MeshReply> {
    const id = ++this.nextId;
    const request: MeshRequest = { id, grid, options };
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.workers[index % this.workers.length].postMessage(request);
    });
  }

  private drawWays(): void {
    if (!this.shown) return;
    const all = waysOf(this.shown).filter((way) =>
      this.layers.has(way.who === 'truth' ? 'truth' : 'plan'),
    );
    for (let index = 0; index < this.stage.paneCount; ++index) this.stage.setWays(index, all);
  }

  private listClasses(): void {
    const counts = new Array<number>(this.hidden.length).fill(0);
    for (const pane of this.panes)
      if (pane.grid) countLabels(pane.grid).forEach((count, label) => (counts[label] += count));
    const labels = this.mode === 'difference' ? Object.keys(differenceNames).map(Number) : [];
    const listed = labels.length > 0 ? labels : classNames.map((_, label) => label);
    const all = (text: string, off: number): HTMLElement =>
      el('button', {
        type: 'button',
        className: 'small',
        textContent: text,
        aria: { label: `${text} classes` },
        on: {
          click: () => {
            for (const label of listed) this.hidden[label] = off;
            this.listClasses();
            void this.mesh();
          },
        },
      });
    clear(
      this.classes,
      el('div', { className: 'class-buttons' }, all('All', 0), all('No', 1)),
      ...listed.map((label) => this.classRow(label, counts[label])),
    );
  }

  private classRow(label: number, count: number): HTMLElement {
    const name = label > free ? differenceNames[label] : classNames[label];
    const box = el('input', {
      type: 'checkbox',
      checked: this.hidden[label] === 0,
      data: { label: String(label) },
      on: {
        change: () => {
          this.hidden[label] = box.checked ? 0 : 1;
          void this.mesh();
        },
      },
    });
    return el(
      'label',
      { className: count === 0 ? 'class-row none' : 'class-row' },
      box,
      el('span', { className: 'swatch', style: { background: colours[label] } }),
      el('span', { className: 'class-name', textContent: name }),
      el('span', { className: 'count', textContent: count.toLocaleString('en') }),
    );
  }

  private key(event: KeyboardEvent): void {
    const step = 0.12;
    const moves: Record<string, [number, number, number]> = {
      ArrowLeft: [-step, 0, 1],
      ArrowRight: [step, 0, 1],
      ArrowUp: [0, step, 1],
      ArrowDown: [0, -step, 1],
      '+': [0, 0, 1.15],
      '=': [0, 0, 1.15],
      '-': [0, 0, 1 / 1.15],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.stage.move(...move);
  }
}
