/** The list equivalent of the map: what lies in the view, as a table. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { isAbort, type PublicApi } from '../core/api';
import { PageElement, reason } from '../core/element';
import { touches, type Changes } from '../core/tileMath';
import { lang, say, t } from '../core/page';
import type { Bounds, Feature, FeatureCollection, Field, Register } from '../core/types';
import { featureLabel, formatValue, nameFields } from '../core/values';

const PAGE_SIZE = 50;
const MOST = 1000;
const WAIT_MS = 300;
const EXTRA_COLUMNS = 2;

export interface FeatureChoice {
  register: string;
  feature: Feature;
}

type State = 'loading' | 'ready' | 'failed';

export class FeatureList extends PageElement {
  static override properties = {
    api: { attribute: false },
    registers: { attribute: false },
    register: { attribute: false },
    bounds: { attribute: false },
    active: { type: Boolean },
    state: { state: true },
    features: { state: true },
    matched: { state: true },
    next: { state: true },
    why: { state: true },
  };

  declare api: PublicApi;
  declare registers: Register[];
  declare register: string;
  /** Box of the view; null asks for everything. */
  declare bounds: Bounds | null;
  /** Whether anyone sees the list; a hidden one asks for nothing. */
  declare active: boolean;
  declare state: State;
  declare features: Feature[];
  declare matched: number | undefined;
  declare next: string | undefined;
  declare why: string;

  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | undefined;
  private isStale = true;

  constructor() {
    super();
    this.registers = [];
    this.register = '';
    this.bounds = null;
    this.active = false;
    this.state = 'loading';
    this.features = [];
    this.why = '';
  }

  /** Asks again for as much as is shown, where a publish may have changed it; the rows stay in place meanwhile. */
  refresh(changes: Changes): void {
    if (changes.layer !== this.register || !touches(changes, this.bounds)) return;
    this.isStale = true;
    if (this.active) void this.load(Math.min(Math.max(this.features.length, PAGE_SIZE), MOST), 'ready');
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    this.running?.abort();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('register')) this.features = [];
    if (changed.has('register') || changed.has('bounds')) this.isStale = true;
    clearTimeout(this.timer);
    if (!this.active || !this.isStale) return;
    this.timer = setTimeout(() => void this.load(), changed.has('bounds') ? WAIT_MS : 0);
  }

  protected override render(): TemplateResult {
    return html`<p class="hint">${t('list.hint')}</p>
      <p>
        <label for="list-register">${t('list.choose')}</label>
        <select id="list-register" @change=${(event: Event) => this.chooseRegister(event)}>
          ${this.registers.map(
            ({ id, title }) => html`<option value=${id} ?selected=${id === this.register}>${say(title)}</option>`,
          )}
        </select>
      </p>
      <p role="status">${this.status()}</p>
      ${this.features.length > 0 ? this.table() : nothing}
      ${this.next ? html`<button type="button" @click=${() => void this.more()}>${t('list.more')}</button>` : nothing}`;
  }

  private get current(): Register | undefined {
    return this.registers.find(({ id }) => id === this.register);
  }

  private status(): string {
    if (this.state === 'loading') return t('list.loading');
    if (this.state === 'failed') return t('list.failed', { why: this.why });
    if (this.features.length === 0) return t(this.bounds ? 'list.empty' : 'list.emptyAll');
    const n = this.features.length;
    return this.matched === undefined ? t('list.shown', { n }) : t('list.shownOf', { n, total: this.matched });
  }

  private table(): TemplateResult | typeof nothing {
    const register = this.current;
    if (!register) return nothing;
    const columns = extraColumns(register);
    return html`<div class="table-scroll">
      <table class="features">
        <caption>
          ${t(this.bounds ? 'list.caption' : 'list.captionAll', { title: say(register.title) })}
        </caption>
        <thead>
          <tr>
            <th scope="col">${t('list.name')}</th>
            ${columns.map((field) => html`<th scope="col">${say(field.title)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${repeat(
            this.features,
            (feature) => featureId(feature),
            (feature) => this.row(feature, register, columns),
          )}
        </tbody>
      </table>
    </div>`;
  }

  private row(feature: Feature, register: Register, columns: Field[]): TemplateResult {
    const name = featureLabel(feature.properties, register, lang) || t('details.noName');
    return html`<tr>
      <th scope="row">
        <button type="button" class="link" @click=${() => this.choose(feature)}>${name}</button>
      </th>
      ${columns.map((field) => html`<td>${formatValue(feature.properties[field.name], field, register, lang, t)}</td>`)}
    </tr>`;
  }

  private chooseRegister(event: Event): void {
    this.emit<string>('register-chosen', (event.target as HTMLSelectElement).value);
  }

  private choose(feature: Feature): void {
    this.emit<FeatureChoice>('feature-chosen', { register: this.register, feature });
  }

  private load(limit = PAGE_SIZE, meanwhile: State = 'loading'): Promise<void> {
    this.isStale = false;
    return this.take((signal) => this.api.items(this.register, this.bounds, limit, signal), [], meanwhile);
  }

  private more(): Promise<void> {
    const next = this.next;
    return next === undefined ? Promise.resolve() : this.take((signal) => this.api.follow(next, signal), this.features);
  }

  private async take(
    ask: (signal: AbortSignal) => Promise<FeatureCollection>,
    before: Feature[],
    meanwhile: State = 'loading',
  ): Promise<void> {
    if (!this.register) return;
    this.running?.abort();
    const request = new AbortController();
    this.running = request;
    // What is under way already is told of as before.
    if (this.state !== 'loading') this.state = meanwhile;
    try {
      const page = await ask(request.signal);
      this.features = [...before, ...page.features];
      this.matched = page.numberMatched ?? (before.length > 0 ? this.matched : undefined);
      this.next = page.links?.find(({ rel }) => rel === 'next')?.href;
      this.state = 'ready';
    } catch (error) {
      if (isAbort(error)) return;
      this.why = reason(error);
      this.state = 'failed';
    }
  }
}

/** The opaque name a feature keeps for ever. */
export function featureId({ id, properties }: Feature): string {
  return String(id ?? properties['uuid'] ?? '');
}

/** What tells rows apart beside their names: the value the colours show comes first. */
function extraColumns(register: Register): Field[] {
  const named = nameFields(register);
  const others = register.fields.filter(({ name }) => !named.has(name) && name !== 'uuid');
  const colour = others.filter(({ name }) => name === register.legend_field);
  return [...new Set([...colour, ...others])].slice(0, EXTRA_COLUMNS);
}

customElements.define('bandoso-list', FeatureList);
