/** `<bandoso-tile-question>`: why one record or one tile does not show. */
import { html, nothing, type TemplateResult } from 'lit';
import { PageElement, reason } from '../core/element';
import { base } from '../core/page';
import type { DeskApi } from './deskApi';
import { captionedTable } from './tables';
import type { RecordAnswer, TileAnswer } from './tileTypes';
import { time } from './tileZooms';
import { d, size } from './words';

const TILE = /^\s*\d+\/\d+\/\d+\s*$/;

export class TileQuestion extends PageElement {
  static override properties = {
    api: { attribute: false },
    register: { type: String },
    record: { state: true },
    tile: { state: true },
    words: { state: true },
  };

  declare api: DeskApi;
  declare register: string;
  declare record: RecordAnswer | null;
  declare tile: TileAnswer | null;
  declare words: string;

  constructor() {
    super();
    this.register = '';
    this.record = null;
    this.tile = null;
    this.words = '';
  }

  protected override render(): TemplateResult {
    return html`<section aria-labelledby="tiles-why">
      <h3 id="tiles-why">${d('tiles.why')}</h3>
      <form @submit=${(event: SubmitEvent) => void this.ask(event)}>
        <label for="tiles-wanted">${d('tiles.wanted')}</label>
        <input id="tiles-wanted" name="wanted" required maxlength="200" aria-describedby="tiles-wanted-hint" />
        <p class="hint" id="tiles-wanted-hint">${d('tiles.wantedHint')}</p>
        <button type="submit">${d('tiles.ask')}</button>
      </form>
      <p role="status">${this.words}</p>
      ${this.tile ? this.tileTable(this.tile) : nothing} ${this.record ? this.recordTable(this.record) : nothing}
    </section>`;
  }

  private async ask(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const wanted = String(new FormData(event.target as HTMLFormElement).get('wanted') ?? '').trim();
    const path = `${base}/desk/tiles/${encodeURIComponent(this.register)}/why`;
    this.tile = null;
    this.record = null;
    if (wanted === '') {
      this.words = d('tiles.wantedHint');
      return;
    }
    this.words = d('tiles.asking');
    try {
      if (TILE.test(wanted)) {
        this.tile = await this.api.follow<TileAnswer>(`${path}?${new URLSearchParams({ tile: wanted })}`);
        this.words = d(`tiles.tileOutcome.${this.tile.outcome}`);
      } else {
        this.record = await this.api.follow<RecordAnswer>(`${path}?${new URLSearchParams({ record: wanted })}`);
        this.words = recordWords(this.record);
      }
    } catch (error) {
      this.words = reason(error);
    }
  }

  private tileTable({ tile }: TileAnswer): TemplateResult {
    const kinds = Object.entries(tile.kinds).map(([kind, n]) => `${d(`tiles.drawn.${kind as 'point'}`)}: ${n}`);
    const facts = [
      [d('tiles.head.time'), time(tile.ms)],
      [d('tiles.head.madeAnew'), String(tile.made_anew)],
      [d('tiles.head.ownSize'), d('tiles.bytes', { plain: size(tile.bytes), packed: size(tile.packed_bytes) })],
      [d('tiles.head.features'), kinds.join(', ') || '0'],
      [d('tiles.head.dropped'), String(tile.dropped)],
      [d('tiles.head.revision'), tile.revision > 0 ? String(tile.revision) : d('tiles.never')],
    ] as const;
    const rows = facts.map(
      ([name, value]) =>
        html`<tr>
          <th scope="row">${name}</th>
          <td>${value}</td>
        </tr>`,
    );
    return captionedTable(
      d('tiles.ofTile', { tile: `${tile.z}/${tile.x}/${tile.y}` }),
      [d('tiles.head.finding'), d('tiles.head.value')],
      rows,
    );
  }

  private recordTable({ id, zooms }: RecordAnswer): TemplateResult | typeof nothing {
    if (zooms.length === 0) return nothing;
    const heads = [d('tiles.head.zoom'), d('tiles.head.tile'), d('tiles.head.drawn'), d('tiles.head.time')];
    return captionedTable(
      d('tiles.ofRecord', { id: String(id) }),
      heads,
      zooms.map(
        ({ z, x, y, drawn, ms }) =>
          html`<tr>
            <th scope="row">${z}</th>
            <td>${z}/${x}/${y}</td>
            <td>${d(`tiles.drawn.${drawn}`)}</td>
            <td>${time(ms)}</td>
          </tr>`,
      ),
    );
  }
}

function recordWords({ outcome }: RecordAnswer): string {
  if (outcome === 'shown') return d('tiles.recordShown');
  if (outcome === 'unknown') return d('tiles.recordUnknown');
  if (outcome === 'elsewhere') return d('tiles.recordElsewhere');
  return `${d(`tiles.absence.${outcome}`)}. ${d(`tiles.absenceHint.${outcome}`)}`;
}

customElements.define('bandoso-tile-question', TileQuestion);
