/** Small pieces that several sections of a report share. */
import { html, nothing, type TemplateResult } from 'lit';
import { d } from './words';

type Caption = TemplateResult | typeof nothing;

/** A table that scrolls sideways in a box of its own, which the keyboard reaches. */
export function scrollingTable(
  label: string,
  heads: readonly string[],
  rows: readonly TemplateResult[],
  caption: Caption = nothing,
): TemplateResult {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      ${caption}
      <thead>
        <tr>
          ${heads.map((head) => html`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

/** The same under a caption that is read before it. */
export function captionedTable(caption: string, heads: readonly string[], rows: readonly TemplateResult[]): TemplateResult {
  return scrollingTable(caption, heads, rows, html`<caption>${caption}</caption>`);
}

/** Pairs of a name and what stands for it; those without a value are left out. */
export function facts(pairs: readonly (readonly [string, TemplateResult | string])[]): TemplateResult {
  return html`<dl class="facts">
    ${pairs.map(([name, value]) =>
      value === ''
        ? nothing
        : html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
    )}
  </dl>`;
}

/** A value of a file or a record as it stands there; never markup. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The kind of a geometry in words, whatever its dimensions and number of parts; as it stands when it is no known one. */
export function geometryName(kind: string | null | undefined): string {
  if (!kind) return '';
  const plain = kind
    .toLowerCase()
    .replace(/^(3d |2\.5d )?(multi)?/, '')
    .replace(/[\s(].*$|zm?$|m$/, '');
  if (plain === 'point') return d('geometry.point');
  if (plain === 'linestring' || plain === 'curve') return d('geometry.line');
  if (plain === 'polygon' || plain === 'surface') return d('geometry.area');
  if (plain.startsWith('geometry') || plain === 'unknown') return d('geometry.mixed');
  return kind;
}
