/** How values of a register are read by people. Everything here returns text, never markup. */
import type { Field, Lang, Properties, Register } from './types';
import type { Texts } from './i18n';

/** Names under which a register may keep what people call the record, best first. */
const NAME_FIELDS = ['name', 'title', 'label', 'code'];
/** Years and house numbers read badly with a separator: only five digits and more are grouped. */
const NUMBERS: Intl.NumberFormatOptions = { maximumFractionDigits: 6, useGrouping: 'min2' };
const SAFE_SCHEMES = new Set(['http:', 'https:', 'mailto:', 'tel:']);

/** The name people know a record by; empty when it has none. */
export function featureLabel(properties: Properties, register: Register | undefined, lang: Lang): string {
  const own = register?.label ? [register.label] : [];
  for (const name of [...own, ...NAME_FIELDS]) {
    for (const key of inLanguages(name, lang)) {
      const value = properties[key];
      if (typeof value === 'string' && value.trim() !== '') return value;
    }
  }
  return '';
}

/** Fields that only repeat the name of a record, in any language. */
export function nameFields(register: Register): Set<string> {
  const known = new Set(register.fields.map(({ name }) => name));
  const name = [register.label, ...NAME_FIELDS].find((field) => field !== undefined && known.has(field));
  return new Set(name === undefined ? [] : [...inLanguages(name, 'vi'), ...inLanguages(name, 'en')]);
}

function inLanguages(name: string, lang: Lang): string[] {
  return [`${name}_${lang}`, name, `${name}_vi`];
}

/** The address of a link, or null when the text is no link we may offer (`javascript:` and the like are not). */
export function safeHref(value: unknown): string | null {
  if (typeof value !== 'string' || !/^[a-z]+:\S+$/i.test(value)) return null;
  try {
    const url = new URL(value);
    return SAFE_SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Whether there is anything to show. */
export function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
}

/** One value as text in the page's language; empty when there is no value. */
export function formatValue(value: unknown, field: Field, register: Register, lang: Lang, t: Texts): string {
  if (!isGiven(value)) return '';
  if (field.columns) return formatRows(value, field.columns, register, lang, t);
  if (Array.isArray(value)) return value.map((part) => formatValue(part, field, register, lang, t)).join(', ');
  if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no');
  if (typeof value === 'number') return new Intl.NumberFormat(lang, NUMBERS).format(value);
  if (typeof value === 'object') return JSON.stringify(value);
  return codedLabel(String(value), field, register, lang) ?? formatDate(String(value), field, lang);
}

function formatRows(rows: unknown, columns: Field[], register: Register, lang: Lang, t: Texts): string {
  const cell = (row: Properties, column: Field) => formatValue(row[column.name], column, register, lang, t);
  const shown = (row: Properties) =>
    columns.filter((column) => isGiven(row[column.name])).map((column) => `${column.title[lang]}: ${cell(row, column)}`);
  return (rows as Properties[]).map((row) => shown(row).join(' · ')).join('; ');
}

function codedLabel(value: string, field: Field, register: Register, lang: Lang): string | undefined {
  const entries = field.choices ?? (register.legend_field === field.name ? register.legend : []);
  return entries.find((entry) => entry.value === value)?.label[lang];
}

function formatDate(value: string, field: Field, lang: Lang): string {
  if (field.type !== 'date' && field.type !== 'datetime') return value;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return value;
  const zone = field.type === 'date' ? { timeZone: 'UTC' } : { timeStyle: 'short' as const, timeZone: 'Asia/Ho_Chi_Minh' };
  return new Intl.DateTimeFormat(lang, { dateStyle: 'medium', ...zone }).format(date);
}

/** The day in Vietnam, as YYYY-MM-DD. */
export function today(): string {
  return new Date().toLocaleDateString('sv-SE', { timeZone: 'Asia/Ho_Chi_Minh' });
}
