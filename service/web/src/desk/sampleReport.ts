/** A report and an upload in the shapes the service gives, for tests. */
import type { Register } from '../core/types';
import type { DiffSummary, Report, ReportMessage, Upload } from './types';

export const HOSTILE = '<img src=x onerror="window.__xss=1">';

export function message(code: string, also: Partial<ReportMessage> = {}): ReportMessage {
  return { code, level: 'error', row: null, column: null, value: null, vi: `${code} sai.`, en: `${code}.`, ...also };
}

export function report(also: Partial<Report> = {}): Report {
  return {
    version: 1,
    outcome: 'ok',
    register: 'addresses',
    commune: '99001',
    file: { name: 'dia-chi.zip', format: 'Shapefile', size_bytes: 2048 },
    layer: 'dia_chi',
    layers: [{ name: 'dia_chi', geometry: 'Point', rows: 4, columns: ['MA'], sample: [] }],
    crs: { chosen: 'EPSG:9209', name: 'VN-2000 / TM-3 105-30', accuracy_m: 1, certain: true, candidates: [] },
    encoding: {},
    columns: [{ name: 'MA', field: 'code', how: 'name', certain: true, samples: ['0799700001'] }],
    rows: { read: 4, valid: 3, repaired: 0, rejected: 1 },
    repairs: [],
    counts: {},
    messages: [],
    ...also,
  };
}

export function diff(also: Partial<DiffSummary> = {}): DiffSummary {
  const counts = { added: 2, changed: 1, moved: 1, removed: 0, unchanged: 7 };
  return { etag: '"7-abc"', base_revision: 7, needs_approval: false, ...counts, ...also };
}

export function upload(also: Partial<Upload> = {}): Upload {
  const known = {
    id: 'u-1',
    register: 'addresses',
    commune: '99001',
    file_name: 'dia-chi.zip',
    mode: 'upsert' as const,
  };
  return { ...known, state: 'staged', report: report(), diff: diff(), ...also };
}

export const REGISTER: Register = {
  ...{ id: 'addresses', title: { vi: 'Địa chỉ số', en: 'Digital addresses' }, geometry: 'point', sample: true },
  ...{ tile: { minzoom: 5, maxzoom: 14 }, legend: [], legend_field: null, bounds: null },
  fields: [
    {
      name: 'kind',
      title: { vi: 'Loại', en: 'Kind' },
      type: 'text',
      choices: [{ value: 'household', label: { vi: 'Hộ gia đình', en: 'Household' } }],
    },
  ],
};
