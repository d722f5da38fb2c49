// @vitest-environment node
import type { StyleSpecification } from 'maplibre-gl';
import { describe, expect, it } from 'vitest';
import { baseMapOnly, prepareStyle, registerOf, withContext } from './style';

const style: StyleSpecification = {
  version: 8,
  sources: {
    basemap: { type: 'geojson', data: '/basemap.geojson' },
    addresses: { type: 'vector', url: '/tiles/addresses.json' },
  },
  layers: [
    { id: 'basemap-sea', type: 'background' },
    { id: 'basemap-label-archipelago', type: 'symbol', source: 'basemap', maxzoom: 7, layout: { visibility: 'none' } },
    {
      id: 'addresses-point',
      type: 'circle',
      source: 'addresses',
      'source-layer': 'addresses',
      metadata: { 'bandoso:register': 'addresses' },
    },
  ],
};

describe('style', () => {
  it('hides registers that are off and leaves the base map alone', () => {
    const hidden = prepareStyle(style, new Set()).layers.find(({ id }) => id === 'addresses-point');
    const shown = prepareStyle(style, new Set(['addresses'])).layers.find(({ id }) => id === 'addresses-point');
    expect(hidden?.layout?.visibility).toBe('none');
    expect(shown?.layout?.visibility).toBe('visible');
  });
  it('draws the labels of the archipelagos last, at every zoom, whatever overlaps them', () => {
    const last = prepareStyle(style, new Set(['addresses'])).layers.at(-1);
    expect(last?.id).toBe('basemap-label-archipelago');
    expect(last?.maxzoom).toBeUndefined();
    expect(last?.layout).toMatchObject({
      visibility: 'visible',
      'text-allow-overlap': true,
      'text-ignore-placement': true,
    });
  });
  it('keeps those labels on the base map of single features too', () => {
    const base = baseMapOnly(style);
    expect(base.layers.map(({ id }) => id)).toEqual(['basemap-sea', 'basemap-label-archipelago']);
    expect(Object.keys(base.sources)).toEqual(['basemap']);
  });
  it('has commune outlines below all data and names below those of data, in no register', () => {
    const data = ['communes-line', 'villages-label', 'communes-label', 'addresses-label'].map((id) => ({
      ...{ id, source: id, 'source-layer': id, metadata: { 'bandoso:register': id.split('-')[0] } },
      type: id.endsWith('line') ? ('line' as const) : ('symbol' as const),
    }));
    const { layers } = withContext({ ...style, layers: [...style.layers, ...data] });
    expect(layers.map(({ id }) => id).slice(2)).toEqual([
      ...['basemap-communes-line', 'addresses-point', 'communes-line', 'basemap-villages-label'],
      ...['basemap-communes-label', 'villages-label', 'communes-label', 'addresses-label'],
    ]);
    expect(layers.filter((layer) => registerOf(layer) === null).length).toBe(5);
  });
  it('does not change what it was given', () => {
    prepareStyle(style, new Set());
    expect(style.layers[1]?.layout?.visibility).toBe('none');
  });
});
