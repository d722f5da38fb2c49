/** The messages of a report as CSV, as the service writes them for those who are signed in. */
import type { Level, Report, ReportMessage } from './types';

const HEADS = [
  ...['Mức / Level', 'Mã / Code', 'Dòng / Row', 'Cột / Column', 'Giá trị / Value', 'Thông báo', 'Cách sửa'],
  ...['Message', 'Remedy', 'Kinh độ / Longitude', 'Vĩ độ / Latitude'],
];
const LEVELS: Readonly<Record<Level, string>> = {
  error: 'Lỗi / Error',
  warning: 'Cảnh báo / Warning',
  info: 'Thông tin / Information',
};

/** CSV that spreadsheets open: UTF-8 with its mark, and no text that runs as a formula (OWASP, “CSV Injection”). */
export function csvReport({ messages = [] }: Pick<Report, 'messages'>): string {
  const lines = [HEADS, ...messages.map(cellsOf)].map((cells) => cells.map(cell).join(','));
  return `\uFEFF${lines.join('\r\n')}\r\n`;
}

function cellsOf({ level, code, row, column, value, vi, en, remedy, place }: ReportMessage): unknown[] {
  return [LEVELS[level], code, row, column, value, vi, remedy?.vi, en, remedy?.en, place?.[0], place?.[1]];
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
