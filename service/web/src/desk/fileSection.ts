/** `<bandoso-file-section>`: what is in the file, and how it was understood. */
import { html, nothing, type TemplateResult } from 'lit';
import './crsChoice';
import './layerChoice';
import './placeColumns';
import { PageElement } from '../core/element';
import { columnTable, isUsed } from './columnTable';
import { crsName, crsState, isCrsDoubted, shareInside } from './crsNames';
import { encodingName, encodingTable } from './encodingTable';
import { layerOf, rowsOf } from './layers';
import { facts, geometryName } from './tables';
import type { Choices, ColumnField, CrsReport, Preview, Report } from './types';
import { count, d, distance, percent, size } from './words';

export class FileSection extends PageElement {
  static override properties = {
    report: { attribute: false },
    fields: { attribute: false },
    preview: { attribute: false },
    draft: { attribute: false },
    editable: { type: Boolean },
  };

  declare report: Report;
  declare fields: readonly ColumnField[];
  declare preview: Preview | null;
  declare draft: Choices;
  declare editable: boolean;

  constructor() {
    super();
    this.fields = [];
    this.preview = null;
    this.draft = {};
    this.editable = false;
  }

  protected override render(): TemplateResult {
    const { report } = this;
    return html`<section class="card" id="section-file" aria-labelledby="heading-file">
      <h2 id="heading-file" tabindex="-1">${d('section.file')}</h2>
      ${facts(factsOf(report))} ${this.layerPart()} ${this.placePart()} ${this.crsPart()} ${this.columnPart()}
      ${this.encodingPart()}
    </section>`;
  }

  private layerPart(): TemplateResult | typeof nothing {
    const { layers = [], layer = null } = this.report;
    if (layers.length < 2) return nothing;
    return html`<details class="part" ?open=${layer === null}>
      <summary>${d('layers.title', { n: layers.length })}</summary>
      <bandoso-layers-of-file .layers=${layers} .chosen=${layer} ?editable=${this.editable}></bandoso-layers-of-file>
    </details>`;
  }

  private placePart(): TemplateResult | typeof nothing {
    const { counts = {}, layers = [], layer, columns = [] } = this.report;
    const table = layers.find(({ name }) => name === layer) ?? layers[0];
    const asked = 'COLUMN_CHOICE' in counts;
    if (!this.editable || (!asked && table?.geometry)) return nothing;
    const names = table?.columns ?? columns.map(({ name }) => name);
    if (names.length < 2) return nothing;
    return html`<details class="part" ?open=${asked}>
      <summary>${d('places.title')}</summary>
      <bandoso-place-columns .columns=${names}></bandoso-place-columns>
    </details>`;
  }

  private crsPart(): TemplateResult | typeof nothing {
    const { crs } = this.report;
    if (!crs?.candidates?.length) return nothing;
    return html`<details class="part" ?open=${isCrsDoubted(crs)}>
      <summary>${d('crs.title')}</summary>
      <bandoso-crs .crs=${crs} .preview=${this.preview} ?editable=${this.editable}></bandoso-crs>
    </details>`;
  }

  private columnPart(): TemplateResult | typeof nothing {
    const columns = this.report.columns ?? [];
    if (columns.length === 0) return nothing;
    const used = columns.filter(isUsed).length;
    const doubted = columns.some(({ certain }) => certain === false);
    return html`<details class="part" ?open=${doubted || this.report.outcome === 'needs_choice'}>
      <summary>${d('columns.summary', { used, total: columns.length })}</summary>
      ${this.editable ? html`<p class="hint">${d('columns.hint')}</p>` : nothing}
      ${columnTable({
        columns,
        fields: this.fields,
        draft: this.draft.columns ?? {},
        editable: this.editable,
        onChoose: (choices) => this.emit<Choices>('choose', choices),
      })}
    </details>`;
  }

  private encodingPart(): TemplateResult | typeof nothing {
    const { encoding } = this.report;
    if (!encoding || Object.keys(encoding).length === 0) return nothing;
    const { encoding: drafted } = this.draft;
    const doubted = Object.values(encoding).some(({ certain }) => certain === false);
    return html`<details class="part" ?open=${doubted}>
      <summary>${d('encoding.summary', { names: encodingsOf(this.report) })}</summary>
      ${this.editable ? html`<p class="hint">${d('encoding.hint')}</p>` : nothing}
      ${encodingTable({
        encoding,
        draft: typeof drafted === 'object' ? drafted : {},
        editable: this.editable,
        onChoose: (choices) => this.emit<Choices>('choose', choices),
      })}
    </details>`;
  }
}

function factsOf(report: Report): [string, TemplateResult | string][] {
  const { file, layer, encoding } = report;
  const rows = rowsOf(report);
  return [
    [d('facts.format'), file?.format ?? ''],
    [d('facts.size'), file?.size_bytes ? size(file.size_bytes) : ''],
    [d('facts.layer'), layer ?? ''],
    [d('facts.geometry'), geometryName(layerOf(report)?.geometry)],
    [d('facts.rows'), rows === null ? '' : count(rows)],
    [d('facts.crs'), report.crs ? crsFact(report, report.crs) : ''],
    [d('facts.encoding'), encoding ? encodingsOf({ encoding }) : ''],
  ];
}

function crsFact(report: Report, crs: CrsReport): TemplateResult {
  const state = crsState(report);
  if (state === 'unknown') return html`<strong class="unsure">${d('crs.unknown')}</strong>`;
  const accuracy = typeof crs.accuracy_m === 'number' ? d('crs.accuracy', { distance: distance(crs.accuracy_m) }) : '';
  return html`${crsName(crs.chosen ?? '', crs.name)}
    <small>
      ${state === 'unsure' ? html`<strong class="unsure">${d('crs.unsure')}</strong>` : d(`crs.is.${state}`)}
      ${inside(crs)} ${accuracy}
    </small>`;
}

function inside(crs: CrsReport): string {
  const share = shareInside(crs);
  return share === null ? '' : `– ${d('crs.share', { share: percent(share) })}`;
}

/** The encodings of a file, each once. */
export function encodingsOf({ encoding }: Pick<Report, 'encoding'>): string {
  const names = Object.values(encoding ?? {}).map(({ chosen }) => encodingName(chosen));
  return [...new Set(names)].join(', ');
}

customElements.define('bandoso-file-section', FileSection);
