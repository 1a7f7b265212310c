/**
 * Highlights a member wherever it is shown, while the pointer or the focus is on one of its elements.
 *
 * @returns a function that restores the highlight after elements were replaced.
 */
export function highlight(root: HTMLElement): () => void {
  let keys: readonly string[] = [];
  const light = (): void => {
    for (const lit of root.querySelectorAll('.lit')) lit.classList.remove('lit');
    for (const key of keys) {
      for (const place of root.querySelectorAll(`[data-field~="${CSS.escape(key)}"]`)) place.classList.add('lit');
    }
  };
  const choose = ({ target }: Event): void => {
    const place = target instanceof Element ? target.closest<HTMLElement>('[data-field]') : null;
    keys = place?.dataset.field?.split(' ').filter(Boolean) ?? [];
    light();
  };
  root.addEventListener('pointerover', choose);
  root.addEventListener('focusin', choose);
  return light;
}
