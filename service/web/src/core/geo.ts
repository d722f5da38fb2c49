/** Boxes and the Web Mercator arithmetic behind the limits of the map. */
import type { Bounds } from './types';

/** Vietnam with its sea, both archipelagos included. */
export const VIETNAM: Bounds = [98, 4, 120, 26];
/** Where a first view is drawn when nothing else is asked. */
export const FIRST_VIEW: Bounds = [101.5, 6, 117.5, 23.8];

const DEGREE = Math.PI / 180;

/** Mercator ordinate in degrees of longitude, so that both axes have one scale. */
export function mercatorY(lat: number): number {
  return Math.log(Math.tan(Math.PI / 4 + (lat * DEGREE) / 2)) / DEGREE;
}

/** Latitude of a Mercator ordinate in degrees. */
export function mercatorLat(y: number): number {
  return (2 * Math.atan(Math.exp(y * DEGREE)) - Math.PI / 2) / DEGREE;
}

/**
 * Widens a box until it has the shape of the screen, so that a map limited to it can still show all of it.
 * Without this a wide screen could not show both Hà Giang and Trường Sa at once.
 */
export function shapeToScreen(bounds: Bounds, width: number, height: number): Bounds {
  const [west, south, east, north] = bounds;
  if (width <= 0 || height <= 0) return bounds;
  const [bottom, top] = [mercatorY(south), mercatorY(north)];
  const wanted = width / height;
  const present = (east - west) / (top - bottom);
  if (wanted > present) {
    const extra = ((top - bottom) * wanted - (east - west)) / 2;
    return [Math.max(west - extra, -180), south, Math.min(east + extra, 180), north];
  }
  const extra = ((east - west) / wanted - (top - bottom)) / 2;
  return [west, Math.max(mercatorLat(bottom - extra), -80), east, Math.min(mercatorLat(top + extra), 80)];
}

/** The box of a geometry; null when it is empty. */
export function geometryBounds(geometry: GeoJSON.Geometry | null): Bounds | null {
  if (!geometry) return null;
  const box: Bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const part of geometry.type === 'GeometryCollection' ? geometry.geometries : [geometry]) {
    if ('coordinates' in part) extend(box, part.coordinates);
  }
  return box[0] <= box[2] ? box : null;
}

function extend(box: Bounds, coordinates: unknown): void {
  if (!Array.isArray(coordinates)) return;
  const [x, y] = coordinates as unknown[];
  if (typeof x !== 'number' || typeof y !== 'number') {
    for (const inner of coordinates) extend(box, inner);
    return;
  }
  box[0] = Math.min(box[0], x);
  box[1] = Math.min(box[1], y);
  box[2] = Math.max(box[2], x);
  box[3] = Math.max(box[3], y);
}
