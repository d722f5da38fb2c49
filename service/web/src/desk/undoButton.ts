/** `<bandoso-undo>`: takes a revision back, after saying what that does and what stands in its way. */
import { html, nothing, type TemplateResult } from 'lit';
import './confirmDialog';
import { ApiError } from '../core/api';
import { PageElement, reason } from '../core/element';
import { say } from '../core/page';
import type { ConfirmDialog } from './confirmDialog';
import type { DeskApi } from './deskApi';
import type { Rollback, RollbackJob } from './types';
import { clock, count, d } from './words';

const CONFLICTS_SHOWN = 10;

export class UndoButton extends PageElement {
  static override properties = {
    api: { attribute: false },
    register: { attribute: false },
    revision: { attribute: false },
    busy: { state: true },
    error: { state: true },
    job: { state: true },
  };

  declare api: DeskApi;
  declare register: string;
  declare revision: number;
  declare busy: boolean;
  declare error: string;
  /** The worker's job that is waited for; null while there is none. */
  declare job: RollbackJob | null;

  constructor() {
    super();
    this.busy = false;
    this.error = '';
    this.job = null;
  }

  protected override render(): TemplateResult {
    return html`<button type="button" aria-busy=${this.busy} @click=${() => void this.undo()}>
        ${d('undo.button')}<span class="visually-hidden"> ${d('undo.of', { n: count(this.revision) })}</span>
      </button>
      ${waitingFor(this.job)}
      <p role="alert" class="error">${this.error}</p>
      <bandoso-confirm></bandoso-confirm>`;
  }

  private async undo(): Promise<void> {
    // A disabled button would lose the focus, which has to come back to it.
    if (this.busy) return;
    this.busy = true;
    this.error = '';
    const onNews = (job: RollbackJob): void => {
      this.job = job;
    };
    try {
      const { etag } = await this.api.revisions(this.register);
      const effect = await this.api.previewRollback(this.register, this.revision, onNews);
      this.job = null;
      if (await this.confirmed(await this.inWords(effect)))
        this.emit<Rollback>('undone', await this.api.rollback(this.register, this.revision, etag, onNews));
    } catch (error) {
      const isStale = error instanceof ApiError && error.status === 412;
      this.error = isStale ? d('undo.stale') : d('undo.failed', { why: reason(error) });
    }
    this.job = null;
    this.busy = false;
  }

  /** The same with the titles of the fields that stay as they are. */
  private async inWords(effect: Rollback): Promise<Rollback> {
    if (effect.conflict_count === 0) return effect;
    const fields = await this.api.fields(this.register).catch(() => []);
    const titles = new Map(fields.map(({ name, title }) => [name, say(title)]));
    const conflicts = effect.conflicts?.map((one) => ({
      ...one,
      fields: one.fields?.map((name) => titles.get(name) || name) ?? [],
    }));
    return { ...effect, ...(conflicts ? { conflicts } : {}) };
  }

  private async confirmed(effect: Rollback): Promise<boolean> {
    const dialog = this.querySelector<ConfirmDialog>('bandoso-confirm');
    const isPossible = effect.restored + effect.removed + effect.reinserted > 0;
    const question = { title: d('undo.title', { n: count(this.revision) }), body: effectOf(effect) };
    return (await dialog?.ask(isPossible ? { ...question, action: d('undo.go') } : question)) ?? false;
  }
}

/** How far a worker is. The seconds are for the eye alone: read out, they would never end. */
function waitingFor(job: RollbackJob | null): TemplateResult {
  const { step, steps, records } = job?.progress ?? {};
  const work = job?.dry_run ? 'undo.looking' : 'undo.working';
  const words = step && steps ? d(work, { step, steps, n: records ?? 0 }) : d(job?.dry_run ? 'undo.waitingToLook' : 'undo.waiting');
  const since = job ? html` <span aria-hidden="true">${d('undo.since', { time: clock(job.seconds) })}</span>` : nothing;
  return html`<p role="status" class="waiting">${job ? words : nothing}${since}</p>`;
}

/** What undoing did, in a sentence. */
export function undoneWords({ revision }: Rollback): string {
  return revision === null ? d('undo.nothing') : d('undo.done', { n: count(revision) });
}

/** What undoing does, and the records of which later revisions changed something. */
function effectOf({ restored, removed, reinserted, ...left }: Rollback): TemplateResult {
  if (restored + removed + reinserted + left.conflict_count === 0) return html`<p>${d('undo.nothing')}</p>`;
  const lines = ([['restored', restored], ['reinserted', reinserted], ['removed', removed]] as const)
    .filter(([, n]) => n > 0)
    .map(([what, n]) => html`<li>${d(`undo.${what}`, { n })}</li>`);
  return html`<p>${d(lines.length > 0 ? 'undo.effect' : 'undo.nothing')}</p>
    ${lines.length > 0 ? html`<ul>${lines}</ul>` : nothing}
    ${left.conflict_count > 0 ? conflictList(left) : nothing}
    <p>${d('undo.newRevision')}</p>`;
}

function conflictList({ conflicts = [], conflict_count: n }: Pick<Rollback, 'conflicts' | 'conflict_count'>) {
  const shown = conflicts.slice(0, CONFLICTS_SHOWN);
  return html`<p class="notice">${d('undo.conflicts', { n })}</p>
    <ul>
      ${shown.map(({ label, uuid, fields = [] }) => html`<li>${label || uuid} <small>${fields.join(', ')}</small></li>`)}
      ${n > shown.length ? html`<li>${d('undo.more', { n: n - shown.length })}</li>` : nothing}
    </ul>`;
}

customElements.define('bandoso-undo', UndoButton);
