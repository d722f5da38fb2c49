/** `<bandoso-upload-page upload="…">`: one file from its arrival to its publication and back. */
import { html, nothing, type TemplateResult } from 'lit';
import './changeSection';
import './confirmDialog';
import './fileSection';
import './problemSection';
import './publishPanel';
import { ApiError } from '../core/api';
import { reason } from '../core/element';
import { base, say, siteName } from '../core/page';
import type { Account, Register } from '../core/types';
import type { ConfirmDialog } from './confirmDialog';
import { isOpen } from './crsNames';
import { isRunning, type Download } from './deskApi';
import { draftSize, mergeChoices, withEarlier } from './draft';
import { Following } from './following';
import { viewOf } from './mapAddress';
import { choiceLink, overview } from './overview';
import { pendingBar } from './pendingBar';
import { SignedInElement } from './signedIn';
import { progressBar, stepList } from './steps';
import { undoneWords } from './undoButton';
import type { Choices, ColumnField, Preview, Report, Rollback, Upload } from './types';
import { count, d, moment } from './words';

const DOWNLOADS = ['report.csv', 'report.xlsx', 'report.geojson', 'report.html'] as const satisfies Download[];
/** Work is told to readers once it has lasted so long: quick steps would only talk over each other. */
const WORTH_TELLING_MS = 1500;
/** While these hold, the service can still list the changes one by one. */
const LISTED: ReadonlySet<string> = new Set(['staged', 'needs_approval']);
/** While these hold, an officer may still decide otherwise. */
const OPEN: ReadonlySet<string> = new Set(['staged', 'needs_choice', 'rejected']);
const CANCELLABLE: ReadonlySet<string> = new Set([
  'received',
  'reading',
  'validating',
  'staged',
  'needs_choice',
  'needs_approval',
]);

export class UploadPage extends SignedInElement {
  static override properties = {
    ...SignedInElement.properties,
    uploadId: { attribute: 'upload' },
    upload: { state: true },
    fields: { state: true },
    preview: { state: true },
    draft: { state: true },
    busy: { state: true },
    news: { state: true },
    told: { state: true },
    trouble: { state: true },
  };

  declare uploadId: string;
  declare upload: Upload | null;
  declare fields: readonly ColumnField[];
  declare preview: Preview | null;
  /** What the officer changed and did not yet send to be checked. */
  declare draft: Choices;
  declare busy: boolean;
  declare news: string;
  /** Where the upload stands, for those who do not see it change. */
  declare told: string;
  declare trouble: string;

  private following: Following | undefined;
  private telling: ReturnType<typeof setTimeout> | undefined;
  /** What readers were told last of where the upload stands. */
  private said = '';

  constructor() {
    super();
    this.uploadId = '';
    this.upload = null;
    this.fields = [];
    this.preview = null;
    this.draft = {};
    this.busy = false;
    this.news = '';
    this.told = '';
    this.trouble = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.telling);
    this.following?.stop();
  }

  protected override async begin(): Promise<void> {
    await this.load();
  }

  protected override leave(message: string): void {
    this.following?.stop();
    super.leave(message);
  }

  protected override body(account: Account): TemplateResult {
    const { upload } = this;
    return html`<p role="alert" class="error">${this.trouble}</p>
      <p role="status" class="visually-hidden">${this.told}</p>
      ${upload ? html`${this.head(upload)} ${this.stand(upload, account)} ${this.sections(upload)}` : nothing}
      <bandoso-confirm></bandoso-confirm>`;
  }

  private head(upload: Upload): TemplateResult {
    const notes = [
      say(this.register(upload)?.title) || upload.register,
      upload.commune ? d('upload.ofCommune', { code: upload.commune }) : '',
      upload.mode ? d(`mode.${upload.mode}`) : '',
      moment(upload.received_at),
    ];
    return html`<p class="upload-notes">${notes.filter(Boolean).join(' · ')}</p>`;
  }

  /** Where the upload stands and what there is to do next. */
  private stand(upload: Upload, account: Account): TemplateResult {
    return html`<section class="card stand" aria-labelledby="stand-words">
      ${stepList(upload.state)}
      <h2 id="stand-words" tabindex="-1" class="stand-words state-${upload.state}">${standWords(upload)}</h2>
      <p role="status" class="news">${this.news}</p>
      ${isRunning(upload) ? progressBar(upload.progress ?? {}) : this.next(upload, account)}
      ${
        CANCELLABLE.has(upload.state)
          ? html`<p class="actions">
              <button type="button" class="link" @click=${() => void this.cancel()}>${d('cancel.button')}</button>
            </p>`
          : nothing
      }
    </section>`;
  }

  private next(upload: Upload, account: Account): TemplateResult | typeof nothing {
    const { state, report, diff } = upload;
    if (state === 'published') return this.done(upload);
    if (state === 'needs_choice') return choiceLink(report);
    if ((state === 'staged' || state === 'needs_approval') && diff) {
      const mayApprove = Boolean(upload.author) && upload.author !== account.username;
      return html`<bandoso-publish
        .diff=${diff}
        .report=${report ?? null}
        .state=${state}
        ?pending=${draftSize(this.draft) > 0}
        ?busy=${this.busy}
        ?mayApprove=${mayApprove}
        @publish=${({ detail }: CustomEvent<string>) => void this.publish(diff.etag, detail)}
        @approve=${() => void this.act(() => this.api.approve(upload.id))}
      ></bandoso-publish>`;
    }
    if (state === 'failed' || state === 'cancelled') return this.ended(upload);
    return nothing;
  }

  /** Ended without a result: the file is still there, and can be taken up again. */
  private ended({ id, state }: Upload): TemplateResult {
    return html`${state === 'failed' ? html`<p>${d('stand.failedHint', { id })}</p>` : nothing}
      <div class="actions">
        <button type="button" ?disabled=${this.busy} @click=${() => void this.choose({})}>${d('again.button')}</button>
        <a href="${base}/desk">${d('done.another')}</a>
      </div>`;
  }

  private done({ register, revision, report, undone_by: undoneBy }: Upload): TemplateResult {
    const map = `${base}/?layers=${encodeURIComponent(register)}${viewOf(this.preview, report?.crs?.chosen)}`;
    return html`<div class="actions" @undone=${({ detail }: CustomEvent<Rollback>) => this.undone(detail)}>
      <a class="button primary" href=${map}>${d('done.map')}</a>
      ${
        revision && !undoneBy
          ? html`<bandoso-undo .api=${this.api} .register=${register} .revision=${revision}></bandoso-undo>`
          : nothing
      }
      <a href="${base}/desk/revisions/${encodeURIComponent(register)}">${d('done.revisions')}</a>
      <a href="${base}/desk">${d('done.another')}</a>
    </div>`;
  }

  private sections(upload: Upload): TemplateResult | typeof nothing {
    const { report, diff } = upload;
    if (!report || isRunning(upload)) return nothing;
    const editable = OPEN.has(upload.state) && !this.busy;
    return html`${overview(report, diff ?? null, upload.state === 'published')}
      <div
        @choose=${({ detail }: CustomEvent<Choices>) => (this.draft = mergeChoices(this.draft, detail))}
        @choose-now=${({ detail }: CustomEvent<Choices>) => void this.choose(mergeChoices(this.draft, detail))}
      >
        <bandoso-file-section
          .report=${report}
          .fields=${this.fields}
          .preview=${report.crs && isOpen(report.crs) ? this.preview : null}
          .draft=${this.draft}
          ?editable=${editable}
        ></bandoso-file-section>
        <bandoso-problems
          .report=${report}
          .fields=${this.fields}
          .downloads=${this.downloads(report)}
          .draft=${this.draft}
          ?editable=${editable}
        ></bandoso-problems>
        ${
          diff
            ? html`<bandoso-changes
                .api=${this.api}
                .upload=${upload.id}
                .diff=${diff}
                .register=${this.register(upload)}
                ?listed=${LISTED.has(upload.state)}
                ?published=${upload.state === 'published'}
              ></bandoso-changes>`
            : nothing
        }
      </div>
      ${pendingBar({
        draft: this.draft,
        busy: this.busy,
        onCheck: () => void this.choose(this.draft),
        onDrop: () => this.dropDraft(),
      })}`;
  }

  private downloads({ rows }: Report) {
    const files: Download[] = [
      ...DOWNLOADS,
      ...((rows?.repaired ?? 0) > 0 ? (['repaired.gpkg'] as const) : []),
      'file',
    ];
    return files.map((what) => ({ href: this.api.downloadUrl(this.uploadId, what), text: d(`downloads.${what}`) }));
  }

  private register({ register }: Upload): Register | undefined {
    return this.registers.find(({ id }) => id === register);
  }

  /** Reads the upload as it is now, and follows it while it runs. */
  private async load(): Promise<void> {
    try {
      this.take(await this.api.upload(this.uploadId));
      await this.loadSurroundings();
    } catch (error) {
      this.fail(error);
    }
  }

  private take(news: Partial<Upload>): void {
    const before = this.upload?.state;
    this.upload = { ...this.upload, ...news } as Upload;
    const { upload } = this;
    if (before !== upload.state) this.tellLater();
    document.title = `${d(`state.${upload.state}`)} · ${upload.file_name || upload.id} – ${siteName}`;
    const heading = document.querySelector('h1');
    if (heading && upload.file_name) heading.textContent = upload.file_name;
    if (isRunning(upload)) this.follow();
    else if (before !== undefined && before !== upload.state) void this.arrive();
  }

  private follow(): void {
    if (this.following) return;
    this.following = new Following({
      url: this.api.eventsUrl(this.uploadId),
      ask: () => this.api.upload(this.uploadId),
      onNews: (news) => this.hear(news),
      onTrouble: (error) => !this.fail(error),
    });
  }

  private hear(news: Partial<Upload>): void {
    this.trouble = '';
    // The stream leaves the report out: the end of the work is told by the whole upload only.
    if ('report' in news || (news.state && isRunning({ state: news.state }))) this.take(news);
  }

  /** Tells what is being done, if it still is in a while. */
  private tellLater(): void {
    clearTimeout(this.telling);
    this.told = '';
    this.telling = setTimeout(() => {
      if (this.upload && isRunning(this.upload)) this.tell(standWords(this.upload));
    }, WORTH_TELLING_MS);
  }

  private tell(words: string): void {
    if (words !== this.said) this.said = this.told = words;
  }

  /** The work is done: what was asked before is over, and who waited without doing anything else is led to the result. */
  private async arrive(): Promise<void> {
    const isLed = this.busy;
    this.following?.stop();
    this.following = undefined;
    await this.updateComplete;
    // Whoever just did something is led there by what did it. Told before anything else is waited for: it could be over then.
    if (!isLed && this.upload) {
      if (document.activeElement === document.body) this.focusStand();
      else this.tell(standWords(this.upload));
    }
    await this.loadSurroundings().catch((error: unknown) => this.fail(error));
  }

  private async loadSurroundings(): Promise<void> {
    const { upload } = this;
    if (!upload?.report) return;
    if (this.fields.length === 0) this.fields = await this.api.fields(upload.register);
    const { crs } = upload.report;
    if ((crs && isOpen(crs)) || upload.state === 'published') this.preview = await this.api.preview(upload.id).catch(() => null);
  }

  private dropDraft(): void {
    this.draft = {};
    this.focusStand();
  }

  private focusStand(): void {
    if (!this.account || !this.upload) return;
    this.said = standWords(this.upload);
    this.told = '';
    this.querySelector<HTMLElement>('#stand-words')?.focus();
  }

  private choose(choices: Choices): Promise<void> {
    return this.act(async () => {
      await this.api.choose(this.uploadId, withEarlier(this.upload?.options ?? {}, choices));
      this.draft = {};
    });
  }

  private publish(etag: string, note: string): Promise<void> {
    return this.act(() => this.api.publish(this.uploadId, etag, note));
  }

  private async cancel(): Promise<void> {
    const dialog = [...this.querySelectorAll<ConfirmDialog>('bandoso-confirm')].at(-1);
    const question = { title: d('cancel.title'), body: d('cancel.body'), action: d('cancel.go') };
    if (await dialog?.ask(question)) await this.act(() => this.api.cancel(this.uploadId));
  }

  /** Does something to the upload, reads what became of it, and puts the focus on that. */
  private async act(action: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.news = this.trouble = '';
    try {
      await action();
      await this.load();
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        await this.load();
        this.news = d('publish.stale');
      } else this.fail(error);
    }
    await this.updateComplete;
    this.focusStand();
    this.busy = false;
  }

  private undone(done: Rollback): void {
    if (this.upload && done.revision !== null) this.upload = { ...this.upload, undone_by: done.revision };
    else this.news = undoneWords(done);
    void this.updateComplete.then(() => this.focusStand());
  }

  /** Says what failed; returns whether that is the end of it. */
  private fail(error: unknown): boolean {
    if (this.hasEnded(error)) return true;
    const isUnknown = error instanceof ApiError && error.status === 404;
    this.trouble = isUnknown ? d('upload.unknown') : d('upload.trouble', { why: reason(error) });
    return isUnknown;
  }
}

/** One sentence about where an upload stands. */
function standWords({ state, progress, revision, diff, undone_by: by }: Upload): string {
  if (state === 'published' && revision && by) return d('stand.undone', { n: count(revision), by: count(by) });
  if (state === 'published') return revision ? d('stand.published', { n: count(revision) }) : d('stand.unchanged');
  if (state === 'cancelled' && progress?.error === 'expired') return d('stand.expired');
  if (state === 'validating' && progress?.stage === 'reading') return d('stand.reading');
  if (state === 'staged' && diff && diff.added + diff.changed + diff.removed === 0) return d('stand.nothing');
  return d(`stand.${state}`);
}

customElements.define('bandoso-upload-page', UploadPage);
