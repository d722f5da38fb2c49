/** What we change in the style the service gives before MapLibre sees it. */
import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';

const BASE_MAP = 'basemap';
const BASE_LABEL = 'basemap-label-';
/** Labels that no map of ours may hide: both archipelagos and the sea. */
const ALWAYS_ON = new Set(['basemap-label-archipelago', 'basemap-label-sea']);

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

/** The base map alone, for pages that draw one feature on it. */
export function baseMapOnly(style: StyleSpecification): StyleSpecification {
  const layers = style.layers.filter((layer) => registerOf(layer) === null && layer.id.startsWith(BASE_MAP));
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
