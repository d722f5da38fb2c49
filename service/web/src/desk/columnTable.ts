/** Which column of a file is which field, with samples and a list to choose another. */
import { html, nothing, type TemplateResult } from 'lit';
import { say } from '../core/page';
import { scrollingTable } from './tables';
import type { Choices, ColumnField, FileColumn } from './types';
import { d } from './words';

export interface ColumnTable {
  columns: readonly FileColumn[];
  fields: readonly ColumnField[];
  /** What was changed and not yet checked. */
  draft: Readonly<Record<string, string | null>>;
  editable: boolean;
  onChoose: (choices: Choices) => void;
}

/** Whether something of a column is used: for a field, for the place, or to know the record again. */
export function isUsed({ field, certain, how }: FileColumn): boolean {
  return how === 'place' || how === 'id' || (field !== null && certain !== false);
}

export function columnTable(table: ColumnTable): TemplateResult {
  const heads = [d('columns.column'), d('columns.samples'), d('columns.field')];
  const rows = table.columns.map((column, index) => columnRow(table, column, `column-${index}`));
  return scrollingTable(d('columns.title'), heads, rows);
}

function columnRow(table: ColumnTable, column: FileColumn, id: string): TemplateResult {
  const { draft, editable } = table;
  const isChanged = column.name in draft;
  // A field that is not certain is a proposal: the service does not use it until somebody says so.
  const proposed = column.certain === false && !isChanged ? column.field : null;
  const field = isChanged ? (draft[column.name] ?? null) : proposed === null ? column.field : null;
  return html`<tr class=${field === null && !isUsed(column) ? 'unused' : ''}>
    <th scope="row">${column.name}</th>
    <td class="samples">${samples(column)}</td>
    <td>
      ${editable ? select(table, column, field, id) : field === null ? withoutField(column) : fieldTitle(table.fields, field)}
      ${proposed === null ? html`<small>${note(column, isChanged)}</small>` : proposal(table, column.name, proposed)}
    </td>
  </tr>`;
}

function samples({ samples: found = [] }: FileColumn): TemplateResult | string {
  if (found.length === 0) return d('columns.noSamples');
  return html`<ul>
    ${found.map((sample) => html`<li>${sample}</li>`)}
  </ul>`;
}

function select(table: ColumnTable, column: FileColumn, field: string | null, id: string): TemplateResult {
  const choose = (event: Event) => {
    const { value } = event.target as HTMLSelectElement;
    table.onChoose({ columns: { [column.name]: value || null } });
  };
  return html`<select id=${id} aria-label=${d('columns.fieldOf', { name: column.name })} @change=${choose}>
    <option value="" ?selected=${field === null}>${withoutField(column)}</option>
    ${table.fields.map(
      ({ name, title }) => html`<option value=${name} ?selected=${name === field}>${say(title)}</option>`,
    )}
    ${
      field !== null && !table.fields.some(({ name }) => name === field)
        ? html`<option value=${field} selected>${field}</option>`
        : nothing
    }
  </select>`;
}

/** What a column may be, and a button that says so. */
function proposal(table: ColumnTable, name: string, field: string): TemplateResult {
  const title = fieldTitle(table.fields, field);
  return html`<small class="unsure">${d('columns.maybe', { title })}</small> ${
      table.editable
        ? html`<button
            type="button"
            class="link"
            aria-label=${d('columns.takeNamed', { name, title })}
            @click=${() => table.onChoose({ columns: { [name]: field } })}
          >
            ${d('columns.take')}
          </button>`
        : nothing
    }`;
}

/** What a column is where it is no field. */
function withoutField({ how }: FileColumn): string {
  return d(how === 'place' || how === 'id' ? `columns.${how}` : 'columns.unused');
}

function fieldTitle(fields: readonly ColumnField[], field: string): string {
  return say(fields.find(({ name }) => name === field)?.title) || field;
}

/** Why the column was taken for this field. */
function note({ how, field }: FileColumn, isChanged: boolean): string {
  if (isChanged) return d('columns.how.draft');
  return how === 'values' || how === 'memory' || how === 'chosen'
    ? field === null
      ? ''
      : d(`columns.how.${how}`)
    : '';
}
