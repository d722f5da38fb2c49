/** The officer's own uploads, followed until each is done. */
import { html, nothing, type TemplateResult } from 'lit';
import { ApiError } from '../core/api';
import { PageElement, reason } from '../core/element';
import { say, t } from '../core/page';
import type { Register, Upload } from '../core/types';
import { isRunning, type DeskApi } from './deskApi';
import { reportTable } from './report';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 8000;

export class UploadList extends PageElement {
  static override properties = {
    api: { attribute: false },
    registers: { attribute: false },
    uploads: { state: true },
    state: { state: true },
    why: { state: true },
    opened: { state: true },
  };

  declare api: DeskApi;
  declare registers: Register[];
  declare uploads: Upload[];
  declare state: 'loading' | 'ready' | 'failed';
  declare why: string;
  /** The upload whose report is shown. */
  declare opened: string;

  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT_MS;

  constructor() {
    super();
    this.registers = [];
    this.uploads = [];
    this.state = 'loading';
    this.why = '';
    this.opened = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  protected override firstUpdated(): void {
    void this.refresh();
  }

  /** Asks for the list again and follows what is running. */
  async refresh(): Promise<void> {
    this.wait = FIRST_WAIT_MS;
    try {
      this.uploads = await this.api.uploads();
      this.state = 'ready';
      this.follow();
    } catch (error) {
      this.fail(error);
    }
  }

  protected override render(): TemplateResult {
    return html`<h2>${t('uploads.title')}</h2>
      <p role="status">${this.status()}</p>
      ${this.uploads.length > 0 ? this.table() : nothing}`;
  }

  private status(): string {
    if (this.state === 'loading') return t('uploads.loading');
    if (this.state === 'failed') return t('uploads.failed', { why: this.why });
    return this.uploads.length === 0 ? t('uploads.none') : '';
  }

  private table(): TemplateResult {
    const heads = ['uploads.file', 'uploads.state', 'uploads.rows', 'uploads.report'] as const;
    return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${t('uploads.title')}>
      <table>
        <thead>
          <tr>
            ${heads.map((key) => html`<th scope="col">${t(key)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${this.uploads.map((upload) => this.rows(upload))}
        </tbody>
      </table>
    </div>`;
  }

  private rows(upload: Upload): TemplateResult {
    const open = this.opened === upload.id;
    const toggle = () => (open ? (this.opened = '') : void this.open(upload.id));
    return html`<tr>
        <th scope="row">${this.nameOf(upload)}</th>
        <td>${stateOf(upload)}</td>
        <td>${countsOf(upload)}</td>
        <td>
          <button type="button" aria-expanded=${open} @click=${toggle}>
            ${t(open ? 'uploads.hide' : 'uploads.show')}
          </button>
        </td>
      </tr>
      ${
        open
          ? html`<tr>
              <td colspan="4">${reportTable(upload.messages ?? [])}</td>
            </tr>`
          : nothing
      }`;
  }

  private nameOf(upload: Upload): string {
    const register = this.registers.find(({ id }) => id === upload.register);
    return [upload.file_name, say(register?.title) || upload.register, upload.commune].filter(Boolean).join(' · ');
  }

  /** The list may leave the messages out, so a report is always asked for. */
  private async open(id: string): Promise<void> {
    try {
      this.replace(await this.api.upload(id));
      this.opened = id;
    } catch (error) {
      this.fail(error);
    }
  }

  private follow(): void {
    clearTimeout(this.timer);
    const running = this.uploads.filter(isRunning);
    if (running.length === 0 || !this.isConnected) return;
    this.timer = setTimeout(() => void this.ask(running), this.wait);
    this.wait = Math.min(this.wait * 1.5, LONGEST_WAIT_MS);
  }

  private async ask(running: Upload[]): Promise<void> {
    try {
      for (const { id } of running) this.replace(await this.api.upload(id));
      this.state = 'ready';
    } catch (error) {
      if (!this.fail(error)) return;
    }
    this.follow();
  }

  private replace(fresh: Upload): void {
    this.uploads = this.uploads.map((upload) => (upload.id === fresh.id ? { ...upload, ...fresh } : upload));
  }

  /** Says what failed; returns whether asking again makes sense. */
  private fail(error: unknown): boolean {
    if (error instanceof ApiError && error.status === 401) {
      this.emit('session-ended', null);
      return false;
    }
    this.state = 'failed';
    this.why = reason(error);
    return true;
  }
}

function stateOf(upload: Upload): TemplateResult {
  const { done, total } = upload.progress ?? {};
  const name = html`<span class="state state-${upload.state}">${t(`state.${upload.state}`)}</span>`;
  if (!isRunning(upload)) {
    if (upload.revision) return html`${name} <small>${t('uploads.revision', { revision: upload.revision })}</small>`;
    return upload.state === 'published' ? html`${name} <small>${t('uploads.unchanged')}</small>` : name;
  }
  return html`${name}
    <progress aria-label=${t('uploads.progress')} max=${total || 1} value=${total ? (done ?? 0) : nothing}></progress>`;
}

function countsOf({ counts, state }: Upload): string {
  if (!counts) return '';
  const { read = 0, valid = 0, rejected = 0, added = 0, changed = 0, unchanged = 0 } = counts;
  const rows = t('uploads.counts', { read, valid, rejected });
  return state === 'published' ? `${rows}; ${t('uploads.changes', { added, changed, unchanged })}` : rows;
}

customElements.define('bandoso-uploads', UploadList);
