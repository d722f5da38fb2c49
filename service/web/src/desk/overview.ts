/** The three answers of a report in one glance, each leading to its section. */
import { html, nothing, type TemplateResult } from 'lit';
import { crsName, isCrsDoubted } from './crsNames';
import { encodingsOf } from './fileSection';
import { rowsOf } from './layers';
import { groupsOf, levelCounts } from './problemGroups';
import type { DiffSummary, Report } from './types';
import { changesTitle, d } from './words';

export function overview(report: Report, diff: DiffSummary | null, isPublished = false): TemplateResult {
  return html`<nav class="overview" aria-label=${d('overview.label')}>
    <ul>
      ${card('file', d('section.file'), fileWords(report))}
      ${card('problems', d('section.problems'), problemWords(report))}
      ${diff ? card('changes', d(changesTitle(isPublished)), changeWords(diff)) : nothing}
    </ul>
  </nav>`;
}

/** Leads to what the service asks the officer to choose. */
export function choiceLink(report: Report | null | undefined): TemplateResult {
  const { layers = [], layer = null, crs } = report ?? {};
  const isLayer = layers.length > 1 && layer === null;
  const asked = isLayer ? 'choice.layer' : isCrsDoubted(crs) ? 'choice.crs' : 'choice.columns';
  return html`<p><a href="#section-file">${d(asked)}</a></p>`;
}

function card(section: string, title: string, words: string[]): TemplateResult {
  return html`<li>
    <a href="#section-${section}">${title}</a>
    ${words.map((line) => html` <span>${line}</span>`)}
  </li>`;
}

function fileWords(report: Report): string[] {
  const { crs } = report;
  const rows = rowsOf(report);
  return [
    [report.file?.format, rows === null ? '' : d('layers.rows', { n: rows })].filter(Boolean).join(', '),
    crs?.chosen || crs?.certain ? crsName(crs.chosen ?? '', crs.name) : crs ? d('crs.unknown') : '',
    encodingsOf(report),
  ].filter((line) => line !== '');
}

function problemWords(report: Report): string[] {
  const { error, warning } = levelCounts(groupsOf(report));
  const rejected = report.rows?.rejected ?? 0;
  if (error + warning === 0) return [d('problems.none')];
  const words = [
    error > 0 ? d('overview.errors', { n: error }) : '',
    warning > 0 ? d('overview.warnings', { n: warning }) : '',
  ];
  return [words.filter(Boolean).join(', '), rejected > 0 ? d('count.rejected', { n: rejected }) : ''].filter(Boolean);
}

function changeWords({ added, changed, removed, unchanged }: DiffSummary): string[] {
  return [d('revisions.sum', { added, changed, removed }), d('overview.unchanged', { n: unchanged })];
}
