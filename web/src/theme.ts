// Dark, light, or as the system has it; kept for the next time.
import { clear, el } from './dom';
import { icon } from './icons';

type Choice = 'system' | 'dark' | 'light';
const stored = 'occvla-theme';
const next: Record<Choice, Choice> = { system: 'dark', dark: 'light', light: 'system' };

export class ThemeSwitch {
  readonly element: HTMLButtonElement;
  private choice: Choice = 'system';
  private readonly systemIsLight = matchMedia('(prefers-color-scheme: light)');

  constructor(private readonly onChange: () => void) {
    this.element = el('button', {
      type: 'button',
      className: 'theme',
      on: { click: () => this.choose(next[this.choice]) },
    });
    const kept = localStorage.getItem(stored);
    this.choose(kept === 'dark' || kept === 'light' ? kept : 'system');
    this.systemIsLight.addEventListener('change', () => this.apply());
  }

  private choose(choice: Choice): void {
    this.choice = choice;
    localStorage.setItem(stored, choice);
    clear(this.element, icon(choice));
    this.element.title = `Colours: ${choice}`;
    this.element.setAttribute('aria-label', `Colours: ${choice}; change to ${next[choice]}`);
    this.apply();
  }

  // The style sheet knows two themes; what the system wants is decided here.
  private apply(): void {
    const light =
      this.choice === 'light' || (this.choice === 'system' && this.systemIsLight.matches);
    document.documentElement.dataset['theme'] = light ? 'light' : 'dark';
    this.onChange();
  }
}
