// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { isWithin, tileBounds, touches, type Changes } from './tileMath';

const change: Changes = { layer: 'a', version: '2c2', tiles: [] };

describe('tiles', () => {
  it('lie where the service cuts them', () => {
    expect(tileBounds([0, 0, 0])[3]).toBeCloseTo(85.0511, 4);
    const [west, south, east, north] = tileBounds([14, 13026, 7245]);
    expect([west, east]).toEqual([106.2158203125, 106.23779296875]);
    expect(south).toBeCloseTo(20.34463, 4);
    expect(north).toBeCloseTo(20.36523, 4);
  });
  it('are within themselves and what is above them', () => {
    expect(isWithin([14, 13026, 7245], [14, 13026, 7245])).toBe(true);
    expect(isWithin([14, 13026, 7245], [9, 407, 226])).toBe(true);
    expect(isWithin([14, 13026, 7245], [9, 407, 227])).toBe(false);
    expect(isWithin([8, 203, 113], [9, 407, 226])).toBe(false);
  });
});

describe('a change', () => {
  it('touches a view by the smallest tiles it names, not by those above them', () => {
    const named = { ...change, tiles: [[14, 13026, 7245], [5, 25, 14]] as [number, number, number][] };
    expect(touches(named, [106.2, 20.3, 106.22, 20.35])).toBe(true);
    expect(touches(named, [106.3, 20.3, 106.4, 20.4])).toBe(false);
    expect(touches(named, null)).toBe(true);
  });
  it('touches a view by its areas, and every view where all may have changed', () => {
    const large = { ...change, tiles: [[5, 25, 14]] as [number, number, number][], within: [[9, 407, 226] as const] };
    expect(touches(large, [106.3, 20.3, 106.4, 20.4])).toBe(true);
    expect(touches(large, [108, 20, 108.2, 20.2])).toBe(false);
    expect(touches({ layer: 'a', version: '2c2', all: true }, [108, 20, 108.2, 20.2])).toBe(true);
  });
});
