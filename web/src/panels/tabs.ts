// Tabs as the ARIA practices have them: arrows move between them, one panel is shown.
import { el } from '../dom';

export interface Tab {
  id: string;
  title: string;
  panel: HTMLElement;
}

export class Tabs {
  readonly element: HTMLElement;
  private readonly buttons: HTMLButtonElement[];
  /** Called with the id of a tab that comes to the front. */
  onOpen: (id: string) => void = () => {};

  constructor(
    label: string,
    private readonly tabs: Tab[],
  ) {
    this.buttons = tabs.map((tab, index) =>
      el('button', {
        type: 'button',
        id: `tab-${tab.id}`,
        role: 'tab',
        textContent: tab.title,
        aria: { controls: `panel-${tab.id}` },
        on: { click: () => this.open(tab.id), keydown: (event) => this.key(event, index) },
      }),
    );
    for (const tab of tabs) {
      tab.panel.id = `panel-${tab.id}`;
      tab.panel.setAttribute('role', 'tabpanel');
      tab.panel.setAttribute('aria-labelledby', `tab-${tab.id}`);
      tab.panel.classList.add('tab-panel');
    }
    this.element = el(
      'aside',
      { className: 'panel side', aria: { label: 'About the frame and the runs' } },
      el('div', { className: 'tab-list', role: 'tablist', aria: { label } }, ...this.buttons),
      ...tabs.map((tab) => tab.panel),
    );
    this.open(tabs[0].id);
  }

  open(id: string): void {
    this.tabs.forEach((tab, index) => {
      const chosen = tab.id === id;
      tab.panel.hidden = !chosen;
      this.buttons[index].setAttribute('aria-selected', String(chosen));
      this.buttons[index].tabIndex = chosen ? 0 : -1;
    });
    this.onOpen(id);
  }

  private key(event: KeyboardEvent, index: number): void {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = (index + by + this.tabs.length) % this.tabs.length;
    this.open(this.tabs[next].id);
    this.buttons[next].focus();
  }
}
