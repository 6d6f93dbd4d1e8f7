// The top line: data set, scene, the runs to look at.
import { clear, el } from './dom';
import type { Layers } from './layers';
import type { Store } from './store';

export class Header {
  readonly element: HTMLElement;
  private readonly scene: HTMLSelectElement;
  private readonly busy = el('span', { className: 'busy', role: 'status' });

  constructor(
    private readonly store: Store,
    layers: Layers,
    theme: HTMLElement,
  ) {
    this.scene = el('select', {
      id: 'scene',
      on: {
        change: () => {
          const scene = this.store.scenes.find((one) => one.token === this.scene.value);
          if (scene) void this.store.show(scene.frames[0]);
        },
      },
    });
    this.fillScenes();
    this.element = el(
      'header',
      { className: 'top' },
      el('h1', {}, el('span', { className: 'logo', textContent: 'Occ' }), 'VLA'),
      el('span', { className: 'dataset', textContent: datasetText(store) }),
      field('scene', 'Scene', this.scene),
      ...this.runChoices(),
      this.busy,
      layers.switches(),
      theme,
    );
    store.shown.listen(({ frame }) => {
      this.scene.value = store.scene(frame.token)?.token ?? '';
    });
    store.busy.listen((busy) => this.element.classList.toggle('loading', busy));
    store.problem.listen((text) => {
      clear(this.busy, text);
      this.busy.classList.toggle('bad', text !== '');
    });
  }

  private fillScenes(): void {
    clear(
      this.scene,
      ...this.store.scenes.map((scene) =>
        el('option', {
          value: scene.token,
          textContent: scene.description ? `${scene.name} · ${scene.description}` : scene.name,
        }),
      ),
    );
  }

  private runChoices(): HTMLElement[] {
    const { runs } = this.store.overview;
    if (runs.length === 0) return [];
    const choice = (id: string, chosen: string | null, none: string): HTMLSelectElement =>
      el(
        'select',
        { id },
        el('option', { value: '', textContent: none }),
        ...runs.map((run) =>
          el('option', {
            value: run.name,
            textContent: run.name,
            selected: run.name === chosen,
          }),
        ),
      );
    const a = choice('run-a', this.store.runA, 'no run');
    const b = choice('run-b', this.store.runB, 'nothing');
    this.store.choice.listen(({ runA, runB }) => {
      a.value = runA ?? '';
      b.value = runB ?? '';
    });
    const change = (): void => this.store.chooseRuns(a.value || null, b.value || null);
    a.addEventListener('change', change);
    b.addEventListener('change', change);
    const fields = [field('run-a', 'Run', a)];
    if (runs.length > 1) fields.push(field('run-b', 'Compared with', b));
    return fields;
  }
}

function field(id: string, text: string, control: HTMLElement): HTMLElement {
  return el('div', { className: `field ${id}` }, el('label', { htmlFor: id, textContent: text }), control);
}

function datasetText(store: Store): string {
  const dataset = store.overview.datasets[0];
  return dataset ? `${dataset.name} ${dataset.version}` : 'no data set';
}
