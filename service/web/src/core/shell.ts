/** Small helps for the frame around the map. */

/** A change of language keeps the view and the layers, which only the browser knows. */
export function keepPlaceOnLanguageChange(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-language]')) {
    link.addEventListener('click', () => {
      const url = new URL(location.href);
      url.searchParams.set('lang', link.dataset['language'] ?? 'vi');
      link.href = url.href;
    });
  }
}

/** A link to the full map opens it at the view of this one. */
export function keepViewOnLinks(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-keep-view]')) {
    link.addEventListener('click', () => {
      link.hash = location.hash;
    });
  }
}

/** Skip links move the focus themselves: the fragment of the address belongs to the view of the map. */
export function skipLinks(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a.skip')) {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      document.querySelector<HTMLElement>(link.hash)?.focus();
    });
  }
}
