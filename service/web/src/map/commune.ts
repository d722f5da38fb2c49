/** Finds the commune a map should open at. */
import { isAbort, type PublicApi } from '../core/api';
import { geometryBounds } from '../core/geo';
import type { Bounds } from '../core/types';

const REGISTER = 'communes';
/** Degrees around a commune of which only a point is known. */
const MARGIN = 0.05;

export interface CommuneView {
  bounds: Bounds;
  outline: GeoJSON.Geometry | null;
}

/** The box and outline of the commune with this code; null when there is none. */
export async function findCommune(api: PublicApi, code: string): Promise<CommuneView | null> {
  try {
    const found = await api.search(code);
    const commune = found.find(({ properties }) => properties.register === REGISTER && properties.code === code);
    if (!commune) return null;
    const { geometry: outline } = await api.item(REGISTER, commune.properties.uuid);
    const bounds = geometryBounds(outline) ?? commune.properties.bbox ?? around(commune.geometry);
    return bounds && { bounds, outline };
  } catch (error) {
    if (isAbort(error)) throw error;
    return null;
  }
}

function around(geometry: GeoJSON.Geometry | null): Bounds | null {
  const box = geometryBounds(geometry);
  return box && [box[0] - MARGIN, box[1] - MARGIN, box[2] + MARGIN, box[3] + MARGIN];
}
