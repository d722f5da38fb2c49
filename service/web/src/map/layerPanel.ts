/** Switches and legends of all layers. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import { lang, say, t } from '../core/page';
import type { LegendEntry, Register } from '../core/types';

export interface LayerToggle {
  id: string;
  shown: boolean;
}

export class LayerPanel extends PageElement {
  static override properties = {
    registers: { attribute: false },
    shown: { attribute: false },
    dropped: { attribute: false },
    day: { attribute: false },
  };

  declare registers: Register[];
  declare shown: ReadonlySet<string>;
  /** How many records of each layer are too small and too close together to be drawn in this view. */
  declare dropped: ReadonlyMap<string, number>;
  /** The day (YYYY-MM-DD) whose records are drawn, of layers that say from when to when they hold. */
  declare day: string;

  constructor() {
    super();
    this.registers = [];
    this.shown = new Set();
    this.dropped = new Map();
    this.day = '';
  }

  protected override render(): TemplateResult {
    if (this.registers.length === 0) return html`<p>${t('layers.none')}</p>`;
    return html`<fieldset class="layers">
      <legend>${t('layers.legend')}</legend>
      ${this.registers.map((register) => this.row(register))}
    </fieldset>`;
  }

  private row(register: Register): TemplateResult {
    const id = `layer-${register.id}`;
    const on = this.shown.has(register.id);
    return html`<div class="layer">
      <div class="layer-head">
        <input type="checkbox" id=${id} .checked=${on} @change=${(event: Event) => this.toggle(register.id, event)} />
        <label for=${id}>${say(register.title)}</label>
        ${register.sample ? html`<span class="badge">${t('layers.sample')}</span>` : nothing}
      </div>
      ${on ? html`${this.legend(register)}${this.dayChoice(register)}${this.left(register.id)}` : nothing}
    </div>`;
  }

  private legend(register: Register): TemplateResult | typeof nothing {
    if (register.legend.length === 0) return nothing;
    return html`<ul class="legend" aria-label=${t('layers.legendOf', { title: say(register.title) })}>
        ${register.legend.map((entry) => html`<li>${swatch(register.geometry, entry)} ${entry.label[lang]}</li>`)}
      </ul>
      ${register.tile.counts_below ? html`<p class="hint">${t('layers.countsBelow')}</p>` : nothing}`;
  }

  private dayChoice(register: Register): TemplateResult | typeof nothing {
    if (!register.by_day) return nothing;
    const id = `day-${register.id}`;
    return html`<div class="day">
      <label for=${id}>${t('layers.day')}</label>
      <input type="date" id=${id} required .value=${this.day} @change=${(event: Event) => this.chooseDay(event)} />
    </div>`;
  }

  private chooseDay(event: Event): void {
    const input = event.target as HTMLInputElement;
    if (input.value) this.emit<string>('day-chosen', input.value);
    else input.value = this.day;
  }

  private left(id: string): TemplateResult | typeof nothing {
    const count = this.dropped.get(id) ?? 0;
    return count > 0 ? html`<p class="hint">${t('layers.dropped', { n: count })}</p>` : nothing;
  }

  private toggle(id: string, event: Event): void {
    this.emit<LayerToggle>('layer-toggle', { id, shown: (event.target as HTMLInputElement).checked });
  }
}

/** A picture of the symbol. The colour is an attribute of SVG: the page's policy allows no style attributes. */
function swatch(geometry: Register['geometry'], entry: LegendEntry): TemplateResult {
  const shapes = {
    point: svg`<circle cx="8" cy="8" r="5.5" fill=${entry.color} stroke="#fff" stroke-width="1.5" />`,
    line: svg`<path d="M1 13 L15 3" fill="none" stroke=${entry.color} stroke-width="3" />`,
    polygon: svg`<rect x="1.5" y="2.5" width="13" height="11" fill=${entry.color} fill-opacity="0.5"
      stroke=${entry.color} stroke-width="1.5" />`,
  };
  return html`<svg class="swatch" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    ${shapes[geometry]}
  </svg>`;
}

customElements.define('bandoso-layers', LayerPanel);
