/** Texts of the desk. They are no part of what the public pages load. */
import { textsOf } from '../core/i18n';
import { lang } from '../core/page';
import { en } from './texts.en';
import { vi, type DeskKey } from './texts.vi';

export const DESK_TEXTS = { vi, en };

/** Texts of the desk in the page's language. */
export const d = textsOf<DeskKey>(DESK_TEXTS[lang], lang);

const numbers = new Intl.NumberFormat(lang);
/** The pages of the server say times as they are in Vietnam; so does the desk, wherever its reader is. */
const times = new Intl.DateTimeFormat(lang, { dateStyle: 'short', timeStyle: 'short', timeZone: 'Asia/Ho_Chi_Minh' });
const KIBI = 1024;

/** The heading of the changes: what will be published, or has been. */
export function changesTitle(isPublished: boolean): DeskKey {
  return isPublished ? 'section.changed' : 'section.changes';
}

/** A whole number as people read it. */
export function count(value: number): string {
  return numbers.format(value);
}

/** A factor with its decimals as people write them. */
export function decimal(value: number): string {
  return new Intl.NumberFormat(lang, { maximumFractionDigits: 6 }).format(value);
}

/** A moment as people read it; empty when there is none. */
export function moment(value: string | null | undefined): string {
  const date = new Date(value ?? NaN);
  return Number.isNaN(date.getTime()) ? '' : times.format(date);
}

/** A share of 1 in per cent. Only all of it is 100 %, and only nothing 0 %. */
export function percent(share: number): string {
  const told = share <= 0 || share >= 1 ? share : Math.min(Math.max(share, 0.01), 0.99);
  return new Intl.NumberFormat(lang, { style: 'percent', maximumFractionDigits: 0 }).format(told);
}

/** A distance in metres: centimetres matter near, kilometres far away. */
export function distance(metres: number): string {
  const [value, unit] = metres >= 10_000 ? [metres / 1000, 'km'] : [metres, 'm'];
  return `${new Intl.NumberFormat(lang, { maximumFractionDigits: value < 100 ? 1 : 0 }).format(value)} ${unit}`;
}

/** The size of a file. */
export function size(bytes: number): string {
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(KIBI)), 3);
  const value = bytes / KIBI ** power;
  const digits = { maximumFractionDigits: power > 0 && value < 10 ? 1 : 0 };
  return `${new Intl.NumberFormat(lang, digits).format(value)} ${['B', 'kB', 'MB', 'GB'][power]}`;
}

/** How long something has taken, as a clock shows it. */
export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}

/** How long something still takes, roughly, as one does not know better. */
export function duration(seconds: number): string {
  if (seconds < 60) return d('time.seconds', { n: Math.max(Math.round(seconds / 5) * 5, 5) });
  return d('time.minutes', { n: Math.round(seconds / 60) });
}
