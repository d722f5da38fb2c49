// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { VIETNAM, geometryBounds, mercatorLat, mercatorY, shapeToScreen } from './geo';

function aspect([west, south, east, north]: readonly number[]): number {
  return (east! - west!) / (mercatorY(north!) - mercatorY(south!));
}

describe('limits of the map', () => {
  it.each([
    [1920, 800],
    [360, 640],
    [800, 800],
  ])('take the shape of a screen of %i x %i and hold all of Vietnam', (width, height) => {
    const shaped = shapeToScreen(VIETNAM, width, height);
    expect(aspect(shaped)).toBeCloseTo(width / height, 6);
    expect(shaped[0]).toBeLessThanOrEqual(VIETNAM[0]);
    expect(shaped[1]).toBeLessThanOrEqual(VIETNAM[1] + 1e-9);
    expect(shaped[2]).toBeGreaterThanOrEqual(VIETNAM[2]);
    expect(shaped[3]).toBeGreaterThanOrEqual(VIETNAM[3] - 1e-9);
  });
  it('stay as they are while the page is not laid out', () => {
    expect(shapeToScreen(VIETNAM, 0, 0)).toEqual(VIETNAM);
  });
  it('use an exact inverse', () => expect(mercatorLat(mercatorY(21.03))).toBeCloseTo(21.03, 10));
});

describe('box of a geometry', () => {
  it('reads any nesting, heights included', () => {
    const polygon: GeoJSON.Geometry = {
      type: 'Polygon',
      coordinates: [
        [
          [105, 20, 7],
          [106, 20],
          [106, 22, 9],
          [105, 20],
        ],
      ],
    };
    expect(geometryBounds(polygon)).toEqual([105, 20, 106, 22]);
    expect(
      geometryBounds({ type: 'GeometryCollection', geometries: [polygon, { type: 'Point', coordinates: [110, 10] }] }),
    ).toEqual([105, 10, 110, 22]);
  });
  it('is null for nothing', () => {
    expect(geometryBounds(null)).toBeNull();
    expect(geometryBounds({ type: 'MultiPoint', coordinates: [] })).toBeNull();
  });
});
