/** `<bandoso-changes>`: what publishing would change, or has changed, in numbers, field by field and on the map. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import './deskMap';
import { PageElement, reason } from '../core/element';
import { formatValue } from '../core/values';
import { lang, say, t } from '../core/page';
import type { Register } from '../core/types';
import type { DeskApi } from './deskApi';
import type { Drawn } from './deskMap';
import { SIGNS, picture } from './symbols';
import { scrollingTable, valueText } from './tables';
import { CHANGE_KINDS, type Change, type ChangeKind, type ChangedField, type DiffSummary } from './types';
import { changesTitle, count, d, distance, percent } from './words';

/** A warning when communes would lose many of their records; null when none does. */
export function lossWarning({ vanishing = {} }: DiffSummary): TemplateResult | null {
  const losses = Object.entries(vanishing).map(([code, share]) =>
    d('changes.vanishing', { code, share: percent(share) }),
  );
  return losses.length > 0
    ? html`<p class="notice">${d('changes.manyRemoved', { communes: losses.join('; ') })}</p>`
    : null;
}

export class ChangeSection extends PageElement {
  static override properties = {
    api: { attribute: false },
    upload: { attribute: false },
    diff: { attribute: false },
    register: { attribute: false },
    listed: { type: Boolean },
    published: { type: Boolean },
    kind: { state: true },
    rows: { state: true },
    pages: { state: true },
    next: { state: true },
    places: { state: true },
    trouble: { state: true },
  };

  declare api: DeskApi;
  /** Id of the upload. */
  declare upload: string;
  declare diff: DiffSummary;
  declare register: Register | undefined;
  /** Whether the changes can still be listed one by one: once they are published, the history has them. */
  declare listed: boolean;
  /** Whether they are in the register now: they are told of as done, and warned of no more. */
  declare published: boolean;
  declare kind: ChangeKind;
  declare rows: readonly Change[] | null;
  /** Where this page and those before it begin. */
  declare pages: readonly (string | null)[];
  declare next: string | null;
  declare places: GeoJSON.FeatureCollection | null;
  declare trouble: string;

  constructor() {
    super();
    this.register = undefined;
    this.listed = false;
    this.published = false;
    this.kind = 'changed';
    this.rows = null;
    this.pages = [null];
    this.next = null;
    this.places = null;
    this.trouble = '';
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.listed || !changed.has('diff') || changed.get('diff')?.etag === this.diff.etag) return;
    this.kind = CHANGE_KINDS.find((kind) => kind !== 'added' && this.diff[kind] > 0) ?? 'added';
    void this.loadPlaces();
    void this.turnTo([null]);
  }

  protected override render(): TemplateResult {
    const { added, changed, removed } = this.diff;
    return html`<section class="card" id="section-changes" aria-labelledby="heading-changes">
      <h2 id="heading-changes" tabindex="-1">${d(changesTitle(this.published))}</h2>
      ${this.numbers()} ${this.warning()}
      <p role="alert" class="error">${this.trouble}</p>
      ${added + changed + removed === 0 ? html`<p class="all-fine">${d('changes.none')}</p>` : this.listed ? this.details() : nothing}
    </section>`;
  }

  private numbers(): TemplateResult {
    const { added, changed, moved, removed, unchanged } = this.diff;
    const numbers = { added, changed, moved, removed, unchanged };
    return html`<ul class="numbers">
      ${Object.entries(numbers).map(([name, n]) => {
        const key = name as keyof typeof numbers;
        const sign = key === 'added' || key === 'changed' || key === 'removed' ? picture(SIGNS[key]) : nothing;
        return html`<li class="number-${key}"><b>${count(n)}</b> <span>${sign} ${d(`changes.${key}`)}</span></li>`;
      })}
    </ul>`;
  }

  private warning(): TemplateResult | typeof nothing {
    if (this.published) return nothing;
    if (this.diff.needs_approval) return html`<p class="notice strong">${d('changes.needsApproval')}</p>`;
    return lossWarning(this.diff) ?? nothing;
  }

  private details(): TemplateResult {
    return html`${this.map()}
      <div class="filters" role="group" aria-label=${d('changes.filter')}>
        ${CHANGE_KINDS.filter((kind) => this.diff[kind] > 0).map(
          (kind) =>
            html`<button type="button" aria-pressed=${this.kind === kind} @click=${() => this.show(kind)}>
              ${picture(SIGNS[kind])} ${d(`changes.${kind}`)} <b>${count(this.diff[kind])}</b>
            </button>`,
        )}
      </div>
      ${this.table()} ${this.pager()}`;
  }

  private map(): TemplateResult | typeof nothing {
    if (!this.places || this.places.features.length === 0) return nothing;
    const { features } = this.places;
    const drawn = (kind: ChangeKind | 'before'): Drawn => {
      const found = features.filter(({ properties }) => properties?.['kind'] === kind);
      return { id: kind, title: d(`changes.${kind}`), sign: SIGNS[kind], features: found, fits: true };
    };
    const groups = [...CHANGE_KINDS.map(drawn), drawn('before')].filter((group) => group.features.length > 0);
    return html`<bandoso-desk-map .groups=${groups} .label=${d('changes.map')}></bandoso-desk-map>`;
  }

  private table(): TemplateResult {
    if (this.rows === null) return html`<p>${d('changes.loading')}</p>`;
    const heads = [
      d('changes.row'),
      d('changes.record'),
      d(this.kind === 'changed' ? 'changes.what' : 'changes.values'),
    ];
    return scrollingTable(
      d(`changes.${this.kind}`),
      heads,
      this.rows.map((change) => this.row(change)),
    );
  }

  private row({ row, label, id, moved_m: moved, fields = [] }: Change): TemplateResult {
    return html`<tr>
      <td>${typeof row === 'number' ? count(row) : '–'}</td>
      <th scope="row">${label || id || d('changes.noLabel')}</th>
      <td>
        ${typeof moved === 'number' && moved > 0 ? html`<p class="moved">${d('changes.movedBy', { distance: distance(moved) })}</p>` : nothing}
        ${
          fields.length > 0
            ? html`<ul class=${this.kind === 'changed' ? 'field-changes' : 'field-changes plain'}>
                ${fields.map((field) => this.field(field))}
              </ul>`
            : nothing
        }
      </td>
    </tr>`;
  }

  private field(field: ChangedField): TemplateResult {
    const title = say(field.title) || field.field;
    const [before, after] = [this.text(field, field.before), this.text(field, field.after)];
    if (this.kind === 'added') return html`<li><span class="field-name">${title}:</span> ${after}</li>`;
    if (this.kind === 'removed') return html`<li><span class="field-name">${title}:</span> ${before}</li>`;
    const was = html`<span class="visually-hidden">${d('changes.was')}</span>`;
    return html`<li>
      <span class="field-name">${title}:</span>
      ${before ? html`<del>${was} ${before}</del>` : html`<span>${was} ${d('changes.empty')}</span>`}
      <span aria-hidden="true">→</span>
      <ins><span class="visually-hidden">${d('changes.becomes')}</span> ${after || d('changes.empty')}</ins>
    </li>`;
  }

  private text({ field }: ChangedField, value: unknown): string {
    const known = this.register?.fields.find(({ name }) => name === field);
    return known && this.register ? formatValue(value, known, this.register, lang, t) : valueText(value);
  }

  private pager(): TemplateResult | typeof nothing {
    if (this.pages.length === 1 && this.next === null) return nothing;
    const { next } = this;
    return html`<nav class="pager" aria-label=${d('changes.pages')}>
      <button
        type="button"
        ?disabled=${this.pages.length === 1}
        @click=${() => void this.turnTo(this.pages.slice(0, -1))}
      >
        ${d('changes.previous')}
      </button>
      <span role="status">${d('changes.page', { n: this.pages.length })}</span>
      <button type="button" ?disabled=${next === null} @click=${() => void this.turnTo([...this.pages, next])}>
        ${d('changes.next')}
      </button>
    </nav>`;
  }

  private show(kind: ChangeKind): void {
    this.kind = kind;
    void this.turnTo([null]);
  }

  private async turnTo(pages: readonly (string | null)[]): Promise<void> {
    const { kind } = this;
    this.rows = null;
    try {
      const page = await this.api.changes(this.upload, kind, pages.at(-1) ?? null);
      if (kind !== this.kind) return;
      this.rows = page.rows;
      this.pages = pages;
      this.next = page.next === null || page.next === undefined ? null : String(page.next);
      this.trouble = '';
    } catch (error) {
      this.rows = [];
      this.trouble = d('changes.failed', { why: reason(error) });
    }
  }

  private async loadPlaces(): Promise<void> {
    const { etag } = this.diff;
    try {
      const places = await this.api.changedPlaces(this.upload);
      if (etag === this.diff.etag) this.places = places;
    } catch {
      // The table says the same; a page without the map is still whole.
      this.places = null;
    }
  }
}

customElements.define('bandoso-changes', ChangeSection);
