/** How much of a file is sent, and what follows once it all is. */
import { html, nothing, type TemplateResult } from 'lit';
import type { DeskKey } from './texts.vi';
import { d, percent as inPercent } from './words';

/**
 * Nothing while nothing is sent. What is done is told once, in a place that is there before: read out, the numbers would
 * never end, and the bar has them for whoever asks.
 *
 * @param percent - share sent, 0 to 100; null while nothing is being sent
 * @param words - what is being done
 */
export function sendingBar(percent: number | null, words: DeskKey): TemplateResult {
  const isSending = percent !== null && percent < 100;
  const share = isSending ? html` <span aria-hidden="true">${inPercent(percent / 100)}</span>` : nothing;
  return html`<p role="status">${percent === null ? nothing : d(words)}${share}</p>
    ${
      percent === null
        ? nothing
        : html`<progress
            max="100"
            value=${isSending ? percent : nothing}
            aria-label=${d('upload.progress')}
          ></progress>`
    }`;
}
