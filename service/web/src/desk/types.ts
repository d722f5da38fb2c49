/** Shapes of what the service tells officers: uploads, reports, changes, revisions. */
import type { Bilingual, Link } from '../core/types';

export const UPLOAD_STATES = [
  'received',
  'reading',
  'validating',
  'staged',
  'needs_choice',
  'needs_approval',
  'publishing',
  'published',
  'rejected',
  'failed',
  'cancelled',
] as const;
export type UploadState = (typeof UPLOAD_STATES)[number];

export const MODES = ['upsert', 'replace', 'append'] as const;
export type Mode = (typeof MODES)[number];

export const LEVELS = ['error', 'warning', 'info'] as const;
export type Level = (typeof LEVELS)[number];

/** Longitude and latitude, WGS 84. */
export type Place = [number, number];

export interface ReportMessage extends Partial<Bilingual> {
  code: string;
  level: Level;
  row?: number | null;
  column?: string | null;
  value?: unknown;
  remedy?: Partial<Bilingual> | null;
  place?: Place | null;
}

export interface FileLayer {
  name: string;
  geometry?: string | null;
  rows?: number | null;
  crs?: string | null;
  columns?: string[];
  /** At most five rows, as text. */
  sample?: Record<string, string | null>[];
}

export const TRAPS = ['no_datum_shift', 'swapped_axes', 'scale', 'zone'] as const;
export type Trap = (typeof TRAPS)[number];

export interface Candidate {
  crs: string;
  name?: string;
  operation?: string;
  /** 0 to 1. */
  score: number;
  /** Share of the places inside the commune, 0 to 1. */
  inside?: number | null;
  trap?: Trap | null;
  shift_m?: number | null;
}

export interface CrsReport {
  chosen: string | null;
  name?: string | null;
  operation?: string | null;
  accuracy_m?: number | null;
  how?: 'stated' | 'found' | 'chosen' | 'assumed' | null;
  certain?: boolean;
  candidates?: Candidate[];
}

export interface EncodingReport {
  chosen: string;
  how?: string;
  certain?: boolean;
  samples?: { before: string; after: string }[];
}

export const MAPPINGS = ['name', 'values', 'memory', 'chosen', 'place', 'id', 'none'] as const;
export type MappedBy = (typeof MAPPINGS)[number];

export interface FileColumn {
  name: string;
  field: string | null;
  how?: MappedBy;
  certain?: boolean;
  samples?: string[];
}

export interface Repair extends Bilingual {
  code: string;
  count: number;
  accepted: boolean;
}

export interface Report {
  version: number;
  outcome: 'ok' | 'needs_choice' | 'refused';
  register: string;
  commune: string | null;
  file?: { name?: string; format?: string; size_bytes?: number; sha256?: string } | null;
  layer?: string | null;
  layers?: FileLayer[];
  crs?: CrsReport | null;
  encoding?: Record<string, EncodingReport> | null;
  columns?: FileColumn[];
  rows?: { read: number; valid: number; repaired?: number; rejected: number };
  repairs?: Repair[];
  counts?: Record<string, number>;
  messages?: ReportMessage[];
}

export interface Progress {
  /** Why the work ended without a result. */
  error?: string;
  stage?: string;
  done?: number;
  total?: number | null;
  rows_per_s?: number | null;
  seconds_left?: number | null;
}

export interface DiffSummary {
  etag: string;
  base_revision?: number;
  added: number;
  changed: number;
  moved: number;
  removed: number;
  unchanged: number;
  /** Communes that would lose more than a fifth of their records, with the share they lose. */
  vanishing?: Record<string, number>;
  /** Some commune would lose more than four fifths. */
  needs_approval?: boolean;
}

/** Which columns of a table hold its places. */
export interface PlaceColumns {
  x_column?: string;
  y_column?: string;
  wkt_column?: string;
}

/** What an officer decides about a file that was read. */
export interface Choices {
  layer?: string;
  crs?: string;
  encoding?: string | Record<string, string>;
  columns?: Record<string, string | null>;
  place_columns?: PlaceColumns;
  accept?: string[];
  commune?: string;
  mode?: Mode;
}

export interface Upload {
  id: string;
  state: UploadState;
  register: string;
  author?: string | null;
  commune?: string | null;
  file_name?: string | null;
  mode?: Mode;
  received_at?: string | null;
  finished_at?: string | null;
  progress?: Progress | null;
  counts?: Partial<
    Record<'read' | 'valid' | 'rejected' | 'added' | 'changed' | 'unchanged' | 'removed', number>
  > | null;
  revision?: number | null;
  /** Number of the revision that has undone this one since. */
  undone_by?: number | null;
  report?: Report | null;
  diff?: DiffSummary | null;
  /** Choices made so far; those that are no plain text are JSON. */
  options?: Record<string, string> | null;
}

export const CHANGE_KINDS = ['added', 'changed', 'removed'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

export interface ChangedField {
  field: string;
  title?: Partial<Bilingual>;
  before: unknown;
  after: unknown;
}

export interface Change {
  kind: ChangeKind;
  row?: number | null;
  id?: string | null;
  label?: string | null;
  moved_m?: number | null;
  fields?: ChangedField[];
}

export interface ChangePage {
  rows: Change[];
  next?: string | number | null;
}

export interface Preview {
  communes: GeoJSON.FeatureCollection;
  candidates: { crs: string; points: GeoJSON.MultiPoint }[];
}

export interface Revision {
  number: number;
  published_at: string;
  author?: string | null;
  note?: string | null;
  added: number;
  changed: number;
  removed: number;
  undone_by?: number | null;
}

export interface RevisionList {
  /** Names the state of the register: what undoing is measured against. */
  etag: string;
  revisions: Revision[];
  links?: Link[];
}

/** A record of which something stays as it is, since a later revision changed it. */
export interface RollbackConflict {
  uuid: string;
  label?: string | null;
  fields?: string[];
}

/** What undoing a revision would do, or did. */
export interface Rollback {
  /** The new revision; null when nothing was done. */
  revision: number | null;
  restored: number;
  removed: number;
  reinserted: number;
  conflict_count: number;
  conflicts?: RollbackConflict[];
}

/** An undoing that a worker carries out. */
export interface RollbackJob {
  state: 'waiting' | 'working' | 'done' | 'refused' | 'failed';
  dry_run: boolean;
  /** Empty before a worker has begun. */
  progress: { step?: number; steps?: number; records?: number };
  /** Since it was asked for. */
  seconds: number;
  answer: Rollback | null;
  problem: { code: string; detail: string } | null;
}

/** A field of a register that a column of a file may be. */
export interface ColumnField {
  name: string;
  title: Bilingual;
  private: boolean;
}
