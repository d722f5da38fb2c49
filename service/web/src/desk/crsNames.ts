/** Coordinate systems in the words officers use. */
import { layerOf } from './layers';
import type { Candidate, CrsReport, Report } from './types';
import { d, decimal, distance } from './words';

/** Share inside from which what a file states is said to fit. */
const FITS_WELL = 0.9;
/** Share inside from which a system explains the places better than what the file states; below it nothing fits. */
const FITS_AT_ALL = 0.5;

/** Central meridians of the VN-2000 zones of 3°, by EPSG code. */
const MERIDIANS: Readonly<Record<string, string>> = {
  'EPSG:5896': '102°00′',
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
  const [base = '', ...options] = crs.split(';');
  const known = baseName(base);
  if (!known) return inOurWords(name || crs);
  return options.reduce((said, option) => d(option === 'swapped' ? 'crs.swapped' : 'crs.noShift', { name: said }), known);
}

function baseName(crs: string): string {
  const meridian = MERIDIANS[crs];
  if (meridian) return d('crs.zone', { meridian });
  if (crs === 'EPSG:4326' || crs === 'OGC:CRS84') return d('crs.wgs84');
  if (crs === 'EPSG:4756') return d('crs.vn2000');
  if (crs === 'EPSG:3405' || crs === 'EPSG:3406') return d('crs.zone6', { meridian: crs === 'EPSG:3405' ? 105 : 111 });
  if (crs === 'EPSG:32648' || crs === 'EPSG:32649') return d('crs.utm', { zone: Number(crs.slice(-2)) });
  const own = /^VN2000:([\d.]+),([\d.]+)$/.exec(crs);
  return own ? d('crs.own', { meridian: degreesMinutes(Number(own[1])), scale: decimal(Number(own[2])) }) : '';
}

function degreesMinutes(meridian: number): string {
  const minutes = Math.round(meridian * 60);
  return `${Math.floor(minutes / 60)}°${String(minutes % 60).padStart(2, '0')}′`;
}

/** A name of the service, whose remarks are Vietnamese. */
function inOurWords(name: string): string {
  return name.replace('(đảo trục)', d('crs.remark.swapped')).replace('(không chuyển hệ quy chiếu)', d('crs.remark.noShift'));
}

/**
 * The proposals to choose from: those on the preview map, else the best, always with what differs from the best by the
 * datum shift alone, which no outline of a commune tells apart.
 */
export function proposals({ candidates = [] }: CrsReport, drawn: readonly string[], most: number): Candidate[] {
  const onMap = candidates.filter(({ crs }) => drawn.includes(crs));
  if (onMap.length) return onMap.slice(0, most);
  const first = candidates.slice(0, most);
  const twin = candidates.find(({ trap }) => trap === 'no_datum_shift');
  return !twin || first.includes(twin) ? first : [...first.slice(0, -1), twin];
}

/** What a proposal assumes beyond its name, in words; empty when it assumes nothing. */
export function trapText({ trap, shift_m }: Candidate): string {
  if (!trap) return '';
  const shift = typeof shift_m === 'number' ? d('crs.shift', { distance: distance(shift_m) }) : '';
  return [d(`trap.${trap}`), shift].filter(Boolean).join(' ');
}

/**
 * How well a coordinate system is known: chosen by an officer, proven by the places, stated by the file with nothing
 * against it (and the places for it), neither of these, or not at all.
 */
export type CrsState = 'chosen' | 'proven' | 'fitting' | 'stated' | 'unsure' | 'unknown';

export function crsState({ crs, counts, ...rest }: Pick<Report, 'crs' | 'counts' | 'layer' | 'layers' | 'columns'>): CrsState {
  if (crs?.how === 'chosen') return 'chosen';
  if (crs?.certain) return 'proven';
  if (!crs || crs.chosen === null) return 'unknown';
  if (counts?.['CRS_ASSUMED']) return 'unsure';
  if (isCrsDoubted(crs)) return 'unsure';
  if (crs.candidates?.length) return (shareInside(crs) ?? 0) >= FITS_WELL ? 'fitting' : 'stated';
  // Headers such as longitude and latitude state a system, too.
  const isStated = layerOf(rest)?.crs || rest.columns?.some(({ how }) => how === 'place');
  return isStated ? 'stated' : 'unsure';
}

/** Share of the places that lie in the commune as the file is read; null where that was not looked at. */
export function shareInside({ chosen, candidates = [] }: CrsReport): number | null {
  return candidates.find(({ crs }) => crs === chosen)?.inside ?? null;
}

/** Whether there is something to compare on the map: nothing is proven, or an officer chose, who may have erred. */
export function isOpen({ how, certain, candidates = [] }: CrsReport): boolean {
  return (!certain || how === 'chosen') && candidates.length > 0;
}

/**
 * Whether the service wants an officer to look at the coordinate system: there are proposals, nothing is proven, and
 * what the file states, if anything, does not bring its places into the commune, or another system does so better.
 */
export function isCrsDoubted(crs: CrsReport | null | undefined): boolean {
  if (!crs?.candidates?.length || crs.certain === true) return false;
  const [best] = crs.candidates;
  const isRefuted = best?.crs !== crs.chosen && (best?.inside ?? 0) >= FITS_AT_ALL;
  return crs.chosen === null || isRefuted || (shareInside(crs) ?? 0) < FITS_AT_ALL;
}
