/** Coordinate systems in the words officers use. */
import type { Candidate, CrsReport } from './types';
import { d, distance } from './words';

/** Central meridians of the VN-2000 zones of 3°, by EPSG code. */
const MERIDIANS: Readonly<Record<string, string>> = {
  'EPSG:5896': '111°00′',
  'EPSG:5897': '105°00′',
  'EPSG:5898': '108°00′',
  'EPSG:5899': '107°45′',
  'EPSG:9205': '103°00′',
  'EPSG:9206': '104°00′',
  'EPSG:9207': '104°30′',
  'EPSG:9208': '104°45′',
  'EPSG:9209': '105°30′',
  'EPSG:9210': '105°45′',
  'EPSG:9211': '106°00′',
  'EPSG:9212': '106°15′',
  'EPSG:9213': '106°30′',
  'EPSG:9214': '107°00′',
  'EPSG:9215': '107°15′',
  'EPSG:9216': '107°30′',
  'EPSG:9217': '108°15′',
  'EPSG:9218': '108°30′',
};

/** The name of a coordinate system; what the service calls it where we have no words for it. */
export function crsName(crs: string, name?: string | null): string {
  const meridian = MERIDIANS[crs];
  if (meridian) return d('crs.zone', { meridian });
  if (crs === 'EPSG:4326' || crs === 'OGC:CRS84') return d('crs.wgs84');
  if (crs === 'EPSG:4756') return d('crs.vn2000');
  if (crs === 'EPSG:3405' || crs === 'EPSG:3406') return d('crs.zone6', { meridian: crs === 'EPSG:3405' ? 105 : 111 });
  if (crs === 'EPSG:32648' || crs === 'EPSG:32649') return d('crs.utm', { zone: Number(crs.slice(-2)) });
  return name || crs;
}

/** What a proposal assumes beyond its name, in words; empty when it assumes nothing. */
export function trapText({ trap, shift_m }: Candidate): string {
  if (!trap) return '';
  const shift = typeof shift_m === 'number' ? d('crs.shift', { distance: distance(shift_m) }) : '';
  return [d(`trap.${trap}`), shift].filter(Boolean).join(' ');
}

/** Whether the service wants an officer to look at the coordinate system. */
export function isCrsDoubted(crs: CrsReport | null | undefined): boolean {
  return Boolean(crs?.candidates?.length) && crs?.certain !== true;
}
