/** What a report tells of the layers of a file. */
import type { FileLayer, Report } from './types';

/** The layer that was read, or the only one. */
export function layerOf({ layers = [], layer }: Pick<Report, 'layer' | 'layers'>): FileLayer | undefined {
  return layers.find(({ name }) => name === layer) ?? (layers.length === 1 ? layers[0] : undefined);
}

/** How many rows there are, as far as that is known: a file about which something has to be chosen is not read yet. */
export function rowsOf(report: Report): number | null {
  const { rows } = report;
  if (rows && rows.read > 0) return rows.read;
  return layerOf(report)?.rows ?? (report.outcome === 'ok' ? (rows?.read ?? null) : null);
}
