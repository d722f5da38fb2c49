/** `<bandoso-desk-map>`: groups of features on our own base map, each with a sign of its own, and their legend. */
import 'maplibre-gl/dist/maplibre-gl.css';
import type { ExpressionSpecification, GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { PublicApi } from '../core/api';
import { PageElement } from '../core/element';
import { geometryBounds } from '../core/geo';
import { base, lang, t } from '../core/page';
import type { Bounds } from '../core/types';
import { MapView, NoWebglError } from '../map/mapView';
import { CONTEXT, baseMapOnly } from '../map/style';
import { PIXEL_RATIO, picture, pixels, type Sign } from './symbols';
import { count, d } from './words';

/** Features that are drawn alike. */
export interface Drawn {
  id: string;
  title: string;
  sign: Sign;
  features: readonly GeoJSON.Feature[];
  /** Whether the view takes the group in. */
  fits: boolean;
  /** What the legend counts; without it, it says the title only. */
  total?: number;
}

/** What was clicked: the group and the properties of the feature. */
export interface MapPick {
  group: string;
  properties: Record<string, unknown>;
}

const NEAREST = 17;
const REACH_PX = 6;
const IS_POINT: ExpressionSpecification = ['in', 'Point', ['geometry-type']];
const IS_AREA: ExpressionSpecification = ['in', 'Polygon', ['geometry-type']];

export class DeskMap extends PageElement {
  static override properties = {
    groups: { attribute: false },
    label: { attribute: false },
    loading: { state: true },
    message: { state: true },
  };

  /** The first is drawn above the others. */
  declare groups: readonly Drawn[];
  /** What the map shows, in words. */
  declare label: string;
  declare loading: boolean;
  declare message: string;

  private readonly api = new PublicApi(base, lang, { offline: t('net.offline'), refused: t('net.refused') });
  private view: MapView | undefined;
  private watch: IntersectionObserver | undefined;

  constructor() {
    super();
    this.groups = [];
    this.label = '';
    this.loading = true;
    this.message = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watch?.disconnect();
    this.view?.destroy();
    this.view = undefined;
  }

  /** Goes to a place and shows it closely. */
  goTo([lon, lat]: readonly [number, number]): void {
    this.view?.goTo([lon, lat, lon, lat]);
  }

  protected override firstUpdated(): void {
    // A page may hold several maps; each is made when it comes near the screen.
    this.watch = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        this.watch?.disconnect();
        void this.draw();
      },
      { rootMargin: '300px' },
    );
    this.watch.observe(this);
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('groups') && this.view) this.show(this.view.map);
  }

  protected override render(): TemplateResult {
    return html`<figure class="desk-map">
      <div class="outline-map"></div>
      <p class="map-note">${this.loading ? t('map.loading') : nothing}</p>
      <p role="status" class="map-note">${this.message}</p>
      <figcaption>
        <ul class="signs" aria-label=${d('map.legend')}>
          ${this.groups.map(
            ({ sign, title, total }) =>
              html`<li>${picture(sign)} ${title}${total === undefined ? '' : html` <b>${count(total)}</b>`}</li>`,
          )}
        </ul>
      </figcaption>
    </figure>`;
  }

  private async draw(): Promise<void> {
    const container = this.querySelector<HTMLElement>('.outline-map');
    if (!container) return;
    try {
      const style = baseMapOnly(await this.api.style(CONTEXT));
      const ignore = () => undefined;
      const view = await MapView.create({
        ...{ container, style, t, cooperative: true, hash: false, locate: false },
        ...{ bounds: this.bounds(), nearest: NEAREST, title: this.label },
        ...{ onPick: ignore, onCell: ignore, onMove: ignore, onBusy: ignore },
        onTrouble: () => (this.message = t('map.tilesFailed')),
      });
      this.view = view;
      view.map.once('load', () => this.show(view.map));
      view.map.on('click', ({ point: { x, y } }) => this.pick(view.map, x, y));
    } catch (error) {
      container.hidden = true;
      this.message = t(error instanceof NoWebglError ? 'map.noWebgl' : 'map.failed');
    }
    this.loading = false;
  }

  private bounds(): Bounds | null {
    const geometries = this.groups
      .filter(({ fits }) => fits)
      .flatMap(({ features }) => features.map(({ geometry }) => geometry));
    return geometryBounds({ type: 'GeometryCollection', geometries });
  }

  private show(map: MapLibreMap): void {
    if (!map.isStyleLoaded() && !map.loaded()) {
      map.once('idle', () => this.show(map));
      return;
    }
    for (const group of [...this.groups].reverse()) {
      const data: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [...group.features] };
      const source = map.getSource<GeoJSONSource>(group.id);
      if (source) source.setData(data);
      else addGroup(map, group, data);
    }
    const gone = new Set(this.groups.map(({ id }) => id));
    for (const layer of map.getStyle().layers) {
      if (!layer.id.startsWith('desk-') || !('source' in layer)) continue;
      const visibility = gone.has(layer.source) ? 'visible' : 'none';
      map.setLayoutProperty(layer.id, 'visibility', visibility);
    }
  }

  private pick(map: MapLibreMap, x: number, y: number): void {
    const layers = map
      .getStyle()
      .layers.filter(({ id }) => id.startsWith('desk-'))
      .map(({ id }) => id);
    const area: [[number, number], [number, number]] = [
      [x - REACH_PX, y - REACH_PX],
      [x + REACH_PX, y + REACH_PX],
    ];
    const [found] = map.queryRenderedFeatures(area, { layers });
    if (found) this.emit<MapPick>('map-pick', { group: found.source, properties: found.properties });
  }
}

function addGroup(map: MapLibreMap, { id, sign }: Drawn, data: GeoJSON.FeatureCollection): void {
  map.addSource(id, { type: 'geojson', data });
  const image = pixels(sign);
  if (image) map.addImage(id, image, { pixelRatio: PIXEL_RATIO });
  const outline = sign.shape === 'line';
  if (!outline)
    map.addLayer({
      ...{ id: `desk-${id}-fill`, type: 'fill', source: id, filter: IS_AREA },
      paint: { 'fill-color': sign.color, 'fill-opacity': sign.shape === 'ring' ? 0 : 0.22 },
    });
  map.addLayer({
    ...{ id: `desk-${id}-line`, type: 'line', source: id, filter: ['!', IS_POINT] },
    paint: { 'line-color': sign.color, 'line-width': 2.5, 'line-dasharray': dashes(sign) },
  });
  if (image)
    map.addLayer({
      ...{ id: `desk-${id}-point`, type: 'symbol', source: id, filter: IS_POINT },
      layout: { 'icon-image': id, 'icon-allow-overlap': true, 'icon-ignore-placement': true },
    });
}

/** Lines differ as signs do: what was there before is broken, what goes is dotted. */
function dashes({ shape }: Sign): number[] {
  if (shape === 'ring') return [3, 2];
  return shape === 'cross' ? [1, 1.5] : [1, 0];
}

customElements.define('bandoso-desk-map', DeskMap);
