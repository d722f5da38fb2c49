/** Everything public about one feature. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { isAbort, type PublicApi } from '../core/api';
import { PageElement, reason } from '../core/element';
import { lang, say, t } from '../core/page';
import type { Feature, Field, Register } from '../core/types';
import { featureLabel, formatValue, isGiven, safeHref } from '../core/values';

export interface Selection {
  register: string;
  /** Its UUID, or the number that tiles carry. */
  id: string;
  /** What is known of the name before the details arrive. */
  label: string;
}

export class FeatureDetails extends PageElement {
  static override properties = {
    api: { attribute: false },
    registers: { attribute: false },
    selection: { attribute: false },
    others: { attribute: false },
    hasMap: { type: Boolean },
    feature: { state: true },
    why: { state: true },
  };

  declare api: PublicApi;
  declare registers: Register[];
  declare selection: Selection | undefined;
  declare others: Selection[];
  declare hasMap: boolean;
  declare feature: Feature | undefined;
  declare why: string;

  private running: AbortController | undefined;

  constructor() {
    super();
    this.registers = [];
    this.others = [];
    this.hasMap = false;
    this.why = '';
  }

  /** Puts the keyboard's focus on the name of the feature. */
  async focusName(): Promise<void> {
    await this.updateComplete;
    this.querySelector<HTMLElement>('h3')?.focus();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('selection') && this.selection) void this.load(this.selection);
  }

  protected override render(): TemplateResult {
    const { selection } = this;
    if (!selection) return html`<p>${t('details.none')}</p>`;
    const register = this.registers.find(({ id }) => id === selection.register);
    const name = (this.feature && featureLabel(this.feature.properties, register, lang)) || selection.label;
    return html`<h3 tabindex="-1">${name || t('details.noName')}</h3>
      <p class="kind">
        ${say(register?.title)} ${register?.sample ? html`<span class="badge">${t('layers.sample')}</span>` : nothing}
      </p>
      <p role="status">${this.status()}</p>
      ${this.feature && register ? this.body(this.feature, register) : nothing} ${this.links(selection)}
      ${this.otherList()}`;
  }

  private status(): string {
    if (this.why) return t('details.failed', { why: this.why });
    return this.feature ? '' : t('details.loading');
  }

  private body(feature: Feature, register: Register): TemplateResult {
    const given = register.fields.filter(({ name }) => isGiven(feature.properties[name]));
    const absent = register.fields.filter((field) => !given.includes(field));
    return html`<dl class="fields">${given.map((field) => this.field(feature, field, register))}</dl>
      ${
        absent.length > 0
          ? html`<p class="hint">
              ${t('details.absent', { titles: absent.map(({ title }) => say(title)).join(', ') })}
            </p>`
          : nothing
      }
      ${
        this.hasMap && feature.geometry
          ? html`<button type="button" @click=${() => this.emit<Feature>('go-there', feature)}>
              ${t('details.zoom')}
            </button>`
          : nothing
      }`;
  }

  private field(feature: Feature, field: Field, register: Register): TemplateResult {
    const value = feature.properties[field.name];
    const href = safeHref(value);
    const text = formatValue(value, field, register, lang, t);
    const shown = href ? html`<a href=${href} target="_blank" rel="noopener nofollow ugc">${text}</a>` : text;
    return html`<div>
      <dt>${say(field.title)}</dt>
      <dd>${shown}</dd>
    </div>`;
  }

  /** Addresses with the name that a feature keeps for ever, as soon as it is known. */
  private links({ register, id }: Selection): TemplateResult {
    const lasting = String(this.feature?.id ?? id);
    const page = `${this.api.itemUrl(register, lasting)}?lang=${lang}`;
    return html`<ul class="links">
      <li><a href=${page} target="_blank" rel="noopener">${t('details.page')}</a></li>
      <li>
        <a href=${this.api.itemUrl(register, lasting, 'json')} target="_blank" rel="noopener">${t('details.geojson')}</a>
      </li>
    </ul>`;
  }

  private otherList(): TemplateResult | typeof nothing {
    if (this.others.length === 0) return nothing;
    return html`<h4>${t('details.others')}</h4>
      <ul class="others">
        ${this.others.map(
          (other) =>
            html`<li>
              <button type="button" class="link" @click=${() => this.emit<Selection>('other-chosen', other)}>
                ${other.label || t('details.noName')}
              </button>
              ${say(this.registers.find(({ id }) => id === other.register)?.title)}
            </li>`,
        )}
      </ul>`;
  }

  private async load(selection: Selection): Promise<void> {
    this.running?.abort();
    const request = new AbortController();
    this.running = request;
    this.feature = undefined;
    this.why = '';
    try {
      this.feature = await this.api.item(selection.register, selection.id, request.signal);
      this.emit<Feature>('details-loaded', this.feature);
    } catch (error) {
      if (!isAbort(error)) this.why = reason(error);
    }
  }
}

customElements.define('bandoso-details', FeatureDetails);
