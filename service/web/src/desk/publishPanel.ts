/** `<bandoso-publish>`: the button that publishes, or what is in its way. */
import { html, nothing, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import { lossWarning } from './changeSection';
import type { DiffSummary, Report, UploadState } from './types';
import { d } from './words';

export class PublishPanel extends PageElement {
  static override properties = {
    diff: { attribute: false },
    report: { attribute: false },
    state: { attribute: false },
    pending: { type: Boolean },
    busy: { type: Boolean },
    mayApprove: { type: Boolean },
  };

  declare diff: DiffSummary;
  declare report: Report | null;
  declare state: UploadState;
  /** Whether something was changed and not checked again: what is shown would not be what is published. */
  declare pending: boolean;
  declare busy: boolean;
  declare mayApprove: boolean;

  constructor() {
    super();
    this.report = null;
    this.state = 'staged';
    this.pending = false;
    this.busy = false;
    this.mayApprove = false;
  }

  protected override render(): TemplateResult {
    return html`<form class="publish" @submit=${(event: Event) => this.submit(event)}>
      <p class="publish-sum">${this.sum()}</p>
      ${lossWarning(this.diff)} ${this.state === 'needs_approval' ? this.approval() : this.publishing()}
    </form>`;
  }

  private sum(): string {
    const { added, changed, removed } = this.diff;
    const rejected = this.report?.rows?.rejected ?? 0;
    const sum = d(added + changed + removed > 0 ? 'publish.sum' : 'publish.nothing', { added, changed, removed });
    return rejected > 0 ? `${sum} ${d('publish.leftOut', { rejected })}` : sum;
  }

  private publishing(): TemplateResult {
    const { needs_approval: needsApproval } = this.diff;
    return html`<label for="publish-note">${d('publish.note')}</label>
      <input id="publish-note" maxlength="500" autocomplete="off" />
      ${needsApproval ? html`<p>${d('publish.askApproval')}</p>` : nothing}
      ${this.pending ? html`<p class="hint">${d('publish.pending')}</p>` : nothing}
      <button class="primary large" ?disabled=${this.busy || this.pending}>
        ${d(needsApproval ? 'publish.request' : 'publish.button')}
      </button>`;
  }

  private approval(): TemplateResult {
    return this.mayApprove
      ? html`<p>${d('publish.approveHint')}</p>
          <button class="primary large" ?disabled=${this.busy}>${d('publish.approve')}</button>`
      : html`<p>${d('publish.waits')}</p>`;
  }

  private submit(event: Event): void {
    event.preventDefault();
    if (this.state === 'needs_approval') this.emit('approve', null);
    else this.emit<string>('publish', this.querySelector('input')?.value.trim() ?? '');
  }
}

customElements.define('bandoso-publish', PublishPanel);
