import { describe, expect, it } from 'vitest';
import { crsName, crsState, isCrsDoubted, isOpen, proposals, trapText } from './crsNames';
import { isRunning } from './deskApi';
import { draftSize, mergeChoices } from './draft';
import { idempotencyKey } from './sending';
import { geometryName, valueText } from './tables';
import { UPLOAD_STATES } from './types';
import { distance, duration, moment, percent, size } from './words';

describe('words', () => {
  it.each([
    [0.04, '0 m'],
    [12.44, '12,4 m'],
    [224.2, '224 m'],
    [26_140, '26,1 km'],
  ])('write %s metres as %s', (metres, words) => expect(distance(metres)).toBe(words));
  it.each([
    [0, '0 B'],
    [1536, '1,5 kB'],
    [348_233, '340 kB'],
    [5 * 1024 ** 3, '5 GB'],
  ])('write %s bytes as %s', (bytes, words) => expect(size(bytes)).toBe(words));
  it.each([
    [1, 'khoảng 5 giây'],
    [44, 'khoảng 45 giây'],
    [90, 'khoảng 2 phút'],
  ])('write %s seconds as %s', (seconds, words) => expect(duration(seconds)).toBe(words));
  it('write shares without decimals and no moment as nothing', () => {
    expect(percent(0.836)).toBe('84%');
    expect([0, 0.001, 1708 / 1710, 1].map(percent)).toEqual(['0%', '1%', '99%', '100%']);
    expect(moment(null)).toBe('');
    expect(moment('soon')).toBe('');
    expect(moment('2026-11-22T20:04:05Z')).toMatch(/03:04.*23\/11/);
  });
  it.each([
    ['Point', 'điểm'],
    ['MultiPolygon Z', 'vùng'],
    ['3D Multi LineString', '3D Multi LineString'],
    ['MultiLineStringZM', 'đường'],
    ['Geometry', 'nhiều loại'],
    ['GeometryCollection', 'nhiều loại'],
    [null, ''],
  ])('call a geometry %s %s', (kind, words) => expect(geometryName(kind)).toBe(words));
  it('write values of any kind as text', () => {
    expect([null, 'a', 1.5, ['a', 2], { a: 1 }].map(valueText)).toEqual(['', 'a', '1.5', 'a, 2', '{"a":1}']);
  });
});

describe('coordinate systems', () => {
  it('are named as officers name them, and as the service does where we know no name', () => {
    expect(crsName('EPSG:9209')).toBe('VN-2000, kinh tuyến trục 105°30′');
    expect(crsName('EPSG:4326')).toBe('WGS 84, kinh độ và vĩ độ (như GPS)');
    expect(crsName('EPSG:1', 'Một hệ khác')).toBe('Một hệ khác');
  });
  it('are offered as the map draws them, with the twin that only the datum shift sets apart', () => {
    const candidates = ['A', 'B', 'C', 'D'].map((crs) => ({ crs, score: 0.25, trap: crs === 'D' ? ('no_datum_shift' as const) : null }));
    const offered = (drawn: string[]) => proposals({ chosen: null, certain: false, candidates }, drawn, 3).map(({ crs }) => crs);
    expect(offered(['A', 'B', 'D'])).toEqual(['A', 'B', 'D']);
    expect(offered([])).toEqual(['A', 'B', 'D']);
  });
  it('say a trap in words with the metres it costs', () => {
    const candidate = { crs: 'EPSG:32648', score: 0.4, trap: 'no_datum_shift' as const, shift_m: 224 };
    expect(trapText(candidate)).toMatch(/^Bẫy hệ quy chiếu: .* Lệch khoảng 224 m\.$/);
    expect(trapText({ crs: 'EPSG:9209', score: 1, trap: null })).toBe('');
  });
  it.each([
    ['proven', { chosen: 'EPSG:9209', certain: true, candidates: [] }],
    ['chosen', { chosen: 'EPSG:9209', certain: true, how: 'chosen' as const, candidates: [] }],
    ['fitting', { chosen: 'EPSG:9209', certain: false, candidates: [{ crs: 'EPSG:9209', score: 0.5, inside: 0.99 }] }],
    ['stated', { chosen: 'EPSG:9209', certain: false, candidates: [{ crs: 'EPSG:9209', score: 0.5, inside: 0.6 }] }],
    ['unsure', { chosen: 'EPSG:9209', certain: false, candidates: [{ crs: 'EPSG:9209', score: 0.5, inside: 0.2 }] }],
    [
      'unsure',
      {
        ...{ chosen: 'EPSG:9209', certain: false },
        candidates: [
          { crs: 'EPSG:9210', score: 0.6, inside: 0.99 },
          { crs: 'EPSG:9209', score: 0.2, inside: 0.7 },
        ],
      },
    ],
    ['unknown', { chosen: null, certain: false, candidates: [] }],
  ])('are said to be %s as the places and the file tell', (state, crs) => {
    expect(crsState({ crs })).toBe(state);
  });
  it('that nothing can be held against are known when the file states them, and not when they are assumed', () => {
    const crs = { chosen: 'EPSG:9209', certain: false, candidates: [] };
    const layers = [{ name: 'a', crs: 'VN-2000 / TM-3 105-30' }];
    expect(crsState({ crs, layers })).toBe('stated');
    expect(crsState({ crs, layers: [{ name: 'a', crs: null }] })).toBe('unsure');
    expect(crsState({ crs, layers, counts: { CRS_ASSUMED: 1 } })).toBe('unsure');
  });
  it('are open to another choice unless the places prove them', () => {
    const crs = { chosen: 'EPSG:9209', candidates: [{ crs: 'EPSG:9209', score: 1 }] };
    expect(isOpen({ ...crs, certain: false, how: 'stated' })).toBe(true);
    expect(isOpen({ ...crs, certain: true, how: 'found' })).toBe(false);
    expect(isOpen({ ...crs, certain: true, how: 'chosen' })).toBe(true);
    expect(isOpen({ ...crs, candidates: [], certain: true, how: 'chosen' })).toBe(false);
  });
  it('are doubted when the service is not certain and knows others', () => {
    const candidates = [{ crs: 'EPSG:9209', score: 1 }];
    expect(isCrsDoubted({ chosen: null, candidates })).toBe(true);
    expect(isCrsDoubted({ chosen: 'EPSG:9209', certain: false, candidates })).toBe(true);
    expect(isCrsDoubted({ chosen: 'EPSG:9209', certain: true, candidates })).toBe(false);
    expect(isCrsDoubted({ chosen: null, candidates: [] })).toBe(false);
  });
});

describe('uploads', () => {
  it('are followed only while the service works on them', () => {
    const followed = UPLOAD_STATES.filter((state) => isRunning({ state }));
    expect(followed).toEqual(['received', 'reading', 'validating', 'publishing']);
  });
  it('have a different key for each attempt', () => {
    expect(idempotencyKey()).toMatch(/^[0-9a-f]{32}$/);
    expect(idempotencyKey()).not.toBe(idempotencyKey());
  });
});

describe('choices', () => {
  it('of later columns leave those of earlier ones alone', () => {
    const merged = mergeChoices(
      { crs: 'EPSG:9209', columns: { A: 'code', B: null }, encoding: { A: 'tcvn3' } },
      { columns: { B: 'street' }, encoding: { C: 'vni' }, accept: ['X'] },
    );
    expect(merged).toEqual({
      ...{ crs: 'EPSG:9209', accept: ['X'] },
      ...{ columns: { A: 'code', B: 'street' }, encoding: { A: 'tcvn3', C: 'vni' } },
    });
    expect(draftSize(merged)).toBe(6);
    expect(draftSize({})).toBe(0);
  });
});
