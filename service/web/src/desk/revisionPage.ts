/** `<bandoso-revisions register="…">`: what was published of a register, latest first, each to be undone. */
import { html, nothing, type TemplateResult } from 'lit';
import { undoneWords } from './undoButton';
import { reason } from '../core/element';
import { base, say } from '../core/page';
import { SignedInElement } from './signedIn';
import { scrollingTable } from './tables';
import type { Revision, RevisionList, Rollback } from './types';
import { count, d, moment } from './words';

export class RevisionPage extends SignedInElement {
  static override properties = {
    ...SignedInElement.properties,
    register: { type: String },
    revisions: { state: true },
    older: { state: true },
    news: { state: true },
    trouble: { state: true },
  };

  declare register: string;
  declare revisions: readonly Revision[] | null;
  /** Address of the revisions before those shown; empty when there are none. */
  declare older: string;
  /** What was undone; it is told by going there. */
  declare news: string;
  declare trouble: string;

  constructor() {
    super();
    this.register = '';
    this.revisions = null;
    this.older = '';
    this.news = '';
    this.trouble = '';
  }

  protected override async begin(): Promise<void> {
    await this.refresh();
  }

  protected override body(): TemplateResult {
    const title = say(this.registers.find(({ id }) => id === this.register)?.title) || this.register;
    return html`<h2>${title}</h2>
      <p role="status">${this.trouble || nothing}</p>
      <p class="news" tabindex="-1">${this.news || nothing}</p>
      ${this.revisions === null ? nothing : this.table(this.revisions, title)}`;
  }

  private table(revisions: readonly Revision[], title: string): TemplateResult {
    if (revisions.length === 0) return html`<p>${d('revisions.none')}</p>`;
    const heads = (['number', 'time', 'author', 'note', 'counts'] as const).map((head) =>
      d(`revisions.${head}`),
    );
    return html`<div @undone=${({ detail }: CustomEvent<Rollback>) => void this.tell(detail)}>
      ${scrollingTable(
        title,
        heads,
        revisions.map((revision) => this.row(revision)),
      )}
      ${
        this.older
          ? html`<p class="actions">
              <button type="button" @click=${() => void this.add(() => this.api.follow<RevisionList>(this.older))}>
                ${d('revisions.older')}
              </button>
            </p>`
          : nothing
      }
    </div>`;
  }

  private row({ number, published_at: at, author, note, undone_by: by, ...counts }: Revision): TemplateResult {
    const { added, changed, removed } = counts;
    return html`<tr>
      <th scope="row"><a href=${this.pageOf(number)}>${count(number)}</a></th>
      <td>${moment(at)}</td>
      <td>${author ?? ''}</td>
      <td>${note ?? ''}</td>
      <td>
        ${d('revisions.sum', { added, changed, removed })}
        ${
          by
            ? html`<p>${d('state.undone', { by: count(by) })}</p>`
            : html`<bandoso-undo .api=${this.api} .register=${this.register} .revision=${number}></bandoso-undo>`
        }
      </td>
    </tr>`;
  }

  /** What a revision changed, record by record. */
  private pageOf(number: number): string {
    return `${base}/collections/${encodeURIComponent(this.register)}/revisions/${number}`;
  }

  private async tell(done: Rollback): Promise<void> {
    await this.refresh();
    this.news = undoneWords(done);
    await this.updateComplete;
    this.querySelector<HTMLElement>('.news')?.focus();
  }

  private async refresh(): Promise<void> {
    this.revisions = null;
    await this.add(() => this.api.revisions(this.register));
  }

  private async add(ask: () => Promise<RevisionList>): Promise<void> {
    this.trouble = '';
    try {
      const { revisions, links = [] } = await ask();
      this.revisions = [...(this.revisions ?? []), ...revisions];
      this.older = links.find(({ rel }) => rel === 'next')?.href ?? '';
    } catch (error) {
      if (!this.hasEnded(error)) this.trouble = d('revisions.failed', { why: reason(error) });
    }
  }
}

customElements.define('bandoso-revisions', RevisionPage);
