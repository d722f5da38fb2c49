/** `<bandoso-check>`: checks files for anybody. Nothing of them is stored, and the page says so. */
import { html, nothing, type TemplateResult } from 'lit';
import './fileSection';
import './filePicker';
import './problemSection';
import { PublicApi } from '../core/api';
import { PageElement, reason } from '../core/element';
import { base, lang, say, t } from '../core/page';
import type { Register } from '../core/types';
import { DeskApi } from './deskApi';
import { mergeChoices } from './draft';
import type { FilePicker } from './filePicker';
import { choiceLink, overview } from './overview';
import { pendingBar } from './pendingBar';
import type { TakeAway } from './problemSection';
import { csvReport } from './reportCsv';
import { sendingBar } from './sendingBar';
import type { Choices, ColumnField, Report } from './types';
import { d } from './words';

export class CheckPage extends PageElement {
  static override properties = {
    registers: { state: true },
    files: { state: true },
    register: { state: true },
    commune: { state: true },
    draft: { state: true },
    report: { state: true },
    fields: { state: true },
    percent: { state: true },
    error: { state: true },
  };

  declare registers: readonly Register[];
  declare files: readonly File[];
  declare register: string;
  declare commune: string;
  /** What was chosen after a first look: the files are sent again with it, since nothing of them was kept. */
  declare draft: Choices;
  declare report: Report | null;
  declare fields: readonly ColumnField[];
  declare percent: number | null;
  declare error: string;

  private readonly messages = { offline: t('net.offline'), refused: t('net.refused') };
  private readonly api = new DeskApi(base, lang, this.messages);
  private readonly open = new PublicApi(base, lang, this.messages);
  private sent: Choices = {};
  private downloads: readonly TakeAway[] = [];

  constructor() {
    super();
    this.registers = [];
    this.files = [];
    this.register = '';
    this.commune = '';
    this.draft = {};
    this.report = null;
    this.fields = [];
    this.percent = null;
    this.error = '';
  }

  protected override firstUpdated(): void {
    void this.start();
  }

  protected override render(): TemplateResult {
    return html`${this.form()} ${this.report ? this.result(this.report) : nothing}`;
  }

  private form(): TemplateResult {
    const busy = this.percent !== null;
    return html`<form
      class="card upload-form"
      novalidate
      aria-label=${d('check.title')}
      @submit=${(event: Event) => void this.submit(event)}
      @files-change=${({ detail }: CustomEvent<readonly File[]>) => this.renew(detail)}
    >
      <bandoso-files .files=${this.files} ?disabled=${busy}></bandoso-files>
      <div class="form-pair">
        <div>
          <label for="check-register">${d('upload.register')}</label>
          <select id="check-register" ?disabled=${busy} @change=${(event: Event) => this.chooseRegister(event)}>
            <option value="">${d('upload.registerChoose')}</option>
            ${this.registers.map(({ id, title }) => html`<option value=${id}>${say(title)}</option>`)}
          </select>
        </div>
        <div>
          <label for="check-commune">${d('check.commune')}</label>
          <input
            id="check-commune"
            inputmode="numeric"
            autocomplete="off"
            maxlength="5"
            ?disabled=${busy}
            @input=${(event: Event) => (this.commune = (event.target as HTMLInputElement).value.trim())}
          />
        </div>
      </div>
      <p role="alert" class="error">${this.error}</p>
      ${sendingBar(this.percent, 'check.checking')}
      <button class="primary large" ?disabled=${busy}>${d('check.button')}</button>
      <p class="hint">${d('check.nothingStored')}</p>
    </form>`;
  }

  private result(report: Report): TemplateResult {
    return html`<div
      class="check-result"
      @choose=${({ detail }: CustomEvent<Choices>) => (this.draft = mergeChoices(this.draft, detail))}
      @choose-now=${({ detail }: CustomEvent<Choices>) => void this.send(mergeChoices(this.draft, detail))}
    >
      <h2 id="check-outcome" tabindex="-1" class="stand-words outcome-${report.outcome}">
        ${outcomeWords(report)}
      </h2>
      ${report.outcome === 'needs_choice' ? choiceLink(report) : nothing}
      ${overview(report, null)}
      <bandoso-file-section
        .report=${report}
        .fields=${this.fields}
        .draft=${this.draft}
        editable
      ></bandoso-file-section>
      <bandoso-problems
        .report=${report}
        .fields=${this.fields}
        .downloads=${this.downloads}
        .draft=${this.draft}
        editable
      ></bandoso-problems>
      ${pendingBar({
        draft: this.draft,
        busy: this.percent !== null,
        onCheck: () => void this.send(this.draft),
        onDrop: () => this.dropDraft(),
      })}
    </div>`;
  }

  private async start(): Promise<void> {
    try {
      this.registers = (await this.open.registers()).registers;
    } catch (error) {
      this.error = reason(error);
    }
  }

  private renew(files: readonly File[]): void {
    this.files = files;
    this.forget();
  }

  private chooseRegister(event: Event): void {
    this.register = (event.target as HTMLSelectElement).value;
    this.fields = [];
    this.forget();
  }

  private dropDraft(): void {
    this.draft = {};
    this.querySelector<HTMLElement>('#check-outcome')?.focus();
  }

  /** Another file or register is another question. */
  private forget(): void {
    this.error = '';
    this.draft = this.sent = {};
    this.report = null;
    this.offer([]);
  }

  /** Offers files made here, and lets go of those before. */
  private offer(downloads: readonly TakeAway[]): void {
    for (const { href } of this.downloads) URL.revokeObjectURL(href);
    this.downloads = downloads;
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const picker = this.querySelector<FilePicker>('bandoso-files');
    if (this.files.length === 0) {
      this.error = d('upload.need.file');
      picker?.focusInput();
    } else if (!this.register) {
      this.error = d('upload.need.register');
      this.querySelector<HTMLElement>('#check-register')?.focus();
    } else if (this.commune && !/^\d{5}$/.test(this.commune)) {
      this.error = d('check.needCommune');
      this.querySelector<HTMLElement>('#check-commune')?.focus();
    } else {
      this.error = picker?.tooLarge() ?? '';
      if (this.error) picker?.focusInput();
      else await this.send({});
    }
  }

  private async send(choices: Choices): Promise<void> {
    this.percent = 0;
    this.error = '';
    this.sent = mergeChoices(this.sent, choices);
    try {
      const { report, text } = await this.api.validate(
        this.formOf(this.sent),
        (share) => (this.percent = Math.round(share * 100)),
      );
      this.offer([
        madeHere('report.json', 'application/json', text),
        madeHere('report.csv', 'text/csv', csvReport(report)),
      ]);
      this.report = report;
      this.draft = {};
      if (this.fields.length === 0) this.fields = await this.api.fields(this.register);
    } catch (error) {
      this.error = d('check.failed', { why: reason(error) });
    }
    this.percent = null;
    await this.updateComplete;
    if (!this.error) this.querySelector<HTMLElement>('#check-outcome')?.focus();
  }

  private formOf({ encoding, columns, place_columns, accept, layer, crs }: Choices): FormData {
    const form = new FormData();
    const values = { register: this.register, commune: this.commune, layer, crs };
    for (const [name, value] of Object.entries(values)) if (value) form.set(name, value);
    for (const [name, value] of Object.entries({ encoding, columns, place_columns, accept }))
      if (value) form.set(name, typeof value === 'string' ? value : JSON.stringify(value));
    for (const file of this.files) form.append('file', file, file.name);
    return form;
  }
}

/** What the report says of the file, in one sentence. */
export function outcomeWords({ outcome, rows }: Report): string {
  if (outcome !== 'ok') return d(`check.${outcome}`);
  const { read, valid, rejected } = rows ?? { read: 0, valid: 0, rejected: 0 };
  return rejected > 0 ? d('check.partly', { read, valid, rejected }) : d('check.ok', { read });
}

function madeHere(name: 'report.json' | 'report.csv', type: string, text: string): TakeAway {
  return { href: URL.createObjectURL(new Blob([text], { type })), text: d(`downloads.${name}`), name };
}

customElements.define('bandoso-check', CheckPage);
