/** The four steps of an upload and how far it is. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Progress, UploadState } from './types';
import { count, d, duration, percent } from './words';

const STEPS = ['read', 'check', 'review', 'publish'] as const;
/** Index of the step that is going on; what failed or was refused stopped at its check. */
const CURRENT: Record<UploadState, number> = {
  received: 0,
  reading: 0,
  validating: 1,
  needs_choice: 1,
  rejected: 1,
  failed: 1,
  cancelled: 1,
  staged: 2,
  needs_approval: 2,
  publishing: 3,
  published: 4,
};
const STOPPED: ReadonlySet<UploadState> = new Set(['rejected', 'failed', 'cancelled']);

export function stepList(state: UploadState): TemplateResult {
  const current = CURRENT[state];
  return html`<ol class="steps" aria-label=${d('steps.label')}>
    ${STEPS.map((step, index) => {
      const stand = index < current ? 'done' : index > current ? 'ahead' : STOPPED.has(state) ? 'stopped' : 'current';
      return html`<li class="step-${stand}" aria-current=${index === current ? 'step' : nothing}>
        <span class="step-mark" aria-hidden="true"
          >${stand === 'done' ? '✓' : stand === 'stopped' ? '!' : index + 1}</span
        >
        <span>${d(`steps.${step}`)}<span class="visually-hidden"> – ${d(`steps.${stand}`)}</span></span>
      </li>`;
    })}
  </ol>`;
}

/** Rows done of all, how fast, and how long it still takes. */
export function progressBar({ done, total, rows_per_s, seconds_left }: Progress): TemplateResult {
  const known = typeof total === 'number' && total > 0;
  const parts: string[] = [];
  if (typeof done === 'number' && known)
    parts.push(d('progress.rows', { done, total, percent: percent(Math.min(done / total, 1)) }));
  if (rows_per_s) parts.push(d('progress.rate', { n: count(Math.round(rows_per_s)) }));
  if (typeof seconds_left === 'number' && seconds_left > 0)
    parts.push(d('progress.left', { time: duration(seconds_left) }));
  return html`<progress
      aria-label=${d('uploads.progress')}
      max=${known ? total : 1}
      value=${known ? (done ?? 0) : nothing}
    ></progress>
    <p class="hint">${parts.join(' · ')}</p>`;
}
