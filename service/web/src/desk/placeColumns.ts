/** `<bandoso-place-columns>`: which columns of a table hold the coordinates. */
import { html, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import type { Choices, PlaceColumns } from './types';
import { d } from './words';

const AXES = ['x', 'y'] as const;
type Part = (typeof AXES)[number] | 'wkt';

export class PlaceColumnChoice extends PageElement {
  static override properties = { columns: { attribute: false }, picked: { state: true } };

  /** All columns of the table. */
  declare columns: readonly string[];
  declare picked: PlaceColumns;

  constructor() {
    super();
    this.columns = [];
    this.picked = {};
  }

  protected override render(): TemplateResult {
    const { x_column: x, y_column: y, wkt_column: wkt } = this.picked;
    const isPair = Boolean(x) && Boolean(y) && x !== y && !wkt;
    const isShape = Boolean(wkt) && !x && !y;
    return html`<p class="hint">${d('places.hint')}</p>
      <div class="form-pair">${AXES.map((axis) => this.select(axis))}</div>
      ${this.select('wkt')}
      <p class="actions">
        <button
          type="button"
          class="primary"
          ?disabled=${!isPair && !isShape}
          @click=${() => this.emit<Choices>('choose-now', { place_columns: this.picked })}
        >
          ${d('places.use')}
        </button>
      </p>`;
  }

  private select(axis: Part): TemplateResult {
    const pick = (event: Event) => {
      const { [`${axis}_column`]: _, ...others } = this.picked as Record<string, string>;
      const { value } = event.target as HTMLSelectElement;
      this.picked = value ? { ...others, [`${axis}_column`]: value } : others;
    };
    return html`<div>
      <label for="place-${axis}">${d(`places.${axis}`)}</label>
      <select id="place-${axis}" @change=${pick}>
        <option value="">${d('places.none')}</option>
        ${this.columns.map((name) => html`<option value=${name}>${name}</option>`)}
      </select>
    </div>`;
  }
}

customElements.define('bandoso-place-columns', PlaceColumnChoice);
