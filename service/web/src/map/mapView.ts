/** The drawn map: wraps MapLibre so that the rest of the page need not know it. */
import type {
  GeoJSONSource,
  LngLatBoundsLike,
  Map as MapLibreMap,
  MapGeoJSONFeature,
  MapMouseEvent,
  Popup,
} from 'maplibre-gl';
import type * as MapLibre from 'maplibre-gl';
import type { ExpressionSpecification, StyleSpecification } from 'maplibre-gl';
import type { Texts } from '../core/i18n';
import type { Bounds, Properties } from '../core/types';
import { FIRST_VIEW, VIETNAM, shapeToScreen } from '../core/geo';
import { FreshTiles } from './freshTiles';
import { LiveMap, type LiveOptions } from './liveMap';
import { DAY, registerOf } from './style';

const SELECTION = 'selection';
/** The layer in which a tile says how many records it left out. */
const DROPPED = 'dropped';
const ACCENT = '#b3261e';
const CLICK_REACH_PX = 5;
const POINT_ZOOM = 15;
const MAX_ZOOM = 19;
/** MapLibre hands this to `fetch`, which knows one word more than MapLibre's types do. */
const WITHOUT_COOKIES = 'omit' as unknown as 'same-origin';
/** Single and multiple points alike. */
const IS_POINT: ExpressionSpecification = ['in', 'Point', ['geometry-type']];

/** A feature under the pointer. */
export interface Picked {
  register: string;
  /** The number that tiles carry; the service answers to it as it does to the UUID. */
  id: string;
  properties: Properties;
}

export interface MapViewOptions {
  container: HTMLElement;
  style: StyleSpecification;
  t: Texts;
  /** Two fingers or Ctrl + scroll to move the map: for maps inside other pages. */
  cooperative: boolean;
  /** Whether the address of the page keeps the view. */
  hash: boolean;
  locate: boolean;
  /** What the map is called; a page with several maps gives each a name. */
  title?: string;
  bounds?: Bounds | null;
  /** How close the first view may be. */
  nearest?: number;
  onPick: (found: Picked[], at: [number, number]) => void;
  onCell: (count: number) => void;
  onMove: (bounds: Bounds) => void;
  onBusy: (busy: boolean) => void;
  /** How many records of each layer the tiles on screen leave out. */
  onDropped?: (dropped: ReadonlyMap<string, number>) => void;
  onTrouble: () => void;
  /** Given where the map is to follow what is published while it is open. */
  live?: LiveOptions;
}

/** The browser cannot draw maps at all. */
export class NoWebglError extends Error {}

function hasWebgl(): boolean {
  const canvas = document.createElement('canvas');
  return Boolean(canvas.getContext('webgl2') ?? canvas.getContext('webgl'));
}

function localeOf(t: Texts, title: string): Record<string, string> {
  return {
    'Map.Title': title,
    'NavigationControl.ZoomIn': t('map.zoomIn'),
    'NavigationControl.ZoomOut': t('map.zoomOut'),
    'GeolocateControl.FindMyLocation': t('map.locate'),
    'GeolocateControl.LocationNotAvailable': t('map.locateFailed'),
    'FullscreenControl.Enter': t('map.fullscreen'),
    'FullscreenControl.Exit': t('map.fullscreenExit'),
    'Popup.Close': t('map.closePopup'),
    'CooperativeGesturesHandler.WindowsHelpText': t('map.gestureCtrl'),
    'CooperativeGesturesHandler.MacHelpText': t('map.gestureMac'),
    'CooperativeGesturesHandler.MobileHelpText': t('map.gestureTouch'),
  };
}

export class MapView {
  readonly map: MapLibreMap;
  private popup: Popup | undefined;
  private readonly tiles = new FreshTiles(() => this.map);
  private readonly live: LiveMap | undefined;
  // MapLibre's own watch ignores the first size it hears of, even when the map was made before the page was laid out.
  private readonly sizes = new ResizeObserver(() => this.resize());

  private constructor(
    private readonly engine: typeof MapLibre,
    private readonly options: MapViewOptions,
  ) {
    const { container, style, t, bounds, nearest = POINT_ZOOM } = options;
    this.map = new engine.Map({
      container,
      style,
      bounds: (bounds ?? FIRST_VIEW) as LngLatBoundsLike,
      fitBoundsOptions: { padding: 16, maxZoom: nearest },
      maxBounds: shapeToScreen(VIETNAM, container.clientWidth, container.clientHeight),
      maxZoom: MAX_ZOOM,
      hash: options.hash ? 'map' : false,
      renderWorldCopies: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      attributionControl: false,
      trackResize: false,
      cooperativeGestures: options.cooperative,
      locale: localeOf(t, options.title ?? t('map.name')),
      // Tiles are fetched in a worker that has no address of its own to resolve a path against.
      transformRequest: (url) => ({
        url: this.tiles.address(new URL(url, document.baseURI).href),
        credentials: WITHOUT_COOKIES,
      }),
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.addControls();
    this.listen();
    this.sizes.observe(container);
    if (options.live) this.live = new LiveMap(this.map, this.tiles, options.live);
  }

  /**
   * Loads the library and draws the map.
   *
   * @throws NoWebglError when the browser cannot draw it
   */
  static async create(options: MapViewOptions): Promise<MapView> {
    if (!hasWebgl()) throw new NoWebglError();
    return new MapView(await import('maplibre-gl'), options);
  }

  get bounds(): Bounds {
    const box = this.map.getBounds();
    return [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()];
  }

  /** Shows or hides every style layer of a register. */
  setShown(register: string, shown: boolean): void {
    for (const layer of this.map.getStyle().layers) {
      if (registerOf(layer) !== register) continue;
      this.map.setLayoutProperty(layer.id, 'visibility', shown ? 'visible' : 'none');
    }
    this.live?.follow();
  }

  /** Draws what is in force on a day (YYYY-MM-DD), of the layers that say it. */
  setDay(day: string): void {
    this.map.setGlobalStateProperty(DAY, day);
  }

  /** Goes to a box, or to a point when the box has no size. */
  goTo(bounds: Bounds): void {
    const [west, south, east, north] = bounds;
    if (east - west < 1e-6 && north - south < 1e-6) {
      this.map.flyTo({ center: [west, south], zoom: Math.max(this.map.getZoom(), POINT_ZOOM) });
      return;
    }
    this.map.fitBounds(bounds, { padding: 40, maxZoom: 16 });
  }

  /** Marks one geometry; null removes the mark. */
  mark(geometry: GeoJSON.Geometry | null): void {
    const data: GeoJSON.FeatureCollection = {
      type: 'FeatureCollection',
      features: geometry ? [{ type: 'Feature', geometry, properties: {} }] : [],
    };
    this.whenStyled(() => {
      const source = this.map.getSource<GeoJSONSource>(SELECTION);
      if (source) source.setData(data);
      else this.addSelection(data);
    });
  }

  /** Writes a name at a place. The text becomes text nodes only. */
  label(at: [number, number], title: string, note: string): void {
    const content = document.createElement('div');
    const strong = document.createElement('strong');
    strong.textContent = title;
    content.append(strong);
    if (note) {
      const small = document.createElement('div');
      small.textContent = note;
      content.append(small);
    }
    this.unlabel();
    this.popup = new this.engine.Popup({ focusAfterOpen: false, maxWidth: '260px' });
    this.popup.setLngLat(at).setDOMContent(content).addTo(this.map);
  }

  unlabel(): void {
    this.popup?.remove();
    this.popup = undefined;
  }

  destroy(): void {
    this.sizes.disconnect();
    this.live?.stop();
    this.map.remove();
  }

  /** Takes the label away from who may have the focus in it. */
  private closeLabel(): void {
    this.unlabel();
    this.map.getCanvas().focus();
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.map.getContainer();
    this.map.setMaxBounds(shapeToScreen(VIETNAM, clientWidth, clientHeight));
    this.map.resize();
    this.map.redraw();
  }

  private addControls(): void {
    const { NavigationControl, ScaleControl, GeolocateControl, FullscreenControl } = this.engine;
    this.map.addControl(new NavigationControl({ showCompass: false }), 'top-right');
    if (this.options.locate) this.map.addControl(new GeolocateControl({ trackUserLocation: false }), 'top-right');
    else this.map.addControl(new FullscreenControl({}), 'top-right');
    this.map.addControl(new ScaleControl({}), 'bottom-left');
  }

  private listen(): void {
    const { map, options } = this;
    const state = map.getContainer().dataset;
    map.on('load', () => announce('bandoso:ready', map));
    map.on('dataloading', () => {
      state['map'] = 'busy';
      options.onBusy(true);
    });
    map.on('idle', () => {
      state['map'] = 'idle';
      options.onBusy(false);
      options.onDropped?.(this.dropped());
      announce('bandoso:idle', map);
    });
    map.on('moveend', () => options.onMove(this.bounds));
    map.on('error', () => options.onTrouble());
    map.on('click', (event) => this.pick(event));
    map.getContainer().addEventListener('keydown', ({ key }) => {
      if (key === 'Escape' && this.popup) this.closeLabel();
    });
    map.on('mousemove', (event) => {
      map.getCanvas().style.cursor = this.found(event).length > 0 ? 'pointer' : '';
    });
  }

  /** Adds up what the tiles themselves say that they left out. */
  private dropped(): ReadonlyMap<string, number> {
    const total = new Map<string, number>();
    for (const [source, { type }] of Object.entries(this.map.getStyle().sources)) {
      if (type !== 'vector') continue;
      for (const { properties } of this.map.querySourceFeatures(source, { sourceLayer: DROPPED })) {
        const layer = String(properties['layer']);
        total.set(layer, (total.get(layer) ?? 0) + Number(properties['dropped']));
      }
    }
    return total;
  }

  private found(event: MapMouseEvent): MapGeoJSONFeature[] {
    const { x, y } = event.point;
    const area: [[number, number], [number, number]] = [
      [x - CLICK_REACH_PX, y - CLICK_REACH_PX],
      [x + CLICK_REACH_PX, y + CLICK_REACH_PX],
    ];
    return this.map.queryRenderedFeatures(area).filter((feature) => registerOf(feature.layer) !== null);
  }

  private pick(event: MapMouseEvent): void {
    const found = this.found(event);
    const cell = found.find((feature) => typeof feature.properties['count'] === 'number');
    if (cell) {
      this.map.easeTo({ center: event.lngLat, zoom: this.map.getZoom() + 2 });
      this.options.onCell(cell.properties['count'] as number);
      return;
    }
    this.options.onPick(distinct(found), event.lngLat.toArray());
  }

  private addSelection(data: GeoJSON.FeatureCollection): void {
    this.map.addSource(SELECTION, { type: 'geojson', data });
    this.map.addLayer({
      id: `${SELECTION}-line`,
      type: 'line',
      source: SELECTION,
      filter: ['!', IS_POINT],
      paint: { 'line-color': ACCENT, 'line-width': 3 },
    });
    this.map.addLayer({
      id: `${SELECTION}-point`,
      type: 'circle',
      source: SELECTION,
      filter: IS_POINT,
      paint: { 'circle-radius': 9, 'circle-opacity': 0, 'circle-stroke-color': ACCENT, 'circle-stroke-width': 3 },
    });
  }

  private whenStyled(action: () => void): void {
    if (this.map.isStyleLoaded() || this.map.getSource(SELECTION)) action();
    else this.map.once('idle', action);
  }
}

/** Each feature once, points before areas: a label or fill of the area around a house must not hide the house. */
function distinct(features: MapGeoJSONFeature[]): Picked[] {
  const seen = new Map<string, Picked>();
  const isArea = ({ geometry }: MapGeoJSONFeature) => Number(geometry.type.endsWith('Polygon'));
  for (const { layer, id, properties } of [...features].sort((one, other) => isArea(one) - isArea(other))) {
    const register = registerOf(layer);
    if (register === null || id === undefined) continue;
    const key = `${register}/${id}`;
    if (!seen.has(key)) seen.set(key, { register, id: String(id), properties });
  }
  return [...seen.values()];
}

function announce(name: string, map: MapLibreMap): void {
  document.dispatchEvent(new CustomEvent(name, { detail: { map } }));
}
