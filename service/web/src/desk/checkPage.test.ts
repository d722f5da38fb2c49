import { afterEach, describe, expect, it } from 'vitest';
import { CheckPage } from './checkPage';
import { REGISTER, report } from './sampleReport';
import type { Choices, Report } from './types';

afterEach(() => document.body.replaceChildren());

/** A page with a file, and what it has sent so far; every check gives the same report. */
async function checking(found: Report): Promise<{ page: CheckPage; sent: FormData[] }> {
  const sent: FormData[] = [];
  const page = new CheckPage();
  const validate = (form: FormData) => {
    sent.push(form);
    return Promise.resolve({ report: found, text: JSON.stringify(found) });
  };
  const api = { validate, fields: () => Promise.resolve([]) };
  Object.assign(page, { api, open: { registers: () => Promise.resolve({ registers: [REGISTER] }) } });
  document.body.append(page);
  await page.updateComplete;
  Object.assign(page, { files: [new File(['a;b\n1;2\n'], 'a.csv')], register: 'addresses' });
  await page.updateComplete;
  page.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true, bubbles: true }));
  await settle(page);
  return { page, sent };
}

async function settle(page: CheckPage): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  await page.updateComplete;
}

async function choose(page: CheckPage, choices: Choices): Promise<void> {
  page.querySelector('.check-result')?.dispatchEvent(new CustomEvent('choose-now', { detail: choices }));
  await settle(page);
}

describe('a check without an account', () => {
  const asked = report({
    outcome: 'needs_choice',
    counts: { COLUMN_CHOICE: 1 },
    layers: [{ name: 'a', geometry: null, rows: 1, columns: ['a', 'b'], sample: [] }],
  });

  it('asks which columns hold the coordinates and sends the file again with the answer', async () => {
    const { page, sent } = await checking(asked);
    expect(page.querySelector('bandoso-place-columns')).not.toBeNull();
    await choose(page, { place_columns: { x_column: 'a', y_column: 'b' } });
    expect(sent.map((form) => form.get('place_columns'))).toEqual([null, '{"x_column":"a","y_column":"b"}']);
    expect((sent[1]?.get('file') as File).name).toBe('a.csv');
  });
  it('does not begin to send what the service would not take', async () => {
    const { page, sent } = await checking(asked);
    page.setAttribute('max-mb', '1');
    Object.assign(page, { files: [new File([new Uint8Array(1.5 * 1024 ** 2)], 'a.csv')] });
    await page.updateComplete;
    page.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true, bubbles: true }));
    await settle(page);
    expect(sent.length).toBe(1);
    expect(page.querySelector('[role=alert]')?.textContent).toContain('1,5 MB, quá mức 1 MB');
  });
  it('keeps what was chosen before when more is chosen', async () => {
    const { page, sent } = await checking(asked);
    await choose(page, { place_columns: { wkt_column: 'a' } });
    await choose(page, { crs: 'EPSG:9209' });
    expect([sent[2]?.get('place_columns'), sent[2]?.get('crs')]).toEqual(['{"wkt_column":"a"}', 'EPSG:9209']);
  });
});
