/** The bar that says that something was changed and not checked yet, with the button that checks it. */
import { html, nothing, type TemplateResult } from 'lit';
import { draftSize } from './draft';
import type { Choices } from './types';
import { d } from './words';

interface PendingBar {
  draft: Choices;
  busy: boolean;
  onCheck: () => void;
  onDrop: () => void;
}

/** Its sentence has a place of its own at all times: a reader hears only what changes in a place that was there before. */
export function pendingBar({ draft, busy, onCheck, onDrop }: PendingBar): TemplateResult {
  const n = draftSize(draft);
  const isShown = n > 0;
  return html`<div
    class=${isShown ? 'pending' : nothing}
    role=${isShown ? 'region' : nothing}
    aria-label=${isShown ? d('pending.label') : nothing}
  >
    <p role="status">${isShown ? d('pending.words', { n }) : nothing}</p>
    ${
      isShown
        ? html`<button type="button" @click=${onDrop}>${d('pending.drop')}</button>
            <button type="button" class="primary" ?disabled=${busy} @click=${onCheck}>${d('pending.check')}</button>`
        : nothing
    }
  </div>`;
}
