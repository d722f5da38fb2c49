import { html, render, type TemplateResult } from 'lit';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeskApi } from './deskApi';
import { captionedTable, scrollingTable } from './tables';
import { TileQuestion } from './tileQuestion';
import type { MeasuredTile, RecordAnswer, TileAnswer } from './tileTypes';
import { zoomTable } from './tileZooms';
import { DESK_TEXTS } from './words';

afterEach(() => document.body.replaceChildren());

const TILE: MeasuredTile = {
  ...{ z: 14, x: 13000, y: 7200, ms: 321.5, bytes: 228_000, packed_bytes: 90_000 },
  ...{ features: 7649, dropped: 54_677, made_anew: 2, kinds: { point: 7649 }, revision: 3 },
};

/** Renders into a place of its own: Lit keeps hold of where it rendered before. */
function drawn(template: TemplateResult): HTMLElement {
  const place = document.body.appendChild(document.createElement('div'));
  render(template, place);
  return place;
}

async function asked(wanted: string, answer: TileAnswer | RecordAnswer): Promise<TileQuestion> {
  const element = new TileQuestion();
  const api = { follow: () => Promise.resolve(answer) } as unknown as DeskApi;
  document.body.append(Object.assign(element, { api, register: 'addresses' }));
  await element.updateComplete;
  const input = element.querySelector('input');
  if (input) input.value = wanted;
  element.querySelector('form')?.dispatchEvent(new SubmitEvent('submit', { cancelable: true }));
  await new Promise((resolve) => setTimeout(resolve));
  await element.updateComplete;
  return element;
}

function words(element: Element | null | undefined): string {
  return (element?.textContent ?? '').replace(/\s+/g, ' ').trim();
}

describe('the question about one tile or record', () => {
  it('speaks of the time and size of this tile, in no language of a median or a largest one', async () => {
    const element = await asked('14/13000/7200', { outcome: 'shown', tile: TILE });
    const heads = [...element.querySelectorAll('tbody th')].map(words);
    expect(heads.slice(0, 3)).toEqual(['Thời gian của ô này', 'Số lần làm lại vì quá lớn', 'Dung lượng của ô này']);
    expect(heads).not.toContain(DESK_TEXTS.vi['tiles.head.median']);
    expect(heads).not.toContain(DESK_TEXTS.vi['tiles.head.bytes']);
    expect(DESK_TEXTS.en['tiles.head.time']).toBe('Time of this tile');
    expect(DESK_TEXTS.en['tiles.head.ownSize']).toBe('Size of this tile');
  });
  it('tells how often a tile was made anew', async () => {
    const element = await asked('14/13000/7200', { outcome: 'shown', tile: TILE });
    expect(words(element.querySelectorAll('tbody tr')[1])).toBe('Số lần làm lại vì quá lớn 2');
  });
  it('tells the time of each tile of a record', async () => {
    const zooms = [{ z: 9, x: 1, y: 2, drawn: 'dropped' as const, ms: 4.25 }];
    const element = await asked('VN-1', { id: 7, outcome: 'shown', min_zoom: 7, zooms });
    expect(words(element.querySelector('thead th:last-child'))).toBe('Thời gian của ô này');
    expect(words(element.querySelector('tbody tr'))).toBe('9 9/1/2 bị lược bớt ở mức này 4,3 ms');
  });
});

describe('the table of zooms', () => {
  it('says that tiles were too large and made anew, where some were', () => {
    for (const n of [0, 3]) {
      const zoom = { z: 14, is_drawn: true, tiles: 4, sample: 4, median_ms: 5, worst: TILE, made_anew: n };
      expect(words(drawn(zoomTable([zoom]))).includes(`phải làm lại với ít bản ghi hơn: ${n};`)).toBe(n > 0);
    }
  });
});

describe('a table that scrolls', () => {
  it('has a caption only where one is asked for, and in both cases a name', () => {
    const rows = [html`<tr></tr>`];
    const place = drawn(html`${scrollingTable('one', ['a'], rows)}${captionedTable('two', ['a'], rows)}`);
    const regions = [...place.querySelectorAll('[role=region]')];
    expect(regions.map((region) => region.getAttribute('aria-label'))).toEqual(['one', 'two']);
    expect(regions.map((region) => words(region.querySelector('table > caption')))).toEqual(['', 'two']);
  });
});
