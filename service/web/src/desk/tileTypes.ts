/** What the service tells of the tiles of a layer, and of what is missing in them. */

export interface MeasuredTile {
  z: number;
  x: number;
  y: number;
  /** Null where the time allowed was not enough. */
  ms: number | null;
  bytes: number;
  packed_bytes: number;
  features: number;
  dropped: number;
  /** How often it was too large and was made once more with fewer records. */
  made_anew: number;
  kinds: Partial<Record<'point' | 'line' | 'shape' | 'count', number>>;
  revision: number;
}

export interface TileAccess {
  indexes: string[];
  /** Tables that were read from end to end. */
  scanned: string[];
}

/** A zoom below the first of its layer has its number only. */
export interface ZoomReport {
  z: number;
  is_drawn: boolean;
  /** Null where counting them took too long. */
  tiles?: number | null;
  sample?: number;
  timed_out?: number;
  median_ms?: number | null;
  worst?: MeasuredTile | null;
  median_bytes?: number;
  largest_bytes?: number;
  largest_packed_bytes?: number;
  features?: number;
  dropped?: number;
  /** How many of the sample were made anew. */
  made_anew?: number;
  access?: TileAccess | null;
}

export type Absence = 'without_place' | 'withheld' | 'unlisted' | 'guarded' | 'outside' | 'lost';

export interface InvalidShape {
  uuid: string;
  label: string;
  reason: string;
  place: [number, number] | null;
}

export type TableTrouble = 'missing_index' | 'broken_index' | 'never_analysed' | 'many_dead_rows';

export interface TableStatistics {
  name: string;
  rows: number;
  bytes: number;
  live: number;
  dead: number;
  analysed: string | null;
  vacuumed: string | null;
  missing: string[];
  broken: string[];
  troubles: TableTrouble[];
}

export interface MissingReport {
  counts: Record<Absence | 'total' | 'shown', number>;
  /** Null where looking at all shapes took too long. */
  invalid: InvalidShape[] | null;
  tables: TableStatistics[];
  policy: string;
  revision: { number: number; published_at: string } | null;
  min_zoom: number;
  counts_below: number | null;
}

export type Drawn = 'point' | 'line' | 'shape' | 'count' | 'merged' | 'dropped' | 'timed_out';

export interface RecordAnswer {
  /** Null when there is no such record, or none that the account may see. */
  id: number | null;
  outcome: Absence | 'shown' | 'unknown' | 'elsewhere';
  min_zoom: number;
  zooms: { z: number; x: number; y: number; drawn: Drawn; ms: number | null }[];
}

export interface TileAnswer {
  tile: MeasuredTile;
  outcome: 'shown' | 'timed_out' | 'below_min_zoom' | 'emptied' | 'never_filled';
}
