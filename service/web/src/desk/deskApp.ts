/** The officers' desk: send files, see what became of those sent, approve those of others. */
import { html, type TemplateResult } from 'lit';
import './uploadForm';
import './uploadList';
import { base, say } from '../core/page';
import type { Account, Bilingual } from '../core/types';
import { SignedInElement } from './signedIn';
import { d } from './words';

export class DeskApp extends SignedInElement {
  protected override async begin(): Promise<void> {
    // The lists ask for themselves.
  }

  protected override body(account: Account): TemplateResult {
    const mine = this.registers.filter(({ id }) => account.registers.includes(id));
    return html`<div class="desk-columns">
      <div class="card">
        <bandoso-upload
          .api=${this.api}
          .registers=${mine}
          .account=${account}
          @file-sent=${({ detail }: CustomEvent<string>) => location.assign(this.api.pageUrl(detail))}
        ></bandoso-upload>
      </div>
      <div>
        <bandoso-uploads .api=${this.api} .registers=${this.registers} .what=${'approvals'}></bandoso-uploads>
        <bandoso-uploads .api=${this.api} .registers=${this.registers}></bandoso-uploads>
        <nav class="card" aria-labelledby="desk-revisions">
          <h2 id="desk-revisions">${d('desk.revisions')}</h2>
          <p class="hint">${d('desk.revisionsHint')}</p>
          <ul class="links">
            ${mine.map(
              ({ id, title }) =>
                html`<li><a href="${base}/desk/revisions/${encodeURIComponent(id)}">${say(title)}</a></li>`,
            )}
          </ul>
        </nav>
        <nav class="card" aria-labelledby="desk-tiles">
          <h2 id="desk-tiles">${d('desk.tiles')}</h2>
          <p class="hint">${d('desk.tilesHint')}</p>
          <ul class="links">
            ${this.registers.map(
              ({ id, title }) => html`<li><a href="${base}/desk/tiles/${encodeURIComponent(id)}">${say(title)}</a></li>`,
            )}
          </ul>
        </nav>
        <section class="card" aria-labelledby="desk-files">
          <h2 id="desk-files">${d('desk.files')}</h2>
          <p class="hint">${d('desk.filesHint')}</p>
          <ul class="links">
            ${mine.map(
              ({ id, title }) =>
                html`<li>
                  ${say(title)}: ${this.file(id, title, 'gpkg', 'GeoPackage')} · ${this.file(id, title, 'xlsx', 'Excel')}
                </li>`,
            )}
          </ul>
        </section>
      </div>
    </div>`;
  }

  /** All records of the officer's communes, those that are not public too. */
  private file(id: string, title: Bilingual, suffix: string, name: string): TemplateResult {
    const href = `${base}/collections/${encodeURIComponent(id)}/export.${suffix}?private=true`;
    return html`<a href=${href} download>${name}<span class="visually-hidden"> ${say(title)}</span></a>`;
  }
}

customElements.define('bandoso-desk', DeskApp);
