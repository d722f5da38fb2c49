/** What we change in the style the service gives before MapLibre sees it. */
import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { Register } from '../core/types';

const BASE_MAP = 'basemap';
const BASE_LABEL = 'basemap-label-';
/** Labels that no map of ours may hide: both archipelagos and the sea. */
const ALWAYS_ON = new Set(['basemap-label-archipelago', 'basemap-label-sea']);

/** The property of MapLibre's global state that holds the day whose records are drawn. */
export const DAY = 'day';

/** Registers whose outlines and names tell where one is, whatever else is shown. */
export const CONTEXT = ['communes', 'villages'] as const;
/** What is drawn of them; the outlines of provinces are in the base map. */
const CONTEXT_LINES = new Set(['communes-line']);
const CONTEXT_NAMES = new Set(['communes-label', 'villages-label']);

/** The register a style layer draws, or null for the base map. */
export function registerOf(layer: { metadata?: unknown }): string | null {
  const metadata = layer.metadata as Record<string, unknown> | undefined;
  const id = metadata?.['bandoso:register'];
  return typeof id === 'string' ? id : null;
}

/**
 * Hides the layers of registers that are off, and puts the labels of the base map above everything, so that no data
 * layer can push away those that must always be seen.
 */
export function prepareStyle(style: StyleSpecification, shown: ReadonlySet<string>): StyleSpecification {
  const layers = style.layers.map((layer) => withVisibility(layer, shown));
  const labels = layers.filter(({ id }) => id.startsWith(BASE_LABEL)).map(alwaysOn);
  return { ...style, layers: [...layers.filter(({ id }) => !id.startsWith(BASE_LABEL)), ...labels] };
}

/**
 * Draws what is in force on a day (YYYY-MM-DD), which the map may change afterwards, of the registers whose tiles say
 * from when to when records hold.
 */
export function byDay(style: StyleSpecification, registers: readonly Register[], day: string): StyleSpecification {
  const dated = new Set(registers.filter((register) => register.by_day).map(({ id }) => id));
  const layers = style.layers.map((layer) => (dated.has(registerOf(layer) ?? '') ? inForce(layer) : layer));
  return { ...style, layers, state: { ...style.state, [DAY]: { default: day } } };
}

function inForce(layer: LayerSpecification): LayerSpecification {
  const day = ['global-state', DAY];
  const on = (name: string, sign: string) => [sign, ['to-string', ['get', name]], day];
  const filters = 'filter' in layer && layer.filter ? [layer.filter] : [];
  const filter = ['all', ...filters, on('valid_from', '<='), ['any', ['!', ['has', 'valid_to']], on('valid_to', '>')]];
  return { ...layer, filter } as LayerSpecification;
}

/**
 * Adds commune outlines and the names of communes and villages to the base map, where no switch of a layer hides them.
 * Lines go below all data, names below the names of the data.
 */
export function withContext(style: StyleSpecification): StyleSpecification {
  const { layers } = style;
  const firstData = layers.findIndex((layer) => registerOf(layer) !== null);
  const firstName = layers.findIndex((layer) => registerOf(layer) !== null && layer.type === 'symbol');
  if (firstName < 0) return style;
  return {
    ...style,
    layers: [
      ...layers.slice(0, firstData),
      ...copies(layers, CONTEXT_LINES),
      ...layers.slice(firstData, firstName),
      ...copies(layers, CONTEXT_NAMES),
      ...layers.slice(firstName),
    ],
  };
}

function copies(layers: LayerSpecification[], ids: ReadonlySet<string>): LayerSpecification[] {
  return layers
    .filter(({ id }) => ids.has(id))
    .map(({ metadata: _register, ...layer }) => ({ ...layer, id: `${BASE_MAP}-${layer.id}` }));
}

/** The base map with its context, for pages that draw one feature on it. */
export function baseMapOnly(style: StyleSpecification): StyleSpecification {
  const layers = withContext(style).layers.filter((layer) => registerOf(layer) === null && layer.id.startsWith(BASE_MAP));
  const used = new Set(layers.map((layer) => ('source' in layer ? layer.source : '')));
  const sources = Object.fromEntries(Object.entries(style.sources).filter(([name]) => used.has(name)));
  return prepareStyle({ ...style, layers, sources }, new Set());
}

function withVisibility(layer: LayerSpecification, shown: ReadonlySet<string>): LayerSpecification {
  const register = registerOf(layer);
  if (register === null) return layer;
  const visibility = shown.has(register) ? 'visible' : 'none';
  return { ...layer, layout: { ...layer.layout, visibility } } as LayerSpecification;
}

function alwaysOn(layer: LayerSpecification): LayerSpecification {
  if (layer.type !== 'symbol' || !ALWAYS_ON.has(layer.id)) return layer;
  const { minzoom: _from, maxzoom: _to, ...rest } = layer;
  const layout = { 'text-allow-overlap': true, 'text-ignore-placement': true, visibility: 'visible' as const };
  return { ...rest, layout: { ...layer.layout, ...layout } };
}
