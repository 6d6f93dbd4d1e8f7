// What is drawn over the images and from above; the person switches it.
import { el } from './dom';

export const layerNames = {
  boxes: 'Boxes',
  map: 'Map',
  truth: 'Driven path',
  plan: 'Planned path',
} as const;

export type Layer = keyof typeof layerNames;

export class Layers {
  private readonly on = new Set<Layer>(['boxes', 'map', 'truth', 'plan']);
  private readonly listeners: (() => void)[] = [];

  has(layer: Layer): boolean {
    return this.on.has(layer);
  }

  listen(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Switches with their keys, as a group. */
  switches(): HTMLElement {
    return el(
      'div',
      { className: 'switches', role: 'group', aria: { label: 'Drawn over images and map' } },
      ...(Object.keys(layerNames) as Layer[]).map((layer) => {
        const box = el('input', {
          type: 'checkbox',
          checked: true,
          id: `layer-${layer}`,
          on: { change: () => this.set(layer, box.checked) },
        });
        return el('label', { className: `switch layer-${layer}` }, box, layerNames[layer]);
      }),
    );
  }

  private set(layer: Layer, on: boolean): void {
    if (on) this.on.add(layer);
    else this.on.delete(layer);
    for (const listener of this.listeners) listener();
  }
}
