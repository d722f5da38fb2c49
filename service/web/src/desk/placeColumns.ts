/** `<bandoso-place-columns>`: which columns of a table hold the coordinates. */
import { html, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import type { Choices, PlaceColumns } from './types';
import { d } from './words';

const AXES = ['x', 'y'] as const;

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
    const { x_column: x, y_column: y } = this.picked;
    return html`<p class="hint">${d('places.hint')}</p>
      <div class="form-pair">${AXES.map((axis) => this.select(axis))}</div>
      <p class="actions">
        <button
          type="button"
          class="primary"
          ?disabled=${!x || !y || x === y}
          @click=${() => this.emit<Choices>('choose-now', { place_columns: this.picked })}
        >
          ${d('places.use')}
        </button>
      </p>`;
  }

  private select(axis: 'x' | 'y'): TemplateResult {
    const pick = (event: Event) => {
      this.picked = { ...this.picked, [`${axis}_column`]: (event.target as HTMLSelectElement).value };
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
