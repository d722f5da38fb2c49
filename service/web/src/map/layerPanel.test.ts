import { afterEach, describe, expect, it } from 'vitest';
import type { Register } from '../core/types';
import { LayerPanel } from './layerPanel';

const register: Register = {
  id: 'growing_areas',
  title: { vi: 'Vùng trồng', en: 'Growing areas' },
  geometry: 'polygon',
  sample: false,
  tile: { minzoom: 0, maxzoom: 14 },
  legend: [],
  legend_field: null,
  fields: [],
  bounds: null,
};

async function panel(shown: string[], dropped: [string, number][]): Promise<string> {
  const found = new LayerPanel();
  found.registers = [register];
  found.shown = new Set(shown);
  found.dropped = new Map(dropped);
  document.body.append(found);
  await found.updateComplete;
  return found.textContent ?? '';
}

afterEach(() => document.body.replaceChildren());

describe('LayerPanel', () => {
  it('says how many records the view leaves out of a layer that is shown', async () => {
    expect(await panel(['growing_areas'], [['growing_areas', 1234]])).toMatch(/1\.234 đối tượng .* Hãy phóng to/);
  });

  it.each([
    [['growing_areas'], []],
    [['growing_areas'], [['growing_areas', 0]]],
    [[], [['growing_areas', 7]]],
  ] as [string[], [string, number][]][])('says nothing where nothing is left out of what is shown', async (shown, dropped) => {
    expect(await panel(shown, dropped)).not.toContain('Hãy phóng to');
  });
});

describe('the day of a layer', () => {
  async function dated(by_day: boolean): Promise<[LayerPanel, HTMLInputElement | null]> {
    const found = new LayerPanel();
    found.registers = [{ ...register, by_day }];
    found.shown = new Set([register.id]);
    found.day = '2026-06-30';
    document.body.append(found);
    await found.updateComplete;
    return [found, found.querySelector<HTMLInputElement>('input[type=date]')];
  }

  it('is asked for where tiles tell of days, under a label', async () => {
    const [, input] = await dated(true);
    expect(input?.value).toBe('2026-06-30');
    expect(input?.labels?.[0]?.textContent).toContain('ngày');
    expect((await dated(false))[1]).toBeNull();
  });

  it('is told to the map, and an empty one is not', async () => {
    const [panel, input] = await dated(true);
    const told: string[] = [];
    panel.addEventListener('day-chosen', (event) => told.push((event as CustomEvent<string>).detail));
    for (const day of ['2023-01-01', '']) {
      if (input) input.value = day;
      input?.dispatchEvent(new Event('change', { bubbles: true }));
    }
    expect(told).toEqual(['2023-01-01']);
    expect(input?.value).toBe('2026-06-30');
  });
});
