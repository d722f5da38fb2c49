/** Where the map has to look to show the places of a file, as the end of the map page's address. */
import { VIETNAM, geometryBounds, mercatorLat, mercatorY } from '../core/geo';
import type { Bounds } from '../core/types';
import type { Place, Preview } from './types';

const WORLD_PX = 512;
/** Of the screen, how much the places may take: panels cover some of it. */
const SHARE = 0.5;
const NEAREST = 16;

/** The view `#map=zoom/lat/lon`; empty where no place is known. */
export function viewOf(
  preview: Preview | null,
  crs: string | null | undefined,
  width = innerWidth,
  height = innerHeight,
): string {
  const points = preview?.candidates.find((candidate) => candidate.crs === crs)?.points.coordinates ?? [];
  const geometries = (preview?.communes.features ?? []).map(({ geometry }) => geometry).filter(Boolean);
  const around = geometryBounds({ type: 'GeometryCollection', geometries }) ?? VIETNAM;
  // A place far off is one of the rows that were not taken.
  const near = points.filter((place): place is Place => lies(place, around));
  const bounds = geometryBounds({ type: 'MultiPoint', coordinates: near });
  return bounds ? `#map=${view(bounds, width, height)}` : '';
}

function lies([lon = NaN, lat = NaN]: number[], [west, south, east, north]: Bounds): boolean {
  return west <= lon && lon <= east && south <= lat && lat <= north;
}

function view([west, south, east, north]: Bounds, width: number, height: number): string {
  const [bottom, top] = [mercatorY(south), mercatorY(north)];
  const scale = Math.min((SHARE * width) / (east - west), (SHARE * height) / (top - bottom));
  const zoom = Math.max(Math.min(Math.log2((scale * 360) / WORLD_PX), NEAREST), 0);
  return [zoom.toFixed(2), mercatorLat((bottom + top) / 2).toFixed(5), ((west + east) / 2).toFixed(5)].join('/');
}
