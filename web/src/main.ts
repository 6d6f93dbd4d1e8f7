import './style.css';
import { Api } from './api';
import { BirdsEye } from './birds_eye';
import { Cameras } from './cameras';
import { el } from './dom';
import { Header } from './header';
import { Layers } from './layers';
import { OccupancyPanel } from './occupancy/panel';
import { AskPanel } from './panels/ask';
import { ComparePanel } from './panels/compare';
import { FramePanel } from './panels/frame';
import { MetricsPanel } from './panels/metrics';
import { Tabs } from './panels/tabs';
import { Store, textOf } from './store';
import { ThemeSwitch } from './theme';
import { Timeline } from './timeline';
import { askForToken } from './token_dialog';

async function start(): Promise<void> {
  const api = new Api(askForToken);
  const address = new URLSearchParams(location.hash.slice(1));
  const token = address.get('token');
  if (token) {
    // Out of the address bar and the history.
    api.setToken(token);
    address.delete('token');
    history.replaceState(null, '', `#${address.toString()}`);
  }
  const store = new Store(api);
  await store.open();
  build(store);
  chooseFromAddress(store);
  window.addEventListener('hashchange', () => chooseFromAddress(store));
}

function build(store: Store): void {
  const layers = new Layers();
  const redraw: (() => void)[] = [];
  const theme = new ThemeSwitch(() => redraw.forEach((draw) => draw()));
  const cameras = new Cameras(store, layers);
  const birdsEye = new BirdsEye(store, layers);
  const occupancy = new OccupancyPanel(store, layers);
  const timeline = new Timeline(store);
  redraw.push(
    () => cameras.drawAll(),
    () => birdsEye.draw(),
    () => occupancy.applyTheme(),
    () => timeline.draw(),
  );
  const frame = new FramePanel(store);
  const ask = new AskPanel(store);
  const tabs = new Tabs('About', [
    { id: 'frame', title: 'Frame', panel: frame.element },
    { id: 'ask', title: 'Ask', panel: ask.element },
    { id: 'metrics', title: 'Metrics', panel: new MetricsPanel(store).element },
    { id: 'compare', title: 'Compare', panel: new ComparePanel(store).element },
  ]);
  tabs.onOpen = (id) => {
    if (id === 'ask') void ask.open();
  };
  frame.onAsk = (question) => {
    tabs.open('ask');
    void ask.askThis(question);
  };
  document.body.append(
    el('a', { className: 'skip', href: '#panel-frame', textContent: 'To the text' }),
    new Header(store, layers, theme.element).element,
    el(
      'main',
      {},
      el(
        'div',
        { className: 'pictures' },
        cameras.element,
        el('div', { className: 'scene-row' }, occupancy.element, birdsEye.element),
      ),
      tabs.element,
    ),
    timeline.element,
  );
}

function chooseFromAddress(store: Store): void {
  const address = new URLSearchParams(location.hash.slice(1));
  const known = (name: string | null): string | null =>
    store.overview.runs.some((run) => run.name === name) ? name : null;
  const runs = store.overview.runs.map((run) => run.name);
  const a = address.has('frame') ? known(address.get('a')) : (runs[0] ?? null);
  const b = known(address.get('b'));
  if (a !== store.runA || b !== store.runB) store.chooseRuns(a, b);
  const wanted = address.get('frame');
  const first = store.scenes[0]?.frames[0];
  const token = wanted && store.has(wanted) ? wanted : first;
  if (token && token !== store.current?.frame.token) void store.show(token);
}

start().catch((error: unknown) => {
  document.body.append(
    el('p', { className: 'fatal', role: 'alert', textContent: textOf(error) }),
  );
});
