/** Which tiles lie where: WebMercatorQuad, as the service cuts its tiles. */
import { mercatorLat } from './geo';
import type { Bounds } from './types';

/** Zoom, column, row. */
export type TileNumbers = readonly [z: number, x: number, y: number];

/** What the service tells of one revision: tiles one by one, or areas that hold all of them. */
export interface Changes {
  layer: string;
  /** What the addresses of the layer's tiles carry from now on. */
  version: string;
  tiles?: TileNumbers[];
  /** Any tile at or below one of these may have changed. */
  within?: TileNumbers[];
  all?: boolean;
}

/** West, south, east, north of a tile in degrees. */
export function tileBounds([z, x, y]: TileNumbers): Bounds {
  const size = 360 / 2 ** z;
  return [x * size - 180, mercatorLat(180 - (y + 1) * size), (x + 1) * size - 180, mercatorLat(180 - y * size)];
}

export function isWithin([z, x, y]: TileNumbers, [areaZ, areaX, areaY]: TileNumbers): boolean {
  const steps = z - areaZ;
  return steps >= 0 && x >> steps === areaX && y >> steps === areaY;
}

export function overlap(one: Bounds, other: Bounds): boolean {
  return one[0] <= other[2] && other[0] <= one[2] && one[1] <= other[3] && other[1] <= one[3];
}

/** The smallest tiles that hold all changed records. */
export function changedPlaces({ tiles = [], within = [] }: Changes): TileNumbers[] {
  const deepest = tiles.reduce((z, tile) => Math.max(z, tile[0]), 0);
  return within.length > 0 ? within : tiles.filter(([z]) => z === deepest);
}

/** Whether a box may show records that changed; null stands for the whole world. */
export function touches(changes: Changes, bounds: Bounds | null): boolean {
  if (changes.all || !bounds) return true;
  return changedPlaces(changes).some((tile) => overlap(tileBounds(tile), bounds));
}
