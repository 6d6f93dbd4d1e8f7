// Asks for the server's token.
import { el } from './dom';

export function askForToken(): Promise<string | null> {
  return new Promise((resolve) => {
    const input = el('input', {
      type: 'password',
      id: 'server-token',
      autocomplete: 'off',
      required: true,
    });
    const dialog = el(
      'dialog',
      { aria: { label: 'Token of the server' } },
      el(
        'form',
        { method: 'dialog', on: { submit: () => dialog.close(input.value.trim()) } },
        el('label', { htmlFor: 'server-token', textContent: 'This server asks for a token' }),
        input,
        el('button', { type: 'submit', className: 'primary', textContent: 'Go on' }),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
