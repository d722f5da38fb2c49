import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HOSTILE, REGISTER, diff, report, upload } from './sampleReport';
import type { Change, Upload } from './types';
import { UploadPage } from './uploadPage';

const ACCOUNT = {
  username: 'can-bo',
  role: 'commune_officer',
  display_name: 'Cán bộ',
  communes: [],
  registers: [],
  csrf: 'csrf-1',
};
const CHANGE: Change = {
  ...{ kind: 'changed', row: 3, id: '1', label: '0799700001', moved_m: 12.4 },
  fields: [{ field: 'kind', title: { vi: 'Loại', en: 'Kind' }, before: null, after: 'household' }],
};

interface Asked {
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

/** What the service holds; tests change it while the page looks on. */
let held: Upload;
let asked: Asked[];
let refusal: { status: number; problem: object } | null;
/** What the service takes too long over begins so. */
let unanswered: string | null;
let page: UploadPage;

function answerTo(path: string): unknown {
  if (path === '/auth/me') return ACCOUNT;
  if (path === '/registers') return { registers: [REGISTER] };
  if (path.startsWith('/desk/fields/')) return { fields: [] };
  if (path.includes('/diff?')) return { rows: [CHANGE], next: path.includes('after=') ? null : 'n2' };
  if (path.endsWith('/diff.geojson')) return { type: 'FeatureCollection', features: [] };
  if (path.endsWith('/preview'))
    return {
      communes: { type: 'FeatureCollection', features: [] },
      candidates: [{ crs: 'EPSG:9209', points: { type: 'MultiPoint', coordinates: [[106.2, 20.3]] } }],
    };
  if (path === '/uploads/u-1') return held;
  return {};
}

function serve(url: string, init: RequestInit = {}): Promise<Response> {
  const path = url.replace(/^https?:\/\/[^/]+/, '');
  const body = typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : null;
  if (unanswered && path.startsWith(unanswered)) return new Promise(() => undefined);
  if (init.method === 'POST') asked.push({ path, headers: init.headers as Record<string, string>, body });
  if (init.method === 'POST' && refusal) {
    const { status, problem } = refusal;
    const headers = { 'content-type': 'application/problem+json' };
    return Promise.resolve(new Response(JSON.stringify(problem), { status, headers }));
  }
  return Promise.resolve(
    new Response(JSON.stringify(answerTo(path)), { headers: { 'content-type': 'application/json' } }),
  );
}

async function open(also: Partial<Upload> = {}): Promise<void> {
  held = upload(also);
  page = new UploadPage();
  page.uploadId = 'u-1';
  document.body.append(document.createElement('h1'), page);
  await vi.waitFor(() => expect(page.querySelector('.stand')).not.toBeNull());
  await settle();
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  await page.updateComplete;
}

function words(selector: string): string {
  return (page.querySelector(selector)?.textContent ?? '').replace(/\s+/g, ' ').trim();
}

async function press(name: string): Promise<void> {
  const buttons = [...page.querySelectorAll<HTMLButtonElement>('button')];
  const button = buttons.find(({ textContent }) => textContent?.replace(/\s+/g, ' ').trim() === name);
  if (!button)
    throw new Error(`no button ${name} among ${buttons.map(({ textContent }) => textContent?.trim()).join(', ')}`);
  button.click();
  await settle();
}

beforeEach(() => {
  vi.stubGlobal('fetch', serve);
  vi.stubGlobal('EventSource', undefined);
  asked = [];
  refusal = null;
  unanswered = null;
});

afterEach(() => {
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

describe('the page of an upload', () => {
  it('is named after the file, which is text only', async () => {
    await open({ file_name: HOSTILE });
    expect(document.querySelector('h1')?.textContent).toBe(HOSTILE);
    expect(document.querySelector('img')).toBeNull();
    expect(document.title).toContain('Chờ xem lại');
  });
  it('shows what will change, field by field, with labels of coded values and metres', async () => {
    await open();
    expect(words('bandoso-changes tbody tr')).toBe(
      '3 0799700001 Vị trí dời 12,4 m. Loại: trước: (trống) → sau: Hộ gia đình',
    );
    await press('Trang sau');
    expect(words('.pager [role=status]')).toBe('Trang 2');
  });
  it('publishes what was seen, by its etag, and puts the focus on what became of it', async () => {
    await open();
    const note = page.querySelector<HTMLInputElement>('#publish-note');
    if (note) note.value = 'tháng 11';
    held = upload({ state: 'published', revision: 8 });
    page.querySelector('bandoso-publish form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await settle();
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ path: '/uploads/u-1/publish', body: { note: 'tháng 11' } });
    expect(asked[0]?.headers).toMatchObject({ 'If-Match': '"7-abc"', 'X-CSRF-Token': 'csrf-1' });
    expect(words('#stand-words')).toBe('Đã công bố: đợt 8.');
    expect(document.activeElement?.id).toBe('stand-words');
  });
  it.each([
    ['staged', 'Sẽ thay đổi gì', 1],
    ['published', 'Đã thay đổi gì', 0],
  ] as const)('says of an upload that is %s “%s”', async (state, title, warnings) => {
    await open({ state, diff: diff({ vanishing: { '00001': 0.9 } }) });
    expect(words('#heading-changes')).toBe(title);
    expect(words('.overview a[href="#section-changes"]')).toBe(title);
    expect(page.querySelectorAll('bandoso-changes .notice')).toHaveLength(warnings);
  });
  it('says that it was undone, after a reload too, and does not offer that again', async () => {
    await open({ state: 'published', revision: 8, undone_by: 9 });
    expect(words('#stand-words')).toBe('Đã công bố: đợt 8. Đã hoàn tác bởi đợt 9.');
    expect(page.querySelector('bandoso-undo')).toBeNull();
  });
  it('leads to the places that were published', async () => {
    await open({ state: 'published', revision: 8 });
    const address = page.querySelector<HTMLAnchorElement>('.stand a.primary')?.getAttribute('href');
    expect(address).toMatch(/\?layers=addresses#map=16\.00\/20\.3\d*\/106\.2\d*$/);
  });
  it('shows the changes anew when somebody else published in between', async () => {
    await open();
    refusal = { status: 412, problem: { title: 'Đã đổi' } };
    held = upload({ diff: diff({ etag: '"8-new"', added: 5 }) });
    page.querySelector('bandoso-publish form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await settle();
    expect(words('.stand .news')).toContain('người khác đã công bố');
    expect(words('.publish-sum')).toContain('thêm 5');
    refusal = null;
    page.querySelector('bandoso-publish form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await settle();
    expect(asked.at(-1)?.headers['If-Match']).toBe('"8-new"');
  });
  it('says why the service refuses', async () => {
    await open();
    refusal = { status: 403, problem: { title: 'Forbidden', detail: 'Xã khác.' } };
    page.querySelector('bandoso-publish form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await settle();
    expect(words('[role=alert]')).toBe('Có trục trặc: Xã khác.');
  });
  it('keeps what was written when the session ends, and leads to signing in', async () => {
    await open();
    const note = page.querySelector<HTMLInputElement>('#publish-note');
    if (note) note.value = 'tháng 11';
    refusal = { status: 401, problem: { detail: 'Chưa đăng nhập.' } };
    page.querySelector('bandoso-publish form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await vi.waitFor(() => expect(document.activeElement?.id).toBe('login-name'));
    expect(words('[role=status]')).toContain('Phiên đăng nhập đã hết.');
    expect(page.querySelector('[hidden] #publish-note')).toBe(note);
    refusal = null;
    page.querySelector('bandoso-login')?.dispatchEvent(new CustomEvent('logged-in', { bubbles: true }));
    await vi.waitFor(() => expect(page.querySelector('.who')).not.toBeNull());
    expect(page.querySelector('[hidden] #publish-note')).toBeNull();
    expect(page.querySelector<HTMLInputElement>('#publish-note')?.value).toBe('tháng 11');
  });
  it('collects choices, does not publish before they are checked, and sends them with earlier ones', async () => {
    await open({ options: { crs: 'EPSG:9209', columns: '{"TEN":"name"}' } });
    const select = page.querySelector<HTMLSelectElement>('#column-0');
    if (select) select.value = '';
    select?.dispatchEvent(new Event('change', { bubbles: true }));
    await settle();
    expect(words('.pending p')).toBe('Lựa chọn chưa kiểm tra: 1');
    expect(page.querySelector<HTMLButtonElement>('bandoso-publish button')?.disabled).toBe(true);
    await press('Kiểm tra lại');
    expect(asked[0]).toMatchObject({
      ...{ path: '/uploads/u-1/choices', body: { columns: { TEN: 'name', MA: null } } },
    });
    expect(page.querySelector('.pending')).toBeNull();
  });
  it('leads to the choice that is asked for', async () => {
    const candidates = [{ crs: 'EPSG:9209', score: 0.9 }];
    await open({ state: 'needs_choice', diff: null, report: report({ crs: { chosen: null, candidates } }) });
    expect(words('.stand a')).toBe('Chọn hệ tọa độ');
    await press('Dùng VN-2000, kinh tuyến trục 105°30′');
    expect(asked[0]).toMatchObject({ path: '/uploads/u-1/choices', body: { crs: 'EPSG:9209' } });
  });
  it('follows the work until it is done and then leads to the result at once', async () => {
    vi.useFakeTimers();
    unanswered = '/desk/fields/';
    held = upload({
      state: 'validating',
      report: null,
      diff: null,
      progress: { stage: 'validating', done: 1, total: 4 },
    });
    page = new UploadPage();
    page.uploadId = 'u-1';
    document.body.append(page);
    await vi.advanceTimersByTimeAsync(10);
    expect(words('.stand .hint')).toBe('1 trong 4 dòng (25%)');
    held = upload();
    await vi.advanceTimersByTimeAsync(5000);
    vi.useRealTimers();
    await settle();
    expect(words('#stand-words')).toBe('Đã kiểm tra xong. Xem lại rồi công bố.');
    expect(document.activeElement?.id).toBe('stand-words');
  });
  it('cancels only after asking', async () => {
    await open();
    await press('Hủy lần gửi này');
    expect(asked).toEqual([]);
    held = upload({ state: 'cancelled', diff: null });
    await press('Hủy lần gửi');
    expect(asked[0]?.path).toBe('/uploads/u-1/cancel');
    expect(words('#stand-words')).toContain('Đã hủy');
  });
  it('lets nobody approve what they sent themselves', async () => {
    await open({ state: 'needs_approval', author: 'can-bo' });
    expect(words('bandoso-publish')).not.toContain('Duyệt và công bố');
    document.body.replaceChildren();
    await open({ state: 'needs_approval', author: 'nguoi-khac' });
    page.querySelector('bandoso-publish form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await settle();
    expect(asked[0]?.path).toBe('/uploads/u-1/approve');
  });
});
