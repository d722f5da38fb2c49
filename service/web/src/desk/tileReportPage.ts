/** `<bandoso-tile-report register="…">`: why a layer is slow on the map, or what of it is missing there. */
import { html, nothing, type TemplateResult } from 'lit';
import './tileQuestion';
import { ApiError } from '../core/api';
import { reason } from '../core/element';
import { base, say } from '../core/page';
import { SignedInElement } from './signedIn';
import { missingTables } from './tileMissing';
import type { MissingReport, ZoomReport } from './tileTypes';
import { zoomTable } from './tileZooms';
import { d } from './words';

export const LAST_ZOOM = 14;
const BUSY = 503;
const AGAIN_MS = 2000;
/** So many times a process that measures for somebody else is asked again. */
const PATIENCE = 15;

export class TileReportPage extends SignedInElement {
  static override properties = {
    ...SignedInElement.properties,
    register: { type: String },
    zooms: { state: true },
    missing: { state: true },
    measuring: { state: true },
    trouble: { state: true },
  };

  declare register: string;
  declare zooms: readonly ZoomReport[];
  declare missing: MissingReport | null;
  /** The zoom that is being measured; null while none is. */
  declare measuring: number | null;
  declare trouble: string;

  constructor() {
    super();
    this.register = '';
    this.zooms = [];
    this.missing = null;
    this.measuring = null;
    this.trouble = '';
  }

  protected override async begin(): Promise<void> {
    await this.measure();
  }

  protected override body(): TemplateResult {
    const title = say(this.registers.find(({ id }) => id === this.register)?.title) || this.register;
    return html`<h2>${title}</h2>
      ${this.otherLayers()}
      <p role="status">${this.trouble || this.progressWords()}</p>
      <progress
        aria-label=${d('tiles.progress')}
        max=${LAST_ZOOM + 1}
        .value=${this.zooms.length}
        ?hidden=${this.measuring === null}
      ></progress>
      <p class="actions">
        <button type="button" ?disabled=${this.measuring !== null} @click=${() => void this.measure()}>
          ${d('tiles.again')}
        </button>
      </p>
      ${this.missing ? missingTables(this.missing, this.register) : nothing}
      ${this.zooms.length > 0 ? zoomTable(this.zooms) : nothing}
      <bandoso-tile-question .api=${this.api} .register=${this.register}></bandoso-tile-question>`;
  }

  private otherLayers(): TemplateResult {
    return html`<nav aria-label=${d('tiles.layers')}>
      <ul class="links">
        ${this.registers.map(
          ({ id, title }) =>
            html`<li>
              <a href="${base}/desk/tiles/${encodeURIComponent(id)}" aria-current=${id === this.register ? 'page' : nothing}
                >${say(title)}</a
              >
            </li>`,
        )}
      </ul>
    </nav>`;
  }

  private progressWords(): string {
    if (this.measuring === null) return this.zooms.length > LAST_ZOOM ? d('tiles.done') : '';
    return d('tiles.measuring', { z: this.measuring, last: LAST_ZOOM });
  }

  /** Asks for what is missing, then for one zoom after the other. */
  private async measure(): Promise<void> {
    if (this.measuring !== null) return;
    const path = `/desk/tiles/${encodeURIComponent(this.register)}`;
    this.trouble = '';
    this.zooms = [];
    this.measuring = 0;
    try {
      this.missing = await this.patiently<MissingReport>(`${path}/missing`);
      for (let z = 0; z <= LAST_ZOOM; z += 1) {
        this.measuring = z;
        this.zooms = [...this.zooms, await this.patiently<ZoomReport>(`${path}/zooms/${z}`)];
      }
    } catch (error) {
      this.trouble = d('tiles.failed', { why: reason(error) });
    }
    this.measuring = null;
  }

  /** Asks again while the process measures for somebody else. */
  private async patiently<T>(path: string): Promise<T> {
    for (let asked = 1; ; asked += 1) {
      try {
        return await this.api.follow<T>(base + path);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === BUSY) || asked >= PATIENCE) throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}

customElements.define('bandoso-tile-report', TileReportPage);
