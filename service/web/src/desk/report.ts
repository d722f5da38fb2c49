/** The validation report as a table. */
import { html, type TemplateResult } from 'lit';
import { say, t } from '../core/page';
import type { UploadMessage } from '../core/types';
import type { TextKey } from '../core/i18n';

const LEVELS: Record<string, TextKey> = { error: 'level.error', warning: 'level.warning', info: 'level.info' };

export function reportTable(messages: readonly UploadMessage[]): TemplateResult {
  if (messages.length === 0) return html`<p>${t('report.none')}</p>`;
  const heads = ['report.level', 'report.row', 'report.column', 'report.value', 'report.message'] as const;
  return html`<table class="report">
    <caption>
      ${t('report.title')}
    </caption>
    <thead>
      <tr>
        ${heads.map((key) => html`<th scope="col">${t(key)}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${messages.map(row)}
    </tbody>
  </table>`;
}

function row(message: UploadMessage): TemplateResult {
  const level = LEVELS[message.level];
  return html`<tr>
    <td class="level level-${message.level}">${level ? t(level) : message.level}</td>
    <td>${message.row ?? ''}</td>
    <td>${message.column ?? ''}</td>
    <td class="raw">${valueText(message.value)}</td>
    <td>${say(message) || message.code} <small>(${message.code})</small> ${remedyOf(message)}</td>
  </tr>`;
}

function remedyOf({ remedy }: UploadMessage): TemplateResult | string {
  const words = remedy ? say(remedy) : '';
  return words ? html`<p class="remedy">${words}</p>` : '';
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
