/** In which encoding each text column is written, with samples before and after, and a list to choose another. */
import { html, nothing, type TemplateResult } from 'lit';
import { scrollingTable } from './tables';
import type { Choices, EncodingReport } from './types';
import { d } from './words';

/** Encodings Vietnamese files are written in, in the names the service takes. */
export const ENCODINGS = ['utf-8', 'tcvn3', 'vni', 'viscii', 'cp1258', 'cp1252', 'gbk', 'utf-8-double'] as const;
type Encoding = (typeof ENCODINGS)[number];

export interface EncodingTable {
  encoding: Readonly<Record<string, EncodingReport>>;
  /** What was changed and not yet checked. */
  draft: Readonly<Record<string, string>>;
  editable: boolean;
  onChoose: (choices: Choices) => void;
}

export function encodingTable(table: EncodingTable): TemplateResult {
  const heads = [d('encoding.column'), d('encoding.before'), d('encoding.after'), d('encoding.encoding')];
  const rows = Object.entries(table.encoding).map(([column, report]) => encodingRow(table, column, report));
  return scrollingTable(d('encoding.title'), heads, rows);
}

/** The name of an encoding as people know it. */
export function encodingName(codec: string): string {
  const known = ENCODINGS.find((encoding) => encoding === codec.toLowerCase());
  return known ? d(`codec.${known}`) : codec;
}

function encodingRow(table: EncodingTable, column: string, report: EncodingReport): TemplateResult {
  const samples = report.samples ?? [];
  const chosen = table.draft[column] ?? report.chosen;
  return html`<tr>
    <th scope="row">${column}</th>
    <td class="samples">${texts(samples.map(({ before }) => before))}</td>
    <td class="samples">${texts(samples.map(({ after }) => after))}</td>
    <td>
      ${table.editable ? select(table, column, chosen) : encodingName(chosen)}
      <small class=${report.certain === false ? 'unsure' : ''}>
        ${column in table.draft ? d('columns.how.draft') : report.certain === false ? d('encoding.unsure') : ''}
      </small>
    </td>
  </tr>`;
}

function texts(found: readonly string[]): TemplateResult {
  return html`<ul>
    ${found.map((text) => html`<li>${text}</li>`)}
  </ul>`;
}

function select(table: EncodingTable, column: string, chosen: string): TemplateResult {
  const choose = (event: Event) =>
    table.onChoose({ encoding: { [column]: (event.target as HTMLSelectElement).value } });
  const isKnown = ENCODINGS.includes(chosen.toLowerCase() as Encoding);
  return html`<select aria-label=${d('encoding.of', { name: column })} @change=${choose}>
    ${isKnown ? nothing : html`<option value=${chosen} selected>${chosen}</option>`}
    ${ENCODINGS.map(
      (codec) =>
        html`<option value=${codec} ?selected=${codec === chosen.toLowerCase()}>${encodingName(codec)}</option>`,
    )}
  </select>`;
}
