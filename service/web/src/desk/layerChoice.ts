/** `<bandoso-layers-of-file>`: which layer of a file is meant, each with a look into it. */
import { html, nothing, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import { geometryName, scrollingTable } from './tables';
import type { Choices, FileLayer } from './types';
import { count, d } from './words';

const COLUMNS_SHOWN = 8;

export class LayerChoice extends PageElement {
  static override properties = {
    layers: { attribute: false },
    chosen: { attribute: false },
    editable: { type: Boolean },
    picked: { state: true },
  };

  declare layers: FileLayer[];
  declare chosen: string | null;
  declare editable: boolean;
  declare picked: string | null;

  constructor() {
    super();
    this.layers = [];
    this.chosen = null;
    this.editable = false;
    this.picked = null;
  }

  protected override render(): TemplateResult {
    const picked = this.picked ?? this.chosen;
    return html`<fieldset class="candidates">
      <legend>${d('layers.ask', { n: this.layers.length })}</legend>
      ${this.layers.map((layer, index) => this.option(layer, index, layer.name === picked))}
      ${
        this.editable
          ? html`<button
              type="button"
              class="primary"
              ?disabled=${picked === null || picked === this.chosen}
              @click=${() => this.emit<Choices>('choose-now', { layer: picked ?? '' })}
            >
              ${picked === null ? d('layers.useNone') : d('layers.use', { name: picked })}
            </button>`
          : nothing
      }
    </fieldset>`;
  }

  private option(layer: FileLayer, index: number, picked: boolean): TemplateResult {
    const id = `layer-${index}`;
    const notes = [
      typeof layer.rows === 'number' ? d('layers.rows', { n: layer.rows }) : '',
      geometryName(layer.geometry),
      layer.crs ?? '',
    ];
    return html`<div class="option">
      <input
        type="radio"
        name="layer"
        id=${id}
        .checked=${picked}
        ?disabled=${!this.editable}
        aria-describedby="${id}-note"
        @change=${() => (this.picked = layer.name)}
      />
      <label for=${id}>${layer.name}</label>
      <p class="hint" id="${id}-note">${notes.filter(Boolean).join(' · ')}</p>
      ${this.sample(layer, picked)}
    </div>`;
  }

  private sample(layer: FileLayer, open: boolean): TemplateResult | typeof nothing {
    const rows = layer.sample ?? [];
    const columns = (layer.columns ?? Object.keys(rows[0] ?? {})).slice(0, COLUMNS_SHOWN);
    if (rows.length === 0 || columns.length === 0) return nothing;
    const lines = rows.map(
      (row) =>
        html`<tr>
          ${columns.map((column) => html`<td>${row[column] ?? ''}</td>`)}
        </tr>`,
    );
    const title = d('layers.sample', { name: layer.name, n: count(rows.length) });
    return html`<details ?open=${open}>
      <summary>${title}</summary>
      ${scrollingTable(title, columns, lines)}
    </details>`;
  }
}

customElements.define('bandoso-layers-of-file', LayerChoice);
