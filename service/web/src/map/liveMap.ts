/** Ties the drawn map to the news of changed tiles. */
import type { Map as MapLibreMap } from 'maplibre-gl';
import type { Changes } from '../core/tileMath';
import type { FreshTiles } from './freshTiles';
import { TileNews } from './tileNews';

/** Maps do not all ask at the same moment; after a large import they have longer. */
const SPREAD_MS = 300;
const LARGE_SPREAD_MS = 2_000;

export interface LiveOptions {
  /** Address of the news of some layers since some versions. */
  url: (layers: string[], versions: string[]) => string;
  /** Called with every change of a layer that is drawn. */
  onChanges: (changes: Changes) => void;
  /** Called when something in view is drawn anew. */
  onUpdated: () => void;
}

export class LiveMap {
  private readonly news: TileNews;
  private readonly waiting: Changes[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly map: MapLibreMap,
    private readonly tiles: FreshTiles,
    private readonly options: LiveOptions,
  ) {
    const element = map.getContainer();
    this.news = new TileNews({ element, address: () => this.address(), onChanges: (changes) => this.take(changes) });
    map.on('load', () => this.news.start());
    map.on('idle', () => this.refresh());
    map.on('sourcedata', () => this.refresh());
  }

  /** Listens for the layers that are shown now. */
  follow(): void {
    if (this.map.loaded()) this.news.restart();
    else this.map.once('idle', () => this.news.restart());
  }

  stop(): void {
    clearTimeout(this.timer);
    this.news.stop();
  }

  private address(): string | null {
    this.applyAll();
    const layers = drawnSources(this.map);
    const versions = layers.map((layer) => this.tiles.version(layer));
    return layers.length > 0 ? this.options.url(layers, versions) : null;
  }

  private take(changes: Changes): void {
    this.waiting.push(changes);
    const spread = changes.all || changes.within ? LARGE_SPREAD_MS : SPREAD_MS;
    this.timer ??= setTimeout(() => this.applyAll(), Math.random() * spread);
  }

  private applyAll(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const changes of this.waiting.splice(0)) {
      if (this.tiles.apply(changes)) this.options.onUpdated();
      this.options.onChanges(changes);
    }
  }

  private refresh(): void {
    if (this.tiles.refreshAll()) this.options.onUpdated();
  }
}

/** Sources of tiles of which some layer of the style is shown. */
function drawnSources(map: MapLibreMap): string[] {
  const { layers, sources } = map.getStyle();
  const shown = layers.flatMap((layer) =>
    'source' in layer && layer.layout?.visibility !== 'none' && typeof layer.source === 'string' ? [layer.source] : [],
  );
  return [...new Set(shown)].filter((id) => sources[id]?.type === 'vector').sort();
}
