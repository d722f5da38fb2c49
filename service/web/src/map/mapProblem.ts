/** What the map page says where the map, or part of it, cannot be drawn. */
import { html, nothing, type TemplateResult } from 'lit';
import { t } from '../core/page';

export type MapState = 'loading' | 'ready' | 'failed' | 'noWebgl';

export function mapProblem(state: MapState, trouble: boolean, retry: () => void): TemplateResult | typeof nothing {
  if (state === 'noWebgl') return html`<div role="alert" class="map-problem"><p>${t('map.noWebgl')}</p></div>`;
  if (state !== 'failed' && !trouble) return nothing;
  return html`<div role="alert" class="map-problem">
    <p>${t(state === 'failed' ? 'map.failed' : 'map.tilesFailed')}</p>
    <button type="button" @click=${retry}>${t('map.retry')}</button>
  </div>`;
}
