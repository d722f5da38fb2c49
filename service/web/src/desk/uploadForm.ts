/** Chooses a file and sends it. */
import { html, nothing, type TemplateResult } from 'lit';
import { PageElement, reason } from '../core/element';
import { say, t } from '../core/page';
import type { Account, Register } from '../core/types';
import { idempotencyKey, type DeskApi } from './deskApi';

const ACCEPTED = '.zip,.gpkg,.geojson,.json,.kml,.csv';

export class UploadForm extends PageElement {
  static override properties = {
    api: { attribute: false },
    registers: { attribute: false },
    account: { attribute: false },
    percent: { state: true },
    message: { state: true },
    error: { state: true },
  };

  declare api: DeskApi;
  declare registers: Register[];
  declare account: Account;
  /** Share sent, 0 to 100; null while nothing is being sent. */
  declare percent: number | null;
  declare message: string;
  declare error: string;

  /** One key per attempt: pressing the button again after a lost answer sends the same one. */
  private key = idempotencyKey();

  constructor() {
    super();
    this.registers = [];
    this.percent = null;
    this.message = '';
    this.error = '';
  }

  protected override render(): TemplateResult {
    return html`<form
      class="stack"
      novalidate
      @submit=${(event: Event) => void this.submit(event)}
      @input=${() => this.renew()}
    >
      <h2>${t('upload.title')}</h2>
      ${this.registerField()} ${this.communeField()}
      <label for="upload-file">${t('upload.file')}</label>
      <input id="upload-file" name="file" type="file" accept=${ACCEPTED} required aria-describedby="upload-hint" />
      <p id="upload-hint" class="hint">${t('upload.fileHint')}</p>
      <p role="alert" class="error">${this.error}</p>
      <p role="status">${this.percent === null ? this.message : t('upload.sending', { percent: this.percent })}</p>
      ${
        this.percent === null
          ? nothing
          : html`<progress max="100" .value=${this.percent} aria-label=${t('uploads.progress')}></progress>`
      }
      <button class="primary" ?disabled=${this.percent !== null}>${t('upload.send')}</button>
    </form>`;
  }

  private registerField(): TemplateResult {
    return html`<label for="upload-register">${t('upload.register')}</label>
      <select id="upload-register" name="register" required>
        <option value=""></option>
        ${this.registers.map(({ id, title }) => html`<option value=${id}>${say(title)}</option>`)}
      </select>`;
  }

  private communeField(): TemplateResult {
    return html`<label for="upload-commune">${t('upload.commune')}</label>
      <select id="upload-commune" name="commune">
        <option value="">${t('upload.communeAny')}</option>
        ${this.account.communes.map(({ code, name }) => html`<option value=${code}>${name} (${code})</option>`)}
      </select>`;
  }

  private renew(): void {
    this.key = idempotencyKey();
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    if (!values.get('commune')) values.delete('commune');
    this.error = missing(values);
    if (this.error) return;
    await this.send(values, form);
  }

  private async send(values: FormData, form: HTMLFormElement): Promise<void> {
    this.percent = 0;
    this.message = '';
    try {
      await this.api.sendFile(values, this.key, (share) => (this.percent = Math.round(share * 100)));
      this.message = t('upload.sent');
      form.reset();
      this.renew();
      this.emit('file-sent', null);
    } catch (error) {
      this.error = t('upload.failed', { why: reason(error) });
    } finally {
      this.percent = null;
    }
  }
}

function missing(values: FormData): string {
  if (!values.get('register')) return t('upload.needRegister');
  const file = values.get('file');
  return file instanceof File && file.name !== '' ? '' : t('upload.needFile');
}

customElements.define('bandoso-upload', UploadForm);
