/** Uploads as a list with links to their pages: one's own, followed until each is done, or those to approve. */
import { html, nothing, type TemplateResult } from 'lit';
import { ApiError } from '../core/api';
import { PageElement, reason } from '../core/element';
import { say } from '../core/page';
import type { Register } from '../core/types';
import { isRunning, type DeskApi } from './deskApi';
import type { Upload } from './types';
import { count, d, moment } from './words';

const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 10_000;
const LISTED = 20;

export class UploadList extends PageElement {
  static override properties = {
    api: { attribute: false },
    registers: { attribute: false },
    what: { attribute: false },
    uploads: { state: true },
    state: { state: true },
    why: { state: true },
  };

  declare api: DeskApi;
  declare registers: Register[];
  /** One's own uploads, or those of others that wait for approval. */
  declare what: 'mine' | 'approvals';
  declare uploads: Upload[];
  declare state: 'loading' | 'ready' | 'failed';
  declare why: string;

  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT_MS;

  constructor() {
    super();
    this.registers = [];
    this.what = 'mine';
    this.uploads = [];
    this.state = 'loading';
    this.why = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  protected override firstUpdated(): void {
    void this.refresh();
  }

  protected override render(): TemplateResult | typeof nothing {
    // Nothing to approve is no news for those who rarely approve.
    if (this.what === 'approvals' && this.uploads.length === 0) return nothing;
    const title = d(this.what === 'mine' ? 'uploads.title' : 'uploads.approvals');
    return html`<section class="card" aria-label=${title}>
      <h2>${title}</h2>
      <p role="status">${this.state === 'failed' ? d('uploads.failed', { why: this.why }) : nothing}</p>
      <p>${this.stand()}</p>
      ${
        this.uploads.length > 0
          ? html`<ul class="upload-list">
              ${this.uploads.map((upload) => this.item(upload))}
            </ul>`
          : nothing
      }
    </section>`;
  }

  private stand(): string | typeof nothing {
    if (this.state === 'loading') return d('uploads.loading');
    return this.state === 'ready' && this.uploads.length === 0 ? d('uploads.none') : nothing;
  }

  private item(upload: Upload): TemplateResult {
    const { done, total } = upload.progress ?? {};
    const register = this.registers.find(({ id }) => id === upload.register);
    const notes = [say(register?.title) || upload.register, upload.commune, upload.author, moment(upload.received_at)];
    return html`<li>
      <div class="upload-main">
        <a href=${this.api.pageUrl(upload.id)}>${upload.file_name || upload.id}</a>
        <small>${notes.filter(Boolean).join(' · ')}</small>
      </div>
      <div class="upload-state">
        ${stateMark(upload)}
        ${
          isRunning(upload)
            ? html`<progress
                aria-label=${d('uploads.progress')}
                max=${total || 1}
                value=${total ? (done ?? 0) : nothing}
              ></progress>`
            : html`<small>${countsOf(upload)}</small>`
        }
      </div>
    </li>`;
  }

  private async refresh(): Promise<void> {
    try {
      this.uploads = await (this.what === 'mine' ? this.api.uploads(LISTED) : this.api.approvals());
      this.state = 'ready';
      if (this.what === 'mine' && this.uploads.some(isRunning)) this.later();
    } catch (error) {
      this.fail(error);
    }
  }

  private later(): void {
    clearTimeout(this.timer);
    if (!this.isConnected) return;
    this.timer = setTimeout(() => void this.refresh(), this.wait);
    this.wait = Math.min(this.wait * 1.5, LONGEST_WAIT_MS);
  }

  private fail(error: unknown): void {
    if (error instanceof ApiError && error.status === 401) {
      this.emit('session-ended', null);
      return;
    }
    this.state = 'failed';
    this.why = reason(error);
    if (this.what === 'mine') this.later();
  }
}

/** The state of an upload with a colour of its own. */
export function stateMark({ state, undone_by: by }: Pick<Upload, 'state' | 'undone_by'>): TemplateResult {
  if (by) return html`<span class="state state-cancelled">${d('state.undone', { by: count(by) })}</span>`;
  return html`<span class="state state-${state}">${d(`state.${state}`)}</span>`;
}

/** What became of an upload, or would, in a few words. */
export function countsOf({ counts, diff, revision, state }: Upload): string {
  const parts: string[] = [];
  if (revision) parts.push(d('uploads.revision', { revision: count(revision) }));
  else if (state === 'published') parts.push(d('uploads.unchanged'));
  const { added = 0, changed = 0, removed = 0 } = diff ?? counts ?? {};
  if (added) parts.push(d('count.added', { n: added }));
  if (changed) parts.push(d('count.changed', { n: changed }));
  if (removed) parts.push(d('count.removed', { n: removed }));
  if (counts?.rejected) parts.push(d('count.rejected', { n: counts.rejected }));
  return parts.join(' · ');
}

customElements.define('bandoso-uploads', UploadList);
