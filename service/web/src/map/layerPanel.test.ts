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
