/** What of a layer is on no map and why, shapes that are invalid, and the tables that tiles are cut from. */
import { html, nothing, type TemplateResult } from 'lit';
import { base } from '../core/page';
import { captionedTable } from './tables';
import type { Absence, InvalidShape, MissingReport, TableStatistics } from './tileTypes';
import { count, d, moment, size } from './words';

const ABSENCES: readonly Absence[] = ['without_place', 'withheld', 'unlisted', 'guarded', 'outside', 'lost'];

export function missingTables(found: MissingReport, register: string): TemplateResult {
  const { counts } = found;
  const heads = [d('tiles.head.finding'), d('tiles.head.count'), d('tiles.head.meaning')];
  return html`<section>
    <h3>${d('tiles.missing')}</h3>
    <p>${layerWords(found)}</p>
    <p>${d('tiles.totals', { total: counts.total, shown: counts.shown })}</p>
    ${captionedTable(
      d('tiles.missing'),
      heads,
      ABSENCES.map(
        (name) =>
          html`<tr>
            <th scope="row">${d(`tiles.absence.${name}`)}</th>
            <td>${count(counts[name])}</td>
            <td>${counts[name] > 0 ? d(`tiles.absenceHint.${name}`) : d('tiles.none')}</td>
          </tr>`,
      ),
    )}
    ${invalidShapes(found.invalid, register)} ${tables(found.tables)}
  </section>`;
}

function layerWords({ revision, min_zoom: first, counts_below: below }: MissingReport): string {
  const published = revision
    ? d('tiles.revision', { n: revision.number, when: moment(revision.published_at) })
    : d('tiles.noRevision');
  const zooms = below === null ? d('tiles.from', { first }) : d('tiles.counts', { first, below });
  return `${published} ${zooms}`;
}

function invalidShapes(invalid: InvalidShape[] | null, register: string): TemplateResult {
  const title = html`<h4>${d('tiles.invalid')}</h4>`;
  if (invalid === null) return html`${title}<p>${d('tiles.invalidUnchecked')}</p>`;
  if (invalid.length === 0) return html`${title}<p>${d('tiles.invalidNone')}</p>`;
  const heads = [d('tiles.head.record'), d('tiles.head.reason'), d('tiles.head.place')];
  const items = `${base}/collections/${encodeURIComponent(register)}/items`;
  return html`${title}
    <p>${d('tiles.invalidHint')}</p>
    ${captionedTable(
      d('tiles.invalid'),
      heads,
      invalid.map(
        ({ uuid, label, reason, place }) =>
          html`<tr>
            <th scope="row"><a href="${items}/${uuid}">${label || uuid}</a></th>
            <td>${reason}</td>
            <td>${place ? `${place[1].toFixed(6)}, ${place[0].toFixed(6)}` : nothing}</td>
          </tr>`,
      ),
    )}`;
}

function tables(found: TableStatistics[]): TemplateResult {
  const heads = (['table', 'rows', 'size', 'dead', 'analysed', 'advice'] as const).map((head) => d(`tiles.head.${head}`));
  return html`<h4>${d('tiles.tables')}</h4>
    ${captionedTable(
      d('tiles.tables'),
      heads,
      found.map(
        (one) =>
          html`<tr>
            <th scope="row">${one.name}</th>
            <td>${count(one.live || one.rows)}</td>
            <td>${size(one.bytes)}</td>
            <td>${count(one.dead)}</td>
            <td>${moment(one.analysed) || d('tiles.never')}</td>
            <td>${tableWords(one)}</td>
          </tr>`,
      ),
    )}`;
}

function tableWords({ troubles, missing, broken }: TableStatistics): string {
  const names = [...missing, ...broken].join(', ');
  return troubles.map((name) => d(`tiles.trouble.${name}`, { names })).join(' ') || d('tiles.adviceNone');
}
