import { html, render, type TemplateResult } from 'lit';
import { afterEach, describe, expect, it } from 'vitest';
import type { CrsChoice } from './crsChoice';
import { FileSection } from './fileSection';
import type { LayerChoice } from './layerChoice';
import { outcomeWords } from './checkPage';
import { viewOf } from './mapAddress';
import { overview } from './overview';
import type { PlaceColumnChoice } from './placeColumns';
import { groupsOf, levelCounts, placesOf, remediesOf } from './problemGroups';
import { ProblemSection } from './problemSection';
import { PublishPanel } from './publishPanel';
import { HOSTILE, diff, message, report } from './sampleReport';
import { csvReport } from './reportCsv';
import { area } from './signedIn';
import { progressBar, stepList } from './steps';
import type { Choices, Report } from './types';

afterEach(() => document.body.replaceChildren());

async function shown<T extends HTMLElement & { updateComplete: Promise<boolean> }>(element: T, values: Partial<T>) {
  document.body.append(Object.assign(element, values));
  await element.updateComplete;
  return element;
}

/** Renders into a place of its own: Lit keeps hold of where it rendered before. */
function drawn(template: TemplateResult): void {
  const place = document.createElement('div');
  document.body.append(place);
  render(template, place);
}

function words(element: Element | null | undefined): string {
  return (element?.textContent ?? '').replace(/\s+/g, ' ').trim();
}

function heard(element: HTMLElement, name: string): Choices[] {
  const found: Choices[] = [];
  element.addEventListener(name, (event) => found.push((event as CustomEvent<Choices>).detail));
  return found;
}

function change(element: HTMLElement, selector: string, value: string): void {
  const select = element.querySelector<HTMLSelectElement>(selector);
  if (!select) throw new Error(`no ${selector}`);
  select.value = value;
  select.dispatchEvent(new Event('change', { bubbles: true }));
}

const DOUBTED: Partial<Report> = {
  crs: {
    chosen: null,
    candidates: [
      { crs: 'EPSG:9209', score: 0.98, inside: 0.99 },
      { crs: 'EPSG:32648', score: 0.4, inside: 0.7, trap: 'no_datum_shift', shift_m: 224 },
      { crs: 'EPSG:9210', score: 0.1, inside: 0 },
      { crs: 'EPSG:9211', score: 0, inside: 0 },
    ],
  },
};

describe('what is in the file', () => {
  it('names format, rows and coordinate system', async () => {
    const section = await shown(new FileSection(), { report: report() });
    const facts = [...section.querySelectorAll('dd')].map(words);
    expect(facts).toEqual([
      'Shapefile',
      '2 kB',
      'dia_chi',
      'điểm',
      '4',
      'VN-2000, kinh tuyến trục 105°30′ chắc chắn (sai số chuyển hệ 1 m)',
    ]);
  });
  it('raises no alarm over a coordinate system that the file states and the places do not speak against', async () => {
    const candidates = [{ crs: 'EPSG:9209', score: 0.5, inside: 0.994 }];
    const crs = { chosen: 'EPSG:9209', certain: false, accuracy_m: 1, candidates };
    const section = await shown(new FileSection(), { report: report({ crs }) });
    expect(section.querySelector('.unsure')).toBeNull();
    expect([...section.querySelectorAll('dd')].map(words).at(-1)).toContain(
      'theo tệp, khớp với địa bàn – 99% nằm trong xã',
    );
    expect(words(section.querySelector('bandoso-crs p'))).toContain('do tệp ghi');
    expect(words(section.querySelector('#crs-0-note'))).toBe('99% số điểm nằm trong xã. EPSG:9209');
  });
  it('says what columns are for that are no field, and counts those that are used', async () => {
    const columns = [
      { name: 'MA', field: 'code', how: 'name' as const, certain: true },
      { name: 'X', field: null, how: 'place' as const, certain: true },
      { name: 'bandoso_id', field: null, how: 'id' as const, certain: true },
      { name: 'màu', field: null, how: 'none' as const, certain: false },
      { name: 'C5', field: 'street', how: 'values' as const, certain: false },
    ];
    const section = await shown(new FileSection(), { report: report({ columns }) });
    expect([...section.querySelectorAll('summary')].map(words)).toEqual(['Cột: dùng 3 trong 5']);
    const said = [...section.querySelectorAll('tbody tr td:last-child')].map(words);
    expect(said.slice(1, 4)).toEqual(['tọa độ', 'mã bản ghi để nhận lại', '— không dùng —']);
  });
  it('knows the rows of a file that is not read yet from its layer', async () => {
    const unread = report({ outcome: 'needs_choice', rows: { read: 0, valid: 0, rejected: 0 } });
    const section = await shown(new FileSection(), { report: unread });
    expect([...section.querySelectorAll('dd')].map(words)[4]).toBe('4');
    drawn(overview(unread, null));
    expect(words(document.querySelector('.overview li'))).toContain('Shapefile, 4 dòng');
    const problems = await shown(new ProblemSection(), { report: unread });
    expect(words(problems.querySelector('p'))).toBe('Chưa kiểm tra dòng nào.');
  });
  it('offers the three best coordinate systems and chooses the marked one with one click', async () => {
    const section = await shown(new FileSection(), { report: report(DOUBTED), editable: true });
    const chosen = heard(section, 'choose-now');
    expect(section.querySelectorAll('input[name=crs]').length).toBe(3);
    expect(words(section.querySelector('.trap'))).toContain('224 m');
    section.querySelector<HTMLButtonElement>('bandoso-crs button')?.click();
    expect(chosen).toEqual([{ crs: 'EPSG:9209' }]);
  });
  it('chooses another coordinate system when its radio button is marked', async () => {
    const section = await shown(new FileSection(), { report: report(DOUBTED), editable: true });
    const chosen = heard(section, 'choose-now');
    section.querySelector<HTMLInputElement>('#crs-1')?.click();
    await section.querySelector<CrsChoice>('bandoso-crs')?.updateComplete;
    section.querySelector<HTMLButtonElement>('bandoso-crs button')?.click();
    expect(chosen).toEqual([{ crs: 'EPSG:32648' }]);
  });
  it('asks which layer is meant and shows what is in each, as text', async () => {
    const layers = [
      { name: 'nha', geometry: 'Point', rows: 2, columns: ['TEN'], sample: [{ TEN: HOSTILE }] },
      { name: 'ranh', geometry: 'Polygon', rows: 1, columns: ['TEN'], sample: [] },
    ];
    const section = await shown(new FileSection(), { report: report({ layers, layer: null }), editable: true });
    const chosen = heard(section, 'choose-now');
    expect(section.querySelector('img')).toBeNull();
    expect(words(section.querySelector('td'))).toBe(HOSTILE);
    const button = section.querySelector<HTMLButtonElement>('bandoso-layers-of-file button');
    expect(button?.disabled).toBe(true);
    section.querySelector<HTMLInputElement>('#layer-1')?.click();
    await section.querySelector<LayerChoice>('bandoso-layers-of-file')?.updateComplete;
    button?.click();
    expect(chosen).toEqual([{ layer: 'ranh' }]);
  });
  it('lets a column be another field, and none', async () => {
    const fields = [
      { name: 'code', title: { vi: 'Mã địa chỉ', en: 'Code' }, private: false },
      { name: 'head_name', title: { vi: 'Chủ hộ', en: 'Head' }, private: true },
    ];
    const section = await shown(new FileSection(), { report: report(), fields, editable: true });
    const chosen = heard(section, 'choose');
    change(section, '#column-0', 'head_name');
    change(section, '#column-0', '');
    expect(chosen).toEqual([{ columns: { MA: 'head_name' } }, { columns: { MA: null } }]);
  });
  it('offers a field that is not certain, which nothing uses until the officer says so', async () => {
    const fields = [{ name: 'street', title: { vi: 'Đường', en: 'Street' }, private: false }];
    const columns = [{ name: 'C5', field: 'street', how: 'values' as const, certain: false, samples: [] }];
    const section = await shown(new FileSection(), { report: report({ columns }), fields, editable: true });
    const chosen = heard(section, 'choose');
    expect(section.querySelector<HTMLSelectElement>('#column-0')?.value).toBe('');
    section.querySelector<HTMLButtonElement>('button[aria-label="Dùng cột C5 làm “Đường”"]')?.click();
    expect(chosen).toEqual([{ columns: { C5: 'street' } }]);
  });
  it('asks which columns hold the coordinates of a table', async () => {
    const layers = [{ name: 'bang', geometry: null, rows: 2, columns: ['a', 'b'], sample: [] }];
    const asked = { layers, layer: 'bang', counts: { COLUMN_CHOICE: 1 } };
    const section = await shown(new FileSection(), { report: report(asked), editable: true });
    const chosen = heard(section, 'choose-now');
    change(section, '#place-x', 'b');
    change(section, '#place-y', 'a');
    await section.querySelector<PlaceColumnChoice>('bandoso-place-columns')?.updateComplete;
    section.querySelector<HTMLButtonElement>('bandoso-place-columns button')?.click();
    expect(chosen).toEqual([{ place_columns: { x_column: 'b', y_column: 'a' } }]);
  });
  it('takes one column of WKT instead of a pair, never both', async () => {
    const layers = [{ name: 'bang', geometry: null, rows: 2, columns: ['a', 'b'], sample: [] }];
    const asked = { layers, layer: 'bang', counts: { COLUMN_CHOICE: 1 } };
    const section = await shown(new FileSection(), { report: report(asked), editable: true });
    const chosen = heard(section, 'choose-now');
    const places = section.querySelector<PlaceColumnChoice>('bandoso-place-columns');
    const button = section.querySelector<HTMLButtonElement>('bandoso-place-columns button');
    change(section, '#place-x', 'a');
    change(section, '#place-wkt', 'b');
    await places?.updateComplete;
    expect(button?.disabled).toBe(true);
    change(section, '#place-x', '');
    await places?.updateComplete;
    button?.click();
    expect(chosen).toEqual([{ place_columns: { wkt_column: 'b' } }]);
  });
  it('shows text before and after decoding and lets the encoding be another', async () => {
    const samples = [{ before: '§­êng Bê Kªnh', after: 'Đường Bờ Kênh' }];
    const encoding = { DUONG: { chosen: 'tcvn3', certain: false, samples } };
    const section = await shown(new FileSection(), { report: report({ encoding }), editable: true });
    const chosen = heard(section, 'choose');
    expect(words(section.querySelector('.part:last-of-type tbody'))).toContain('§­êng Bê Kªnh Đường Bờ Kênh');
    change(section, 'select[aria-label="Bảng mã của cột DUONG"]', 'vni');
    expect(chosen).toEqual([{ encoding: { DUONG: 'vni' } }]);
  });
  it('cannot be changed once the time for it is over', async () => {
    const section = await shown(new FileSection(), { report: report(DOUBTED) });
    expect(section.querySelectorAll('select, button').length).toBe(0);
    expect([...section.querySelectorAll('input')].every(({ disabled }) => disabled)).toBe(true);
  });
});

describe('what is wrong', () => {
  const messages = [
    message('B', { level: 'warning', row: 2, place: [106.2, 20.3] }),
    message('A', { row: 9, column: 'MA', value: HOSTILE, vi: HOSTILE, remedy: { vi: 'Sửa.', en: 'Mend.' } }),
    message('A', { row: 4, remedy: { vi: 'Sửa.', en: 'Mend.' } }),
    message('C', { level: 'info' }),
  ];
  const found = report({ messages, counts: { A: 40, B: 1, C: 1 } });

  it('is gathered by code, errors first, with the complete counts', () => {
    const groups = groupsOf(found);
    expect(groups.map(({ code, total }) => `${code} ${total}`)).toEqual(['A 40', 'B 1', 'C 1']);
    expect(levelCounts(groups)).toEqual({ error: 40, warning: 1, info: 1 });
    expect(groups[0] && remediesOf(groups[0])).toEqual(['Sửa.']);
    expect(placesOf(messages, 'warning').map(({ geometry }) => geometry)).toEqual([
      { type: 'Point', coordinates: [106.2, 20.3] },
    ]);
    expect(placesOf(messages, 'error')).toEqual([]);
  });
  it('is shown as text with rows, columns and values', async () => {
    const section = await shown(new ProblemSection(), { report: found });
    expect(section.querySelector('img')).toBeNull();
    const cells = [...section.querySelectorAll('.problem-error tbody tr')].map((row) => [...row.children].map(words));
    expect(cells[0]).toEqual(['9', 'MA', HOSTILE, HOSTILE]);
    expect(words(section.querySelector('.problem-error .hint'))).toBe('và 39 chỗ khác · A');
  });
  it('is filtered by level', async () => {
    const section = await shown(new ProblemSection(), { report: found });
    const button = [...section.querySelectorAll<HTMLButtonElement>('.filters button')].find((one) =>
      words(one).startsWith('Cảnh báo'),
    );
    button?.click();
    await section.updateComplete;
    expect([...section.querySelectorAll('.problem code')].map(words)).toEqual(['B']);
    expect(button?.getAttribute('aria-pressed')).toBe('true');
  });
  it('says so when there is nothing', async () => {
    const section = await shown(new ProblemSection(), { report: report() });
    expect(words(section.querySelector('.all-fine'))).toBe('Không có lỗi hay cảnh báo nào.');
  });
  it('sends the whole list of accepted repairs when one more is ticked', async () => {
    const repair = (code: string, accepted: boolean) => ({ code, count: 2, accepted, vi: code, en: code });
    const repairs = [repair('ZERO', true), repair('RING', false)];
    const section = await shown(new ProblemSection(), { report: report({ repairs }), editable: true });
    const chosen = heard(section, 'choose');
    section.querySelector<HTMLInputElement>('#repair-RING')?.click();
    expect(chosen).toEqual([{ accept: ['ZERO', 'RING'] }]);
  });
});

describe('publishing', () => {
  it('warns of each commune that would lose many of its records', async () => {
    const calm = await shown(new PublishPanel(), { diff: diff({ removed: 2, vanishing: {} }) });
    expect(calm.querySelector('.notice')).toBeNull();
    const much = await shown(new PublishPanel(), { diff: diff({ vanishing: { '99001': 0.27 } }) });
    expect(words(much.querySelector('.notice'))).toContain('xã 99001 sẽ mất 27% số bản ghi');
  });
  it('waits until all choices are checked', async () => {
    const panel = await shown(new PublishPanel(), { diff: diff(), pending: true });
    expect(panel.querySelector('button')?.disabled).toBe(true);
  });
  it('gives the note', async () => {
    const panel = await shown(new PublishPanel(), { diff: diff() });
    const notes: unknown[] = [];
    panel.addEventListener('publish', (event) => notes.push((event as CustomEvent).detail));
    const input = panel.querySelector('input');
    if (input) input.value = '  rà soát tháng 11 ';
    panel.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    expect(notes).toEqual(['rà soát tháng 11']);
  });
  it('offers approval to a second officer only', async () => {
    const own = await shown(new PublishPanel(), { diff: diff(), state: 'needs_approval' });
    expect(own.querySelector('button')).toBeNull();
    const second = await shown(new PublishPanel(), { diff: diff(), state: 'needs_approval', mayApprove: true });
    expect(words(second.querySelector('button'))).toBe('Duyệt và công bố');
  });
});

describe('a check without an account', () => {
  it('says how many rows can be used', () => {
    expect(outcomeWords(report())).toBe('Chỉ 3 trong 4 dòng dùng được; 1 dòng có lỗi phải sửa.');
    const rows = { read: 4, valid: 4, rejected: 0 };
    expect(outcomeWords(report({ rows }))).toBe('Tệp dùng được: đủ 4 dòng.');
    expect(outcomeWords(report({ outcome: 'refused' }))).toBe('Tệp chưa dùng được.');
  });
  it('gives the messages as CSV in which nothing runs as a formula', () => {
    const found = message('A', { row: 2, value: '=1+1', vi: 'Có "dấu", phẩy', place: [106.2, 20.3] });
    const [heads, row] = csvReport({ messages: [found] }).split('\r\n');
    expect(heads).toMatch(/^\uFEFFMức \/ Level,/);
    expect(row).toBe(`Lỗi / Error,A,2,,'=1+1,"Có ""dấu"", phẩy",,A.,,106.2,20.3`);
  });
});

describe('the address of the map', () => {
  const points: GeoJSON.MultiPoint = {
    type: 'MultiPoint',
    coordinates: [
      [106.2, 20.3],
      [106.24, 20.32],
      [0, 0],
    ],
  };
  const preview = { communes: { type: 'FeatureCollection' as const, features: [] }, candidates: [{ crs: 'A', points }] };
  it('looks at the places of the file, and not at a row that lies far off', () => {
    expect(viewOf(preview, 'A', 1200, 800)).toMatch(/^#map=13\.\d\d\/20\.31\d*\/106\.22000$/);
  });
  it('is that of the whole country where no place is known', () => {
    expect([viewOf(preview, 'B'), viewOf(null, 'A')]).toEqual(['', '']);
  });
});

describe('the area of an officer', () => {
  const named = (n: number) => Array.from({ length: n }, (_, at) => ({ code: String(at), name: `Xã ${at}` }));
  it('is folded when it is long', () => {
    drawn(html`${area({ communes: named(2) })}`);
    expect(words(document.body)).toBe('Địa bàn: Xã 0, Xã 1');
    document.body.replaceChildren();
    drawn(html`${area({ communes: named(132) })}`);
    expect(words(document.querySelector('details:not([open]) summary'))).toBe('Địa bàn: 132 xã, phường, đặc khu');
  });
});

describe('steps', () => {
  it.each([
    ['received', 'Đọc – đang ở bước này'],
    ['needs_choice', 'Kiểm tra – đang ở bước này'],
    ['staged', 'Xem lại – đang ở bước này'],
    ['rejected', 'Kiểm tra – dừng ở bước này'],
    ['publishing', 'Công bố – đang ở bước này'],
  ] as const)('of an upload that is %s say "%s"', (state, said) => {
    drawn(stepList(state));
    expect(words(document.querySelector('[aria-current=step] span:last-child'))).toBe(said);
  });
  it('are all done when it is published', () => {
    drawn(stepList('published'));
    expect(document.querySelectorAll('.step-done').length).toBe(4);
  });
  it('tell rows, rate and time left', () => {
    drawn(progressBar({ done: 4321, total: 6750, rows_per_s: 182.3, seconds_left: 14 }));
    expect(words(document.querySelector('p'))).toBe(
      '4.321 trong 6.750 dòng (64%) · 182 dòng/giây · còn khoảng 15 giây',
    );
    expect(document.querySelector('progress')?.getAttribute('value')).toBe('4321');
  });
  it('tell of no number that is not known', () => {
    drawn(progressBar({}));
    expect(document.querySelector('progress')?.hasAttribute('value')).toBe(false);
  });
});

describe('overview', () => {
  it('answers the three questions in one line each', () => {
    drawn(overview(report({ messages: [message('A', { row: 1 })], counts: { A: 3 } }), diff()));
    expect([...document.querySelectorAll('li')].map(words)).toEqual([
      'Trong tệp có gì Shapefile, 4 dòng VN-2000, kinh tuyến trục 105°30′',
      'Có gì sai 3 lỗi bỏ lại 1 dòng lỗi',
      'Sẽ thay đổi gì thêm 2, sửa 1, xóa 0 giữ nguyên 7',
    ]);
  });
});
