/** Texts to copy, each with a button. */
import { make } from './dom.js';

export interface Copy {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export function copies(list: readonly Copy[]): HTMLElement {
  const status = make('p', { role: 'status', className: 'hint' });
  const blocks = list.map(({ id, title, text }) => {
    const button = make('button', { type: 'button', className: 'copy' }, 'Copy');
    button.setAttribute('aria-label', `Copy ${title}`);
    button.addEventListener('click', async () => {
      status.textContent = await navigator.clipboard.writeText(text).then(
        () => `Copied: ${title}.`,
        () => 'The browser does not let this page write to the clipboard; select the text and copy it.',
      );
    });
    const block = make('pre', { id, tabIndex: 0 }, text);
    block.setAttribute('aria-label', title);
    return make('div', { className: 'text' }, make('h3', {}, title), button, block);
  });
  return make('div', {}, ...blocks, status);
}
