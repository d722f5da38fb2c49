/** `<bandoso-undo>`: takes a revision back, after saying what that does and what stands in its way. */
import { html, nothing, type TemplateResult } from 'lit';
import './confirmDialog';
import { PageElement, reason } from '../core/element';
import type { ConfirmDialog } from './confirmDialog';
import type { DeskApi } from './deskApi';
import type { Rollback } from './types';
import { count, d } from './words';

const CONFLICTS_SHOWN = 10;

export class UndoButton extends PageElement {
  static override properties = {
    api: { attribute: false },
    register: { attribute: false },
    revision: { attribute: false },
    busy: { state: true },
    error: { state: true },
  };

  declare api: DeskApi;
  declare register: string;
  declare revision: number;
  declare busy: boolean;
  declare error: string;

  constructor() {
    super();
    this.busy = false;
    this.error = '';
  }

  protected override render(): TemplateResult {
    return html`<button type="button" ?disabled=${this.busy} @click=${() => void this.undo()}>
        ${d('undo.button')}<span class="visually-hidden"> ${d('undo.of', { n: count(this.revision) })}</span>
      </button>
      <p role="alert" class="error">${this.error}</p>
      <bandoso-confirm></bandoso-confirm>`;
  }

  private async undo(): Promise<void> {
    this.busy = true;
    this.error = '';
    try {
      const effect = await this.api.rollback(this.register, this.revision, true);
      if (await this.confirmed(effect)) {
        const done = await this.api.rollback(this.register, this.revision, false);
        this.emit<Rollback>('undone', done);
      }
    } catch (error) {
      this.error = d('undo.failed', { why: reason(error) });
    }
    this.busy = false;
  }

  private async confirmed(effect: Rollback): Promise<boolean> {
    const dialog = this.querySelector<ConfirmDialog>('bandoso-confirm');
    const isPossible = effect.added + effect.changed + effect.removed > 0;
    const question = { title: d('undo.title', { n: count(this.revision) }), body: effectOf(effect) };
    return (await dialog?.ask(isPossible ? { ...question, action: d('undo.go') } : question)) ?? false;
  }
}

/** What undoing does, and the records that later revisions changed too. */
function effectOf({ added, changed, removed, conflicts = [] }: Rollback): TemplateResult {
  return html`<p>${d('undo.effect', { added, changed, removed })}</p>
    ${
      conflicts.length > 0
        ? html`<p class="notice">${d('undo.conflicts', { n: conflicts.length })}</p>
            <ul>
              ${conflicts
                .slice(0, CONFLICTS_SHOWN)
                .map(
                  ({ label, id, revision }) =>
                    html`<li>
                      ${label || id}
                      ${revision ? html`<small>${d('undo.laterRevision', { n: count(revision) })}</small>` : nothing}
                    </li>`,
                )}
            </ul>`
        : nothing
    }
    <p>${d('undo.newRevision')}</p>`;
}

customElements.define('bandoso-undo', UndoButton);
