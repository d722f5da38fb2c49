/** `<bandoso-outline src="…">`: the features behind an address drawn on our base map, beside their table. */
import 'maplibre-gl/dist/maplibre-gl.css';
import { html, type TemplateResult } from 'lit';
import { PublicApi } from './core/api';
import { PageElement } from './core/element';
import { geometryBounds } from './core/geo';
import { base, lang, t } from './core/page';
import type { Feature, FeatureCollection } from './core/types';
import { MapView, NoWebglError } from './map/mapView';
import { CONTEXT, baseMapOnly } from './map/style';

/** A point is shown among its neighbours: close enough for names of villages, far enough for outlines of communes. */
const CONTEXT_ZOOM = 13;

class Outline extends PageElement {
  static override properties = { src: { type: String }, attribution: { type: String }, message: { state: true } };

  declare src: string;
  declare attribution: string;
  declare message: string;

  private readonly api = new PublicApi(base, lang, { offline: t('net.offline'), refused: t('net.refused') });

  constructor() {
    super();
    this.src = '';
    this.attribution = '';
    this.message = t('map.loading');
  }

  protected override firstUpdated(): void {
    void this.draw();
  }

  protected override render(): TemplateResult {
    return html`<div class="outline-map" role="region" aria-label=${t('outline.name')}></div>
      <p class="attribution">${this.attribution}</p>
      <p role="status" class="outline-status">${this.message}</p>`;
  }

  private async draw(): Promise<void> {
    const container = this.querySelector<HTMLElement>('.outline-map');
    if (!container) return;
    try {
      const [style, data] = await Promise.all([
        this.api.style(CONTEXT),
        this.api.follow<Feature | FeatureCollection>(this.src),
      ]);
      const geometry = collected(data);
      const bounds = geometryBounds(geometry);
      const ignore = () => undefined;
      const view = await MapView.create({
        container,
        style: baseMapOnly(style),
        t,
        cooperative: true,
        hash: false,
        locate: false,
        bounds,
        nearest: CONTEXT_ZOOM,
        onPick: ignore,
        onCell: ignore,
        onMove: ignore,
        onBusy: ignore,
        onTrouble: () => (this.message = t('map.tilesFailed')),
      });
      view.mark(geometry);
      this.message = '';
    } catch (error) {
      container.hidden = true;
      this.message = t(error instanceof NoWebglError ? 'map.noWebgl' : 'map.failed');
    }
  }
}

function collected(data: Feature | FeatureCollection): GeoJSON.GeometryCollection {
  const features = data.type === 'Feature' ? [data] : data.features;
  const geometries = features.flatMap(({ geometry }) => (geometry ? [geometry] : []));
  return { type: 'GeometryCollection', geometries };
}

customElements.define('bandoso-outline', Outline);
