// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { makeTexts } from './i18n';
import type { Field, Register } from './types';
import { featureLabel, formatValue, nameFields, safeHref } from './values';

const title = { vi: 'Loại', en: 'Kind' };
const kind: Field = { name: 'kind', title, type: 'string' };
const register: Register = {
  id: 'addresses',
  title,
  geometry: 'point',
  sample: false,
  tile: { minzoom: 0, maxzoom: 14 },
  legend: [{ value: 'household', label: { vi: 'Hộ gia đình', en: 'Household' }, color: '#123456' }],
  legend_field: 'kind',
  fields: [{ name: 'code', title, type: 'string' }, kind],
  bounds: null,
};

function text(value: unknown, field: Field = kind): string {
  return formatValue(value, field, register, 'vi', makeTexts('vi'));
}

describe('names', () => {
  it('reads the name of the page language before the general one', () => {
    expect(featureLabel({ name: 'Làng', name_en: 'Village' }, register, 'en')).toBe('Village');
    expect(featureLabel({ name: 'Làng', name_en: 'Village' }, register, 'vi')).toBe('Làng');
  });
  it('prefers the field the register names', () => {
    expect(featureLabel({ name: 'Làng', code: 'A1' }, { ...register, label: 'code' }, 'vi')).toBe('A1');
  });
  it('is empty when nothing names the feature', () => {
    expect(featureLabel({ name: ' ', count: 3 }, register, 'vi')).toBe('');
  });
  it('knows which fields repeat the name', () => {
    expect([...nameFields(register)]).toContain('code');
    expect(nameFields({ ...register, label: 'kind' }).has('code')).toBe(false);
  });
});

describe('links', () => {
  it.each(['https://ocop.gov.vn/', 'http://a.vn/x', 'tel:+84123', 'mailto:a@b.vn'])('offers %s', (href) => {
    expect(safeHref(href)).toBe(href);
  });
  it.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    '//a.vn',
    'https://a b',
    'text',
    7,
    null,
  ])('shows %s as text only', (value) => {
    expect(safeHref(value)).toBeNull();
  });
});

describe('values', () => {
  it('gives coded values their label', () => expect(text('household')).toBe('Hộ gia đình'));
  it('leaves unknown codes as they are', () => expect(text('castle')).toBe('castle'));
  it('says yes and no', () => expect([text(true), text(false)]).toEqual(['Có', 'Không']));
  it('joins lists', () => expect(text(['vi', 'en'])).toBe('vi, en'));
  it.each([null, undefined, '', []])('is empty for %s', (value) => expect(text(value)).toBe(''));
  it('writes the rows of a list with the titles of their fields', () => {
    const columns = [kind, { name: 'since', title: { vi: 'Từ ngày', en: 'Since' }, type: 'date' }];
    const rows = [{ kind: 'household', since: '2026-03-02' }, { kind: 'castle', since: null }];
    expect(text(rows, { name: 'kinds', title, type: 'list', columns })).toBe(
      'Loại: Hộ gia đình · Từ ngày: 2 thg 3, 2026; Loại: castle',
    );
  });
  it('groups large numbers only, so that years stay readable', () => {
    expect(text(2026)).toBe('2026');
    expect(text(675000)).toBe('675.000');
  });
  it('never shifts a date by a time zone', () => {
    expect(text('2026-03-02', { ...kind, type: 'date' })).toBe('2 thg 3, 2026');
  });
});
