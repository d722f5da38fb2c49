import { beforeEach, describe, expect, it } from 'vitest';
import type { Bounds } from '../core/types';
import { FreshTiles, type TileMap } from './freshTiles';

const TEMPLATE = 'https://bando.example/tiles/addresses/{z}/{x}/{y}.mvt?v=1c2';
const HERE = [14, 13026, 7245] as const;
const BESIDE = [14, 13027, 7245] as const;

/** Draws tiles as MapLibre does: asks for those in view when it is told to refresh them. */
class Drawing implements TileMap {
  zoom = 14;
  loaded = true;
  inView = new Set<string>();
  asked: string[] = [];
  reread = 0;
  readonly source = {
    url: 'https://bando.example/tiles/addresses.json',
    tiles: [TEMPLATE],
    bounds: [106, 20, 107, 21] as Bounds,
    maxzoom: 14,
    setUrl: () => (this.reread += 1),
  };

  constructor(private readonly fresh: () => FreshTiles) {}

  getZoom = () => this.zoom;
  getMaxZoom = () => 19;
  getSource = (id: string) => (id === 'addresses' ? this.source : undefined);
  isSourceLoaded = () => this.loaded;

  refreshTiles(_source: string, tiles: { x: number; y: number; z: number }[]): void {
    for (const { z, x, y } of tiles) if (this.inView.has(`${z}/${x}/${y}`)) this.ask(z, x, y);
  }

  show(z: number, x: number, y: number): void {
    this.inView.add(`${z}/${x}/${y}`);
    this.ask(z, x, y);
  }

  private ask(z: number, x: number, y: number): void {
    const address = TEMPLATE.replace('{z}/{x}/{y}', `${z}/${x}/${y}`);
    this.asked.push(this.fresh().address(address).replace('https://bando.example/tiles/addresses/', ''));
  }
}

let map: Drawing;
let fresh: FreshTiles;

beforeEach(() => {
  fresh = new FreshTiles(() => map);
  map = new Drawing(() => fresh);
  map.show(...HERE);
  map.show(...BESIDE);
  map.asked = [];
});

const edit = (version: string, ...tiles: (readonly [number, number, number])[]) => ({
  layer: 'addresses',
  version,
  tiles: [...tiles],
});

describe('fresh tiles', () => {
  it('ask for what changed under the new version, and for nothing else', () => {
    expect(fresh.apply(edit('2c2', HERE, [14, 13030, 7245]))).toBe(true);
    expect(map.asked).toEqual(['14/13026/7245.mvt?v=2c2']);
    expect(fresh.version('addresses')).toBe('2c2');
  });
  it('tell that nothing on the screen changed', () => {
    expect(fresh.apply(edit('2c2', [14, 13030, 7245]))).toBe(false);
    expect(map.asked).toEqual([]);
  });
  it('ask for tiles that come into view under the version of the last change', () => {
    fresh.apply(edit('2c2', [14, 13030, 7245]));
    map.show(14, 13028, 7245);
    expect(map.asked).toEqual(['14/13028/7245.mvt?v=2c2']);
  });
  it('wait until no answer is under way that could come later than theirs', () => {
    map.loaded = false;
    expect(fresh.apply(edit('2c2', HERE))).toBe(false);
    expect(map.asked).toEqual([]);
    map.loaded = true;
    expect(fresh.refreshAll()).toBe(true);
    expect(fresh.refreshAll()).toBe(false);
    expect(map.asked).toEqual(['14/13026/7245.mvt?v=2c2']);
  });
  it('remember a tile that left the view until it is seen again', () => {
    map.inView.delete(HERE.join('/'));
    expect(fresh.apply(edit('2c2', HERE))).toBe(false);
    map.inView.add(HERE.join('/'));
    expect(fresh.refreshAll()).toBe(true);
    expect(fresh.refreshAll()).toBe(false);
  });
  it('remember a tile of the last zoom once for each zoom at which it was drawn', () => {
    fresh.apply(edit('2c2', HERE));
    map.zoom = 17.4;
    expect(fresh.refreshAll()).toBe(true);
    expect(fresh.refreshAll()).toBe(false);
    map.zoom = 14.9;
    expect(fresh.refreshAll()).toBe(false);
  });
  it('find the tiles of an area among those that were asked for', () => {
    map.show(8, 203, 113);
    map.show(12, 3260, 1811);
    map.asked = [];
    fresh.apply({ layer: 'addresses', version: '2c2', tiles: [[8, 203, 113]], within: [[9, 407, 226]] });
    expect(map.asked.sort()).toEqual(
      ['12/3260/1811', '14/13026/7245', '14/13027/7245', '8/203/113'].map((numbers) => `${numbers}.mvt?v=2c2`),
    );
  });
  it.each([{ all: true }, { tiles: [[14, 13500, 7245] as [number, number, number]] }])(
    'read the TileJSON again for %o: all may have changed, or the layer has grown',
    (change) => {
      expect(fresh.apply({ layer: 'addresses', version: '2c2', ...change })).toBe(true);
      expect(map.reread).toBe(1);
    },
  );
  it('keep the version they were told of when the TileJSON is as old as before, and take a newer one', () => {
    fresh.apply(edit('2c2', HERE));
    expect(fresh.address(TEMPLATE.replace('{z}/{x}/{y}', '14/1/1'))).toContain('v=2c2');
    expect(fresh.address('https://bando.example/tiles/addresses/14/1/1.mvt?v=5c2')).toContain('v=5c2');
    expect(fresh.version('addresses')).toBe('5c2');
  });
  it('know the version of a layer of which no tile was asked for yet', () => {
    const other = new FreshTiles(() => map);
    expect(other.version('addresses')).toBe('1c2');
    expect(other.version('communes')).toBe('');
  });
  it.each(['https://bando.example/tiles/addresses.json', 'https://bando.example/basemap.geojson'])(
    'leave %s as it is',
    (address) => expect(fresh.address(address)).toBe(address),
  );
});
