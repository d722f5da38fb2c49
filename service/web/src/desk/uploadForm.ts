/** Chooses files and what they are, and sends them. */
import { html, type TemplateResult } from 'lit';
import './filePicker';
import { ApiError } from '../core/api';
import { PageElement, reason } from '../core/element';
import { say } from '../core/page';
import type { Account, Register } from '../core/types';
import type { DeskApi } from './deskApi';
import type { FilePicker } from './filePicker';
import { idempotencyKey } from './sending';
import { sendingBar } from './sendingBar';
import { MODES, type Mode } from './types';
import { d } from './words';

export class UploadForm extends PageElement {
  static override properties = {
    api: { attribute: false },
    registers: { attribute: false },
    account: { attribute: false },
    files: { state: true },
    register: { state: true },
    commune: { state: true },
    mode: { state: true },
    percent: { state: true },
    error: { state: true },
  };

  declare api: DeskApi;
  declare registers: Register[];
  declare account: Account;
  declare files: readonly File[];
  declare register: string;
  declare commune: string | null;
  declare mode: Mode;
  /** Share sent, 0 to 100; null while nothing is being sent. */
  declare percent: number | null;
  declare error: string;

  /** One key per attempt: pressing the button again after a lost answer sends the same one. */
  private key = idempotencyKey();

  constructor() {
    super();
    this.registers = [];
    this.files = [];
    this.register = '';
    this.commune = null;
    this.mode = 'upsert';
    this.percent = null;
    this.error = '';
  }

  protected override render(): TemplateResult {
    const busy = this.percent !== null;
    return html`<form
      class="upload-form"
      novalidate
      aria-labelledby="upload-heading"
      @submit=${(event: Event) => void this.submit(event)}
      @input=${() => this.renew()}
      @files-change=${({ detail }: CustomEvent<readonly File[]>) => this.chooseFiles(detail)}
    >
      <h2 id="upload-heading">${d('upload.title')}</h2>
      <bandoso-files .files=${this.files} ?disabled=${busy}></bandoso-files>
      <div class="form-pair">${this.registerField(busy)} ${this.communeField(busy)}</div>
      ${this.modeField(busy)}
      <p role="alert" class="error">${this.error}</p>
      ${sendingBar(this.percent, 'upload.sending')}
      <button class="primary large" ?disabled=${busy}>${d('upload.send')}</button>
      <p class="hint">${d('upload.after')}</p>
    </form>`;
  }

  private registerField(busy: boolean): TemplateResult {
    return html`<div>
      <label for="upload-register">${d('upload.register')}</label>
      <select
        id="upload-register"
        required
        ?disabled=${busy}
        @change=${(event: Event) => (this.register = (event.target as HTMLSelectElement).value)}
      >
        <option value="" ?selected=${this.register === ''}>${d('upload.registerChoose')}</option>
        ${this.registers.map(
          ({ id, title }) => html`<option value=${id} ?selected=${id === this.register}>${say(title)}</option>`,
        )}
      </select>
    </div>`;
  }

  /** An officer of one commune need not choose it. */
  private communeField(busy: boolean): TemplateResult {
    const chosen = this.chosenCommune();
    return html`<div>
      <label for="upload-commune">${d('upload.commune')}</label>
      <select
        id="upload-commune"
        ?disabled=${busy}
        @change=${(event: Event) => (this.commune = (event.target as HTMLSelectElement).value)}
      >
        <option value="" ?selected=${chosen === ''}>${d('upload.communeAny')}</option>
        ${this.account.communes.map(
          ({ code, name }) => html`<option value=${code} ?selected=${code === chosen}>${name} (${code})</option>`,
        )}
      </select>
    </div>`;
  }

  private modeField(busy: boolean): TemplateResult {
    return html`<fieldset class="modes">
      <legend>${d('upload.mode')}</legend>
      ${MODES.map(
        (mode) =>
          html`<div class="option">
            <input
              type="radio"
              name="mode"
              id="mode-${mode}"
              value=${mode}
              .checked=${mode === this.mode}
              ?disabled=${busy}
              aria-describedby="mode-${mode}-hint"
              @change=${() => (this.mode = mode)}
            />
            <label for="mode-${mode}">${d(`mode.${mode}`)}</label>
            <p class="hint" id="mode-${mode}-hint">${d(`mode.${mode}Hint`)}</p>
          </div>`,
      )}
    </fieldset>`;
  }

  private chosenCommune(): string {
    const { communes } = this.account;
    return this.commune ?? (communes.length === 1 ? (communes[0]?.code ?? '') : '');
  }

  private chooseFiles(files: readonly File[]): void {
    this.files = files;
    this.renew();
  }

  private renew(): void {
    this.key = idempotencyKey();
    this.error = '';
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const lacking = this.lacking();
    if (lacking) return this.complain(lacking);
    const picker = this.querySelector<FilePicker>('bandoso-files');
    this.error = picker?.tooLarge() ?? '';
    if (this.error) return picker?.focusInput();
    await this.send();
  }

  private lacking(): 'file' | 'register' | 'commune' | null {
    if (this.files.length === 0) return 'file';
    if (!this.register) return 'register';
    return this.mode === 'replace' && !this.chosenCommune() ? 'commune' : null;
  }

  /** Says what is missing and goes there. */
  private complain(lacking: 'file' | 'register' | 'commune'): void {
    this.error = d(`upload.need.${lacking}`);
    if (lacking === 'file') this.querySelector<FilePicker>('bandoso-files')?.focusInput();
    else this.querySelector<HTMLElement>(`#upload-${lacking}`)?.focus();
  }

  private async send(): Promise<void> {
    this.percent = 0;
    this.error = '';
    try {
      const { id } = await this.api.sendFiles(this.form(), this.key, (share) => {
        this.percent = Math.round(share * 100);
      });
      this.emit<string>('file-sent', id);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.emit('session-ended', null);
      else this.error = d('upload.failed', { why: reason(error) });
      this.percent = null;
    }
  }

  private form(): FormData {
    const form = new FormData();
    const commune = this.chosenCommune();
    form.set('register', this.register);
    if (commune) form.set('commune', commune);
    form.set('mode', this.mode);
    form.set('publish', 'ask');
    for (const file of this.files) form.append('file', file, file.name);
    return form;
  }
}

customElements.define('bandoso-upload', UploadForm);
