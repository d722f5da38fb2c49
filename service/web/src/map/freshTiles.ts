/**
 * Keeps the drawn tiles fresh: knows which tiles were asked for, and asks again for those that changed and for no other.
 *
 * Addresses of tiles carry a version and may be kept for ever, so a changed tile has to be asked for under a new one:
 * the version of each layer is put into the addresses here. MapLibre keeps tiles that have left the view and cannot be
 * told to drop one; such a tile is remembered as stale and refreshed when it is seen again.
 */
import { changedPlaces, isWithin, overlap, tileBounds, type Changes, type TileNumbers } from '../core/tileMath';
import type { Bounds } from '../core/types';

/** A vector source, as far as it matters here. */
export interface TileSource {
  url?: string;
  tiles?: string[];
  bounds?: Bounds;
  maxzoom: number;
  setUrl(url: string): unknown;
}

/** The drawn map, as far as it matters here. */
export interface TileMap {
  getZoom(): number;
  getMaxZoom(): number;
  getSource(id: string): unknown;
  isSourceLoaded(id: string): boolean;
  refreshTiles(source: string, tiles: { x: number; y: number; z: number }[]): void;
}

interface Layer {
  /** Version in the addresses that TileJSON gave. */
  given: string | undefined;
  version: string;
  /** Tiles asked for, the latest last: more than MapLibre ever keeps. */
  held: Map<string, TileNumbers>;
  /** Tiles that MapLibre may hold in a state from before a change. */
  stale: Map<string, TileNumbers>;
}

const TILE = /\/tiles\/([^/,?]+)\/(\d+)\/(\d+)\/(\d+)\.mvt(?=\?|$)/;
const HELD = 1000;

export class FreshTiles {
  private readonly layers = new Map<string, Layer>();

  constructor(private readonly map: () => TileMap | undefined) {}

  /** The address a request goes to: of tiles the newest version. */
  address(href: string): string {
    const found = TILE.exec(href);
    if (!found) return href;
    const tile: TileNumbers = [Number(found[2]), Number(found[3]), Number(found[4])];
    const layer = this.layer(found[1] ?? '');
    const url = new URL(href);
    const given = url.searchParams.get('v') ?? '';
    if (given !== layer.given) layer.version = layer.given = given;
    const key = tile.join('/');
    layer.held.delete(key);
    layer.held.set(key, tile);
    if (layer.held.size > HELD) layer.held.delete(layer.held.keys().next().value ?? '');
    layer.stale.delete(this.drawnAs(tile, found[1] ?? ''));
    if (layer.version) url.searchParams.set('v', layer.version);
    return url.href;
  }

  /** The version of a layer that is drawn; empty where none is known yet. */
  version(id: string): string {
    return this.known(id).version;
  }

  /**
   * Takes note of a revision.
   *
   * @returns whether anything on the screen is asked for again
   */
  apply(changes: Changes): boolean {
    const layer = this.known(changes.layer);
    layer.version = changes.version;
    const source = this.source(changes.layer);
    if (source?.url && (changes.all || reachesBeyond(changes, source.bounds))) {
      layer.held.clear();
      layer.stale.clear();
      source.setUrl(source.url);
      return true;
    }
    for (const tile of changedOf(changes, layer.held)) {
      for (const name of this.drawings(tile, source)) layer.stale.set(name, tile);
    }
    return this.refresh(changes.layer);
  }

  /** Asks again for stale tiles in view, once nothing of their source is under way: answers must not overtake. */
  refresh(id: string): boolean {
    const [layer, map] = [this.layers.get(id), this.map()];
    if (!layer?.stale.size || !map?.getSource(id) || !map.isSourceLoaded(id)) return false;
    const before = layer.stale.size;
    const drawn = [...layer.stale].filter(([name, tile]) => name === this.drawnAs(tile, id));
    if (drawn.length === 0) return false;
    map.refreshTiles(
      id,
      drawn.map(([, [z, x, y]]) => ({ z, x, y })),
    );
    return layer.stale.size < before;
  }

  /** Does so for all layers. */
  refreshAll(): boolean {
    return [...this.layers.keys()].map((id) => this.refresh(id)).includes(true);
  }

  private layer(id: string): Layer {
    const found = this.layers.get(id) ?? { given: undefined, version: '', held: new Map(), stale: new Map() };
    this.layers.set(id, found);
    return found;
  }

  /** A layer with the version of its TileJSON, where no tile of it was asked for yet. */
  private known(id: string): Layer {
    const layer = this.layer(id);
    const template = this.source(id)?.tiles?.[0];
    if (layer.given === undefined && template) {
      layer.version = layer.given = new URL(template, document.baseURI).searchParams.get('v') ?? '';
    }
    return layer;
  }

  private source(id: string): TileSource | undefined {
    return this.map()?.getSource(id) as TileSource | undefined;
  }

  /** Beyond the last zoom of the source one tile is drawn, and kept, anew for each zoom of the map. */
  private drawnAs([z, x, y]: TileNumbers, id: string): string {
    const zoom = this.map()?.getZoom() ?? z;
    return `${z}/${x}/${y}@${z < (this.source(id)?.maxzoom ?? z) ? z : Math.max(z, Math.floor(zoom))}`;
  }

  private drawings([z, x, y]: TileNumbers, source: TileSource | undefined): string[] {
    const last = z < (source?.maxzoom ?? z) ? z : Math.max(z, Math.floor(this.map()?.getMaxZoom() ?? z));
    return Array.from({ length: last - z + 1 }, (_, step) => `${z}/${x}/${y}@${z + step}`);
  }
}

function changedOf({ tiles = [], within = [] }: Changes, held: Map<string, TileNumbers>): TileNumbers[] {
  const named = tiles.filter((tile) => held.has(tile.join('/')));
  if (within.length === 0) return named;
  return [...named, ...[...held.values()].filter((tile) => within.some((area) => isWithin(tile, area)))];
}

/** Whether records came to where the source says there are none: MapLibre asks for no tile there. */
function reachesBeyond(changes: Changes, bounds: Bounds | undefined): boolean {
  return bounds !== undefined && changedPlaces(changes).some((tile) => !overlap(tileBounds(tile), bounds));
}
