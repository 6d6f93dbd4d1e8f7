// Asks the model about the frame that is shown; its words appear as they are made.
import { clear, el } from '../dom';
import { textOf, type Store } from '../store';
import { phaseKey, section, timingBar } from './frame';
import { readAnswer } from './stream';

const suggestions = [
  'Predict the next meta action.',
  'What is ahead of the car?',
  'Are there any pedestrians?',
  'How many cars are there?',
];

export class AskPanel {
  readonly element = el('div', {});
  private readonly question: HTMLTextAreaElement;
  private readonly askButton: HTMLButtonElement;
  private readonly stopButton: HTMLButtonElement;
  private readonly answers = el('div', { className: 'answers', aria: { live: 'polite' } });
  private model: string | null = null;
  private asking: AbortController | null = null;

  constructor(private readonly store: Store) {
    this.question = el('textarea', {
      rows: 3,
      maxLength: 4000,
      value: suggestions[0],
      id: 'question',
      on: {
        keydown: (event) => {
          if (event.key !== 'Enter' || event.shiftKey) return;
          event.preventDefault();
          void this.ask();
        },
      },
    });
    this.askButton = el('button', {
      type: 'submit',
      className: 'primary',
      textContent: 'Ask',
    });
    this.stopButton = el('button', {
      type: 'button',
      textContent: 'Stop',
      disabled: true,
      on: { click: () => this.asking?.abort() },
    });
  }

  async open(): Promise<void> {
    try {
      this.model = await this.store.api.model();
    } catch (error) {
      clear(this.element, el('p', { className: 'note', textContent: textOf(error) }));
      return;
    }
    if (this.model === null) {
      clear(
        this.element,
        el(
          'p',
          { className: 'note' },
          'No model is loaded here. ',
          el('code', { textContent: 'occvla serve --checkpoint DIR' }),
          ' shows this page with one that answers.',
        ),
      );
      return;
    }
    const form = el(
      'form',
      {
        on: {
          submit: (event: Event) => {
            event.preventDefault();
            void this.ask();
          },
        },
      },
      el('label', { htmlFor: 'question', textContent: `Question to ${this.model}` }),
      this.question,
      el('div', { className: 'ask-buttons' }, this.askButton, this.stopButton),
    );
    const hints = el(
      'div',
      { className: 'suggestions', role: 'group', aria: { label: 'Suggestions' } },
      ...suggestions.map((text) =>
        el('button', {
          type: 'button',
          className: 'chip',
          textContent: text,
          on: {
            click: () => {
              this.question.value = text;
              this.question.focus();
            },
          },
        }),
      ),
    );
    clear(this.element, form, hints, section('Answers', this.answers));
  }

  /** Asks at once, if there is a model. */
  async askThis(question: string): Promise<void> {
    this.question.value = question;
    if (this.model === null) await this.open();
    if (this.model !== null) await this.ask();
  }

  private async ask(): Promise<void> {
    const token = this.store.current?.frame.token;
    const question = this.question.value.trim();
    if (!token || question === '' || this.asking) return;
    const answer = el('p', { className: 'streaming' });
    const facts = el('p', { className: 'muted' });
    this.answers.prepend(
      el(
        'article',
        { className: 'card ask-card' },
        el('p', {}, el('strong', { textContent: question })),
        answer,
        facts,
      ),
    );
    const asking = new AbortController();
    this.setAsking(asking);
    const started = performance.now();
    let first: number | null = null;
    try {
      const response = await this.store.api.send('/v1/chat/completions', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        signal: asking.signal,
        body: JSON.stringify({
          model: this.model,
          stream: true,
          stream_options: { include_usage: true },
          messages: [{ role: 'user', content: question }],
          occvla: { frame: token },
        }),
      });
      const ended = await readAnswer(response, (text) => {
        first ??= performance.now() - started;
        answer.append(text);
      });
      facts.textContent = this.summary(first, performance.now() - started, ended.completionTokens);
      if (ended.timings)
        facts.after(timingBar('a', 'latency', ended.timings, ended.timings.total_ms), phaseKey());
      if (ended.finish === 'length') facts.textContent += ', cut at the limit';
    } catch (error) {
      const stopped = error instanceof DOMException && error.name === 'AbortError';
      facts.textContent = stopped ? 'stopped' : textOf(error);
      facts.classList.toggle('bad', !stopped);
    } finally {
      answer.classList.remove('streaming');
      this.setAsking(null);
    }
  }

  private summary(first: number | null, total: number, tokens: number | null): string {
    const parts = [`first words after ${(first ?? total).toFixed(0)} ms`, `${total.toFixed(0)} ms in all`];
    if (tokens !== null) {
      parts.push(`${tokens} tokens`);
      if (first !== null && total > first)
        parts.push(`${((1000 * tokens) / (total - first)).toFixed(0)} tokens a second`);
    }
    return parts.join(', ');
  }

  private setAsking(asking: AbortController | null): void {
    this.asking = asking;
    this.askButton.disabled = asking !== null;
    this.stopButton.disabled = asking === null;
  }
}
