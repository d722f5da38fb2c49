/** The tiles of a layer by zoom: how long they take, how large they are, how they are found. */
import { html, nothing, type TemplateResult } from 'lit';
import { captionedTable } from './tables';
import type { MeasuredTile, ZoomReport } from './tileTypes';
import { count, d, size } from './words';

/** Bytes from which a tile is slow to fetch over a phone. */
const HEAVY_BYTES = 200 * 1024;
const SLOW_MS = 200;

const HEADS = ['zoom', 'tiles', 'median', 'worst', 'bytes', 'features', 'dropped', 'index', 'advice'] as const;

export function zoomTable(zooms: readonly ZoomReport[]): TemplateResult {
  const heads = HEADS.map((head) => d(`tiles.head.${head}`));
  return html`<section>
    <h3>${d('tiles.zooms')}</h3>
    <p class="hint">${d('tiles.zoomsHint')}</p>
    ${captionedTable(d('tiles.zooms'), heads, zooms.map(row))}
  </section>`;
}

function row(zoom: ZoomReport): TemplateResult {
  if (!zoom.is_drawn) {
    return html`<tr>
      <th scope="row">${zoom.z}</th>
      <td colspan=${HEADS.length - 1}>${d('tiles.notDrawn')}</td>
    </tr>`;
  }
  const { worst = null, dropped = 0 } = zoom;
  return html`<tr>
    <th scope="row">${zoom.z}</th>
    <td>${typeof zoom.tiles === 'number' ? d('tiles.sampled', { tiles: zoom.tiles, n: zoom.sample ?? 0 }) : d('tiles.tooMany')}</td>
    <td>${time(zoom.median_ms)}</td>
    <td>${worst ? worstTile(worst) : nothing}</td>
    <td>${d('tiles.bytes', { plain: size(zoom.largest_bytes ?? 0), packed: size(zoom.largest_packed_bytes ?? 0) })}</td>
    <td>${count(zoom.features ?? 0)}</td>
    <td>${count(dropped)}</td>
    <td>${access(zoom)}</td>
    <td>${advice(zoom)}</td>
  </tr>`;
}

function worstTile({ ms, z, x, y }: MeasuredTile): TemplateResult {
  return html`${ms === null ? d('tiles.timedOut') : time(ms)} (${z}/${x}/${y})`;
}

/** Milliseconds as people read them. */
export function time(ms: number | null | undefined): string {
  return typeof ms === 'number' ? d('tiles.ms', { ms: count(Math.round(ms * 10) / 10) }) : '';
}

function access({ access: found }: ZoomReport): string {
  if (!found) return '';
  if (found.indexes.length > 0) return found.indexes.join(', ');
  return found.scanned.length > 0 ? d('tiles.noIndex', { tables: found.scanned.join(', ') }) : d('tiles.noRows');
}

/** What a zoom's figures mean, and what can be done. */
function advice(zoom: ZoomReport): string {
  const { worst = null, access: found, sample = 0 } = zoom;
  const slow = worst !== null && (worst.ms === null || worst.ms > SLOW_MS);
  const said = [
    (zoom.timed_out ?? 0) > 0 || zoom.tiles === null ? d('tiles.adviceTimedOut') : '',
    slow && found && found.indexes.length === 0 ? d('tiles.adviceIndex') : slow ? d('tiles.adviceSlow') : '',
    (zoom.largest_packed_bytes ?? 0) > HEAVY_BYTES ? d('tiles.adviceHeavy') : '',
    (zoom.made_anew ?? 0) > 0 ? d('tiles.adviceMadeAnew', { n: zoom.made_anew ?? 0 }) : '',
    (zoom.dropped ?? 0) > 0 ? d('tiles.adviceDropped') : '',
    sample === 0 && zoom.tiles === 0 ? d('tiles.adviceEmpty') : '',
  ];
  return said.filter(Boolean).join(' ') || d('tiles.adviceNone');
}
