import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PublicApi } from '../core/api';
import type { SearchResult } from '../core/types';
import { SearchBox } from './searchBox';

const HOSTILE = '<img src=x onerror="window.__xss=1">';

function result(label: string): SearchResult {
  const properties = { register: 'addresses', uuid: `id-${label}`, label, code: HOSTILE };
  return { type: 'Feature', geometry: { type: 'Point', coordinates: [105, 21] }, properties };
}

let box: SearchBox;
let chosen: SearchResult[];

async function type(text: string): Promise<void> {
  const input = field();
  input.value = text;
  input.dispatchEvent(new Event('input'));
  await vi.waitFor(() => expect(status()).not.toMatch(/^(|Đang tìm…)$/));
  await box.updateComplete;
}

function field(): HTMLInputElement {
  const input = box.querySelector('input');
  if (!input) throw new Error('no input');
  return input;
}

function status(): string {
  return box.querySelector('[role=status]')?.textContent ?? '';
}

async function press(key: string): Promise<void> {
  field().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  await box.updateComplete;
}

function serving(search: () => Promise<SearchResult[]>): PublicApi {
  return { search } as unknown as PublicApi;
}

beforeEach(async () => {
  chosen = [];
  box = new SearchBox();
  box.api = serving(async () => [result('Một'), result(HOSTILE), result('Ba')]);
  box.addEventListener('result-chosen', (event) => chosen.push((event as CustomEvent<SearchResult>).detail));
  document.body.append(box);
  await box.updateComplete;
});

afterEach(() => box.remove());

describe('search box', () => {
  it('is a combobox with a name', () => {
    expect(field().getAttribute('role')).toBe('combobox');
    expect(box.querySelector('label')?.htmlFor).toBe(field().id);
    expect(field().getAttribute('aria-expanded')).toBe('false');
  });
  it('tells how many results there are', async () => {
    await type('m');
    expect(status()).toContain('3');
    expect(field().getAttribute('aria-expanded')).toBe('true');
  });
  it('says in words that nothing was found', async () => {
    box.api = serving(async () => []);
    await type('zzz');
    expect(status()).toMatch(/Không có kết quả/);
  });
  it('says why a search failed', async () => {
    box.api = serving(() => Promise.reject(new Error('quá nhiều yêu cầu')));
    await type('m');
    expect(status()).toContain('quá nhiều yêu cầu');
  });
  it('moves with the arrow keys, round both ends', async () => {
    await type('m');
    await press('ArrowDown');
    expect(field().getAttribute('aria-activedescendant')).toBe('search-option-0');
    await press('ArrowUp');
    expect(field().getAttribute('aria-activedescendant')).toBe('search-option-2');
    await press('ArrowDown');
    expect(box.querySelector('[aria-selected=true]')?.textContent).toContain('Một');
  });
  it('closes with Escape, and empties with a second one', async () => {
    await type('m');
    await press('Escape');
    expect(field().getAttribute('aria-expanded')).toBe('false');
    expect(field().value).toBe('m');
    await press('Escape');
    expect(field().value).toBe('');
  });
  it('takes the marked result on Enter', async () => {
    await type('m');
    await press('ArrowUp');
    box.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await vi.waitFor(() => expect(chosen.map(({ properties }) => properties.label)).toEqual(['Ba']));
  });
  it('shows hostile text as text', async () => {
    await type('m');
    expect(box.querySelector('img')).toBeNull();
    expect(box.textContent).toContain(HOSTILE);
  });
});
