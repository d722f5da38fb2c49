/** Finds the commune a map should open at. */
import { isAbort, type PublicApi } from '../core/api';
import { geometryBounds } from '../core/geo';
import type { Bounds } from '../core/types';

export interface CommuneView {
  bounds: Bounds;
  outline: GeoJSON.Geometry;
}

/** The box and outline of the commune with this code; null when there is none. */
export async function findCommune(api: PublicApi, code: string): Promise<CommuneView | null> {
  try {
    const { features } = await api.withCode('communes', code);
    // A code may come back after a reform: the unit in force has no end.
    const { geometry } = features.find(({ properties }) => !properties['valid_to']) ??
      features[0] ?? { geometry: null };
    const bounds = geometryBounds(geometry);
    return geometry && bounds ? { bounds, outline: geometry } : null;
  } catch (error) {
    if (isAbort(error)) throw error;
    return null;
  }
}
