/** `<bandoso-problems>`: what is wrong with the file, grouped, on a map, to take away, and what can be repaired. */
import { html, nothing, type TemplateResult } from 'lit';
import './deskMap';
import { PageElement } from '../core/element';
import { say } from '../core/page';
import type { DeskMap, Drawn, MapPick } from './deskMap';
import { groupsOf, levelCounts, placesOf, remediesOf, titleOf, type ProblemGroup } from './problemGroups';
import { SIGNS, picture } from './symbols';
import { scrollingTable, valueText } from './tables';
import { LEVELS, type Choices, type ColumnField, type Level, type Place, type Repair, type Report, type ReportMessage } from './types';
import { count, d } from './words';

const ROWS_SHOWN = 5;
const MORE_ROWS = 50;

/** A file that can be taken away: its address and what it is. */
export interface TakeAway {
  href: string;
  text: string;
  /** What the file is called where its address does not say. */
  name?: string;
}

export class ProblemSection extends PageElement {
  static override properties = {
    report: { attribute: false },
    fields: { attribute: false },
    downloads: { attribute: false },
    draft: { attribute: false },
    editable: { type: Boolean },
    level: { state: true },
    long: { state: true },
  };

  declare report: Report;
  /** Fields of the register: a message may be about one that no column is for. */
  declare fields: readonly ColumnField[];
  declare downloads: readonly TakeAway[];
  declare draft: Choices;
  declare editable: boolean;
  /** The level that is shown; null shows all. */
  declare level: Level | null;
  /** Codes whose rows are shown at length. */
  declare long: ReadonlySet<string>;

  constructor() {
    super();
    this.fields = [];
    this.downloads = [];
    this.draft = {};
    this.editable = false;
    this.level = null;
    this.long = new Set();
  }

  protected override render(): TemplateResult {
    const groups = groupsOf(this.report);
    return html`<section class="card" id="section-problems" aria-labelledby="heading-problems">
      <h2 id="heading-problems" tabindex="-1">${d('section.problems')}</h2>
      ${this.rowsSentence()} ${this.repairs()}
      ${groups.length === 0 ? html`<p class="all-fine">${d('problems.none')}</p>` : this.found(groups)}
      ${this.takeAways()}
    </section>`;
  }

  private rowsSentence(): TemplateResult | typeof nothing {
    const { rows } = this.report;
    if (!rows) return nothing;
    if (rows.read === 0 && this.report.outcome !== 'ok') return html`<p>${d('problems.unread')}</p>`;
    const { read, valid, rejected, repaired = 0 } = rows;
    return html`<p>
      ${d('problems.rows', { read, valid, rejected })} ${repaired > 0 ? d('problems.repaired', { repaired }) : nothing}
    </p>`;
  }

  private found(groups: ProblemGroup[]): TemplateResult {
    const counts = levelCounts(groups);
    const shown = groups.filter(({ level }) => this.level === null || level === this.level);
    return html`<div class="filters" role="group" aria-label=${d('problems.filter')}>
        ${this.filter(null, counts.error + counts.warning + counts.info)}
        ${LEVELS.filter((level) => counts[level] > 0).map((level) => this.filter(level, counts[level]))}
      </div>
      ${this.map()}
      <ul class="problems">
        ${shown.map((group) => this.group(group))}
      </ul>`;
  }

  private filter(level: Level | null, n: number): TemplateResult {
    return html`<button type="button" aria-pressed=${this.level === level} @click=${() => (this.level = level)}>
      ${level ? picture(SIGNS[level]) : nothing} ${d(level ? `level.${level}` : 'level.all')} <b>${count(n)}</b>
    </button>`;
  }

  private group(group: ProblemGroup): TemplateResult {
    const { code, level, total } = group;
    return html`<li class="problem problem-${level}">
      <h3>${picture(SIGNS[level])} <span class="visually-hidden">${d(`level.${level}`)}:</span> ${titleOf(group)}</h3>
      <p class="hint">${total > 1 ? d('problems.more', { n: total - 1 }) : nothing} <code>${code}</code></p>
      ${remediesOf(group).map((remedy) => html`<p class="remedy"><b>${d('problems.remedy')}</b> ${remedy}</p>`)}
      ${this.rows(group)}
    </li>`;
  }

  private rows({ code, messages, total, level }: ProblemGroup): TemplateResult | typeof nothing {
    const inRows = messages.filter(({ row }) => typeof row === 'number');
    if (inRows.length === 0) return nothing;
    const shown = inRows.slice(0, this.long.has(code) ? MORE_ROWS : ROWS_SHOWN);
    const heads = [d('problems.row'), d('problems.column'), d('problems.value'), d('problems.message')];
    const title = d('problems.rowsOf', { code });
    return html`<details ?open=${level === 'error'}>
      <summary>
        ${shown.length < total ? d('problems.showRows', { n: shown.length, total }) : d('problems.showAll', { n: total })}
      </summary>
      ${scrollingTable(
        title,
        heads,
        shown.map((message) => this.row(message)),
      )}
      ${
        inRows.length > shown.length && !this.long.has(code)
          ? html`<button type="button" class="link" @click=${() => (this.long = new Set([...this.long, code]))}>
              ${d('problems.showMore')}
            </button>`
          : nothing
      }
    </details>`;
  }

  private row(message: ReportMessage): TemplateResult {
    const { place, row, column, value } = message;
    return html`<tr data-at=${`${message.code} ${row}`}>
      <th scope="row">
        ${count(row ?? 0)}
        ${
          place
            ? html`<button type="button" class="link to-map" @click=${() => this.goTo(place)}>
                ${d('problems.toMap')}<span class="visually-hidden"> ${d('problems.row')} ${count(row ?? 0)}</span>
              </button>`
            : nothing
        }
      </th>
      <td>${this.columnName(column)}</td>
      <td class="raw">${valueText(value)}</td>
      <td>${say(message)}</td>
    </tr>`;
  }

  /** What a message calls a column: that of the file, or else the field's title. */
  private columnName(name: string | null | undefined): string {
    if (!name) return '';
    const { columns = [] } = this.report;
    if (columns.some((column) => column.name === name)) return name;
    const column = columns.find(({ field }) => field === name);
    return column?.name ?? (say(this.fields.find((field) => field.name === name)?.title) || name);
  }

  private map(): TemplateResult | typeof nothing {
    const groups = LEVELS.map((level) => this.drawn(level)).filter(({ features }) => features.length > 0);
    if (groups.length === 0) return nothing;
    return html`<bandoso-desk-map
      .groups=${groups}
      .label=${d('problems.map')}
      @map-pick=${({ detail }: CustomEvent<MapPick>) => this.showRow(detail)}
    ></bandoso-desk-map>`;
  }

  private drawn(level: Level): Drawn {
    const isShown = this.level === null || this.level === level;
    const features = isShown ? placesOf(this.report.messages ?? [], level) : [];
    return { id: level, title: d(`level.${level}`), sign: SIGNS[level], features, fits: true, total: features.length };
  }

  private goTo(place: Place): void {
    const map = this.querySelector<DeskMap>('bandoso-desk-map');
    map?.scrollIntoView({ block: 'nearest' });
    map?.goTo(place);
  }

  private showRow({ properties }: MapPick): void {
    const at = `${String(properties['code'])} ${String(properties['row'])}`;
    const row = [...this.querySelectorAll<HTMLElement>('tr[data-at]')].find(({ dataset }) => dataset['at'] === at);
    row?.closest('details')?.setAttribute('open', '');
    row?.scrollIntoView({ block: 'center' });
  }

  private repairs(): TemplateResult | typeof nothing {
    const repairs = this.report.repairs ?? [];
    if (repairs.length === 0) return nothing;
    return html`<fieldset class="repairs">
      <legend>${d('repairs.title')}</legend>
      ${this.editable ? html`<p class="hint">${d('repairs.hint')}</p>` : nothing}
      ${repairs.map((repair) => this.repair(repair, repairs))}
    </fieldset>`;
  }

  private repair({ code, count: n, ...texts }: Repair, all: readonly Repair[]): TemplateResult {
    const accepted = this.accepted(all);
    return html`<div class="option">
      <input
        type="checkbox"
        id="repair-${code}"
        .checked=${accepted.has(code)}
        ?disabled=${!this.editable}
        @change=${(event: Event) => this.accept(code, (event.target as HTMLInputElement).checked, accepted)}
      />
      <label for="repair-${code}"
        >${say(texts)} <small>${d('repairs.count', { n })} <code>${code}</code></small></label
      >
    </div>`;
  }

  private accepted(all: readonly Repair[]): Set<string> {
    return new Set(this.draft.accept ?? all.filter(({ accepted }) => accepted).map(({ code }) => code));
  }

  private accept(code: string, yes: boolean, accepted: Set<string>): void {
    if (yes) accepted.add(code);
    else accepted.delete(code);
    this.emit<Choices>('choose', { accept: [...accepted] });
  }

  private takeAways(): TemplateResult | typeof nothing {
    if (this.downloads.length === 0) return nothing;
    return html`<p class="downloads">
      ${d('downloads.title')} ${this.downloads.map(({ href, text, name = '' }) => html`<a href=${href} download=${name}>${text}</a> `)}
    </p>`;
  }
}

customElements.define('bandoso-problems', ProblemSection);
