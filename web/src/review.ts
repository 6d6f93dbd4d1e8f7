// Label review: one proposed meta action after the other, by keyboard.
import './style.css';
import './review.css';
import { Api } from './api';
import { clear, el, fitCanvas, onResize } from './dom';
import { ReviewDesk, type Judgement, type Sight } from './review_desk';
import { ReviewPanel } from './review_panel';
import { ReviewScene } from './review_scene';
import { filters, type Filter } from './review_types';
import { ThemeSwitch } from './theme';
import { askForToken } from './token_dialog';

const storedWho = 'occvla-reviewer';
const keys: [string, string][] = [
  ['Enter', 'Accept, or change to what is chosen'],
  ['A', 'Accept the proposal whatever is chosen'],
  ['1 – 3', 'Choose the speed'],
  ['4 – 9', 'Choose the way'],
  ['Esc', 'Back to the proposal; leave the comment'],
  ['N or →', 'Next, undecided'],
  ['P or ←', 'Previous'],
  ['U', 'Take the latest decision back'],
  ['M', 'Write a comment; Ctrl Enter confirms'],
  ['F', 'Other filter'],
  ['W', 'Whole scene'],
  ['?', 'These keys'],
];

class ReviewPageView {
  private readonly scene = new ReviewScene();
  private readonly panel = new ReviewPanel();
  private readonly front = el('canvas', { role: 'img', aria: { label: 'Front camera' } });
  private readonly status = el('p', { className: 'status', role: 'status' });
  private readonly bar = el('div', { className: 'bar' });
  private readonly count = el('span', { className: 'count' });
  private readonly place = el('span', { className: 'place' });
  private readonly filter: HTMLSelectElement;
  private readonly progress: HTMLElement;
  private sight: Sight | null = null;
  private busy = false;
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly desk: ReviewDesk) {
    this.filter = el(
      'select',
      { id: 'filter', on: { change: () => void this.useFilter(this.filter.value as Filter) } },
      ...Object.entries(filters).map(([value, textContent]) => el('option', { value, textContent })),
    );
    this.progress = el(
      'div',
      { className: 'progress', role: 'progressbar', aria: { label: 'Labels decided' } },
      this.bar,
    );
    this.panel.onConfirm = () => void this.confirm();
    this.panel.onComment = () => void this.judge({ verdict: 'comment' }, 'Comment kept');
    this.build();
    document.addEventListener('keydown', (event) => this.key(event));
    onResize(this.front, () => this.drawFront());
  }

  async useFilter(filter: Filter): Promise<void> {
    await this.last; // A choice is not dropped because something is still loading.
    await this.guard(async () => {
      await this.desk.load(filter, this.desk.current?.token ?? null);
      this.filter.value = filter;
      await this.show();
    });
  }

  private build(): void {
    const theme = new ThemeSwitch(() => {
      this.scene.draw();
      this.drawFront();
    });
    const who = el('input', {
      id: 'reviewer',
      type: 'text',
      value: this.desk.who,
      maxLength: 60,
      on: {
        change: () => {
          this.desk.who = who.value.trim() || this.desk.who;
          who.value = this.desk.who;
          localStorage.setItem(storedWho, this.desk.who);
        },
      },
    });
    const button = (text: string, key: string, run: () => void): HTMLElement =>
      el(
        'button',
        { type: 'button', aria: { keyshortcuts: key }, on: { click: run } },
        text,
        el('kbd', { textContent: key }),
      );
    document.body.append(
      el('a', { className: 'skip', href: '#proposed', textContent: 'To the proposal' }),
      el(
        'header',
        { className: 'top' },
        el('h1', {}, el('span', { className: 'logo', textContent: 'Occ' }), 'VLA'),
        el('span', { className: 'dataset', textContent: 'Label review' }),
        field('reviewer', 'You are', who),
        field('filter', 'Show', this.filter),
        this.progress,
        this.count,
        theme.element,
      ),
      el(
        'main',
        {},
        this.scene.element,
        el(
          'div',
          { className: 'judging' },
          el(
            'section',
            { className: 'panel review-front', aria: { label: 'Front camera' } },
            el('div', { className: 'canvas-box' }, this.front),
          ),
          this.panel.element,
        ),
      ),
      el(
        'footer',
        { className: 'review-keys' },
        this.place,
        this.status,
        button('Previous', 'P', () => this.go(() => this.desk.step(-1))),
        button('Next', 'N', () => this.go(() => this.desk.next())),
        button('Undo', 'U', () => void this.undo()),
        button('Keys', '?', () => this.help()),
      ),
    );
  }

  /** Runs one piece of work at a time; what goes wrong is said and changes nothing. */
  private guard(work: () => Promise<void>): Promise<void> {
    if (!this.busy) this.last = this.run(work);
    return this.last;
  }

  private async run(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    try {
      await work();
    } catch (error) {
      this.say(sentence(error), true);
    } finally {
      this.busy = false;
    }
  }

  private async show(): Promise<void> {
    this.showProgress();
    const item = this.desk.current;
    document.body.classList.toggle('empty', !item);
    if (!item) {
      this.place.textContent = '';
      return this.say(`Nothing here: no key frame is ${filters[this.desk.filter].toLowerCase()}.`);
    }
    const sight = await this.desk.see(item.token);
    Object.assign(item, listed(sight));
    this.sight = sight;
    this.scene.show(sight, this.desk.items);
    this.panel.show(sight);
    this.drawFront();
    this.place.textContent =
      `${sight.item.scene} · ${sight.item.index + 1} of ${sight.item.frames} · ` +
      `${this.desk.at + 1} of ${this.desk.items.length} listed`;
    document.body.dataset['token'] = item.token;
    this.desk.prefetch();
  }

  private showProgress(): void {
    const { keyframes, decided, accepted, changed } = this.desk.progress;
    const share = keyframes > 0 ? (100 * decided) / keyframes : 0;
    this.bar.style.width = `${share}%`;
    this.progress.setAttribute('aria-valuemin', '0');
    this.progress.setAttribute('aria-valuemax', String(keyframes));
    this.progress.setAttribute('aria-valuenow', String(decided));
    this.count.textContent = `${decided} of ${keyframes} · ${accepted} accepted, ${changed} changed`;
  }

  private drawFront(): void {
    const { context, width, height } = fitCanvas(this.front);
    context.clearRect(0, 0, width, height);
    const image = this.sight?.front;
    if (!image) {
      context.fillStyle = getComputedStyle(document.body).color;
      context.font = '14px system-ui, sans-serif';
      context.textAlign = 'center';
      if (this.sight) context.fillText('no image of the front camera', width / 2, height / 2);
      return;
    }
    const scale = Math.min(width / image.width, height / image.height);
    const [w, h] = [image.width * scale, image.height * scale];
    context.imageSmoothingQuality = 'high';
    context.drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
  }

  private confirm(): Promise<void> {
    const label = this.panel.label;
    return this.panel.changed
      ? this.judge({ verdict: 'change', changed_to: label }, `Changed to ${label}`)
      : this.judge({ verdict: 'accept' }, 'Accepted');
  }

  /** Sends a judgement with the comment that was written, then goes on. */
  private judge(judgement: Judgement, done: string): Promise<void> {
    return this.guard(async () => {
      const item = this.desk.current;
      if (!item) return;
      const comment = this.panel.comment.value.trim();
      if (judgement.verdict === 'comment' && !comment)
        return this.say('Write a comment first (M).', true);
      this.panel.comment.blur();
      await this.desk.judge(item, comment ? { ...judgement, comment } : judgement);
      const text = `${done}: ${item.scene}, ${item.index + 1}.`;
      const more = judgement.verdict === 'comment' || this.desk.next();
      await this.show();
      this.say(more ? text : `${text} That was the last one of this list.`);
    });
  }

  private undo(): Promise<void> {
    return this.guard(async () => {
      const item = await this.desk.undo();
      if (!item) return this.say('There is nothing to take back.', true);
      await this.show();
      this.say(`Taken back: ${item.scene}, ${item.index + 1}.`);
    });
  }

  private go(move: () => boolean): void {
    void this.guard(async () => {
      if (!move()) return this.say('That is the end of the list.', true);
      this.say('');
      await this.show();
    });
  }

  private say(text: string, bad = false): void {
    this.status.textContent = text;
    this.status.classList.toggle('bad', bad);
  }

  private key(event: KeyboardEvent): void {
    if (document.querySelector('dialog[open]') || event.altKey || event.metaKey) return;
    const target = event.target as HTMLElement;
    const typing = target.matches('textarea, input, select');
    if (event.key === 'Enter' && event.ctrlKey) {
      event.preventDefault();
      void this.confirm();
      return;
    }
    if (event.ctrlKey) return;
    if (typing) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    // A button that has the focus takes Enter itself; one of the choices was pressed to be confirmed.
    if (event.key === 'Enter' && target.matches('button:not([role=radio]), a')) return;
    const run = this.commands()[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!run) return;
    event.preventDefault();
    run();
  }

  private commands(): Record<string, () => void> {
    const commands: Record<string, () => void> = {
      Enter: () => void this.confirm(),
      a: () => void this.judge({ verdict: 'accept' }, 'Accepted'),
      n: () => this.go(() => this.desk.next()),
      ArrowRight: () => this.go(() => this.desk.next()),
      p: () => this.go(() => this.desk.step(-1)),
      ArrowLeft: () => this.go(() => this.desk.step(-1)),
      u: () => void this.undo(),
      m: () => this.panel.comment.focus(),
      Escape: () => this.panel.reset(),
      f: () => this.nextFilter(),
      w: () => this.scene.toggleWhole(),
      '?': () => this.help(),
    };
    for (let digit = 1; digit <= 9; ++digit) commands[String(digit)] = () => this.panel.choose(digit);
    return commands;
  }

  private nextFilter(): void {
    const all = Object.keys(filters) as Filter[];
    const next = all[(all.indexOf(this.desk.filter) + 1) % all.length];
    if (next) void this.useFilter(next);
  }

  private help(): void {
    const dialog = el(
      'dialog',
      { className: 'keys', aria: { label: 'Keys' } },
      el('h2', { textContent: 'Keys' }),
      el(
        'dl',
        {},
        ...keys.flatMap(([key, does]) => [
          el('dt', {}, el('kbd', { textContent: key })),
          el('dd', { textContent: does }),
        ]),
      ),
      el('form', { method: 'dialog' }, el('button', { className: 'primary', textContent: 'Close' })),
    );
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}

function field(id: string, text: string, control: HTMLElement): HTMLElement {
  return el('div', { className: `field ${id}` }, el('label', { htmlFor: id, textContent: text }), control);
}

function sentence(error: unknown): string {
  // What fetch throws where nobody answers; each browser has words of its own for it.
  if (error instanceof TypeError) return 'The server does not answer. Nothing was kept; try again.';
  return error instanceof Error ? error.message : String(error);
}

/** The fields of a key frame that the list has too. */
function listed({ item }: Sight): object {
  const { verdict, label, who, comments, proposed } = item;
  return { verdict, label, who, comments, proposed };
}

/** Asks for a name: every decision is somebody's. */
function askForName(): Promise<string> {
  return new Promise((resolve) => {
    const input = el('input', { id: 'name', type: 'text', required: true, maxLength: 60 });
    const dialog = el(
      'dialog',
      { className: 'token', aria: { label: 'Who reviews' } },
      el(
        'form',
        {
          method: 'dialog',
          on: {
            submit: (event: Event) => {
              if (!input.value.trim()) event.preventDefault();
            },
          },
        },
        el('label', { htmlFor: 'name', textContent: 'Your name, kept with each decision' }),
        input,
        el('button', { type: 'submit', className: 'primary', textContent: 'Begin' }),
      ),
    );
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(input.value.trim());
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

async function start(): Promise<void> {
  const api = new Api(askForToken);
  const address = new URLSearchParams(location.hash.slice(1));
  const token = address.get('token');
  if (token) {
    api.setToken(token);
    history.replaceState(null, '', location.pathname);
  }
  const who = address.get('who') ?? localStorage.getItem(storedWho) ?? (await askForName());
  localStorage.setItem(storedWho, who);
  const page = new ReviewPageView(new ReviewDesk(api, who));
  await page.useFilter('undecided');
}

start().catch((error: unknown) => {
  clear(
    document.body,
    el('p', {
      className: 'fatal',
      role: 'alert',
      textContent: sentence(error),
    }),
  );
});
