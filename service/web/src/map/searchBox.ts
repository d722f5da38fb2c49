/** Search: a combobox that tells how many results there are. */
import { html, nothing, type TemplateResult } from 'lit';
import { isAbort, type PublicApi } from '../core/api';
import { PageElement, reason } from '../core/element';
import { say, t } from '../core/page';
import type { Register, SearchResult } from '../core/types';

const WAIT_MS = 200;
const LIST_ID = 'search-results';

export class SearchBox extends PageElement {
  static override properties = {
    api: { attribute: false },
    registers: { attribute: false },
    results: { state: true },
    active: { state: true },
    open: { state: true },
    message: { state: true },
    text: { state: true },
  };

  declare api: PublicApi;
  declare registers: Register[];
  declare results: SearchResult[];
  declare active: number;
  declare open: boolean;
  declare message: string;
  declare text: string;

  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | undefined;

  constructor() {
    super();
    this.registers = [];
    this.results = [];
    this.active = -1;
    this.open = false;
    this.message = '';
    this.text = '';
  }

  protected override render(): TemplateResult {
    return html`<form class="search" role="search" @submit=${(event: Event) => this.submit(event)}>
      <label for="search-text" class="visually-hidden">${t('search.label')}</label>
      <input
        id="search-text"
        type="text"
        role="combobox"
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
        enterkeyhint="search"
        placeholder=${t('search.label')}
        aria-autocomplete="list"
        aria-controls=${LIST_ID}
        aria-expanded=${this.open && this.results.length > 0}
        aria-activedescendant=${this.active >= 0 ? optionId(this.active) : nothing}
        .value=${this.text}
        @input=${(event: Event) => this.typed((event.target as HTMLInputElement).value)}
        @keydown=${(event: KeyboardEvent) => this.key(event)}
        @blur=${() => (this.open = false)}
        @focus=${() => (this.open = this.results.length > 0)}
      />
      ${this.text ? this.clearButton() : nothing} ${this.list()}
      <p class="search-status" role="status">${this.message}</p>
    </form>`;
  }

  private clearButton(): TemplateResult {
    return html`<button type="button" class="search-clear" aria-label=${t('search.clear')} @click=${() => this.clear()}>
      <span aria-hidden="true">×</span>
    </button>`;
  }

  private list(): TemplateResult {
    const shown = this.open && this.results.length > 0;
    return html`<ul
      id=${LIST_ID}
      class="search-list"
      role="listbox"
      aria-label=${t('search.results')}
      ?hidden=${!shown}
    >
      ${this.results.map((result, index) => this.option(result, index))}
    </ul>`;
  }

  private option({ properties }: SearchResult, index: number): TemplateResult {
    const register = this.registers.find(({ id }) => id === properties.register);
    const notes = [properties.code, properties.context, say(register?.title)].filter(Boolean);
    return html`<li
      id=${optionId(index)}
      role="option"
      aria-selected=${index === this.active}
      @mousedown=${(event: Event) => event.preventDefault()}
      @click=${() => this.choose(index)}
    >
      <span class="option-label">${properties.label}</span>
      <span class="option-note">${notes.join(' · ')}</span>
    </li>`;
  }

  private typed(text: string): void {
    this.text = text;
    clearTimeout(this.timer);
    this.running?.abort();
    if (text.trim() === '') this.clear();
    else this.timer = setTimeout(() => void this.search(), WAIT_MS);
  }

  private async search(): Promise<void> {
    const request = new AbortController();
    this.running = request;
    this.message = t('search.searching');
    try {
      this.show(await this.api.search(this.text.trim(), request.signal));
    } catch (error) {
      if (isAbort(error)) return;
      this.show([]);
      this.message = t('search.failed', { why: reason(error) });
    }
  }

  private show(results: SearchResult[]): void {
    this.results = results;
    this.active = -1;
    this.open = results.length > 0;
    this.message = results.length > 0 ? t('search.found', { n: results.length }) : t('search.none');
  }

  private key(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined && this.results.length > 0) {
      event.preventDefault();
      this.move(step);
    }
    if (event.key === 'Escape') this.escape(event);
  }

  private move(step: number): void {
    const count = this.results.length;
    const from = this.active < 0 && step < 0 ? 0 : this.active;
    this.open = true;
    this.active = (from + step + count) % count;
    void this.updateComplete.then(() =>
      this.querySelector(`#${optionId(this.active)}`)?.scrollIntoView({ block: 'nearest' }),
    );
  }

  private escape(event: KeyboardEvent): void {
    event.preventDefault();
    if (this.open) this.open = false;
    else this.clear();
  }

  /** Enter takes the marked result; without one, the first, searching at once when nothing was found yet. */
  private async submitNow(): Promise<void> {
    clearTimeout(this.timer);
    if (this.text.trim() === '') return;
    if (this.active < 0) await this.search();
    if (this.results.length > 0) this.choose(Math.max(this.active, 0));
  }

  private submit(event: Event): void {
    event.preventDefault();
    void this.submitNow();
  }

  private choose(index: number): void {
    const result = this.results[index];
    if (!result) return;
    this.text = result.properties.label;
    this.open = false;
    this.message = '';
    this.emit<SearchResult>('result-chosen', result);
  }

  private clear(): void {
    this.running?.abort();
    this.text = '';
    this.results = [];
    this.active = -1;
    this.open = false;
    this.message = '';
    this.querySelector<HTMLInputElement>('input')?.focus();
  }
}

function optionId(index: number): string {
  return `search-option-${index}`;
}

customElements.define('bandoso-search', SearchBox);
