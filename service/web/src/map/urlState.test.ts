// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { Register } from '../core/types';
import { firstForList, layersFromQuery, withLayers } from './urlState';

function register(id: string, part: Partial<Register> = {}): Register {
  const title = { vi: id, en: id };
  const tile = { minzoom: 0, maxzoom: 14 };
  return {
    id,
    title,
    geometry: 'polygon',
    sample: false,
    tile,
    legend: [],
    legend_field: null,
    fields: [],
    bounds: null,
    ...part,
  };
}

const registers = [
  register('communes'),
  register('villages', { visible: false }),
  register('addresses', { geometry: 'point' }),
];

describe('layers in the address', () => {
  it('are those on by themselves when nothing is asked', () => {
    expect([...layersFromQuery('', registers)]).toEqual(['communes', 'addresses']);
  });
  it('are exactly those asked, unknown ones left out', () => {
    expect([...layersFromQuery('?layers=addresses,villages,x', registers)]).toEqual(['villages', 'addresses']);
    expect([...layersFromQuery('?layers=', registers)]).toEqual([]);
  });
  it('stand beside the rest of the address', () => {
    const href = withLayers('https://a.vn/?lang=en&layers=x#map=5/1/2', new Set(['a', 'b']));
    expect(href).toBe('https://a.vn/?lang=en&layers=a,b#map=5/1/2');
    expect(withLayers('https://a.vn/', new Set())).toBe('https://a.vn/?layers=');
  });
});

describe('list', () => {
  it('starts with places rather than boundaries', () => {
    expect(firstForList(registers, new Set(['communes', 'addresses']))).toBe('addresses');
    expect(firstForList(registers, new Set(['communes']))).toBe('communes');
    expect(firstForList([], new Set())).toBe('');
  });
});
