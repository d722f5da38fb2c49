/** What every page of the desk begins with: who is it? The login form where nobody is signed in. */
import { html, nothing, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import './loginForm';
import { ApiError, PublicApi } from '../core/api';
import { PageElement, reason } from '../core/element';
import { base, lang, t } from '../core/page';
import type { Account, Register } from '../core/types';
import { DeskApi } from './deskApi';
import { d } from './words';

/** Officers of a province have more communes than anybody wants to read on each page. */
const COMMUNES_SHOWN = 10;

export abstract class SignedInElement extends PageElement {
  static override properties = {
    account: { state: true },
    checking: { state: true },
    former: { state: true },
    message: { state: true },
    registers: { state: true },
  };

  declare account: Account | null;
  declare checking: boolean;
  /** Whose session ended on this page. */
  declare former: Account | null;
  declare message: string;
  declare registers: Register[];

  private readonly messages = { offline: t('net.offline'), refused: t('net.refused') };
  protected readonly api = new DeskApi(base, lang, this.messages);
  private readonly open = new PublicApi(base, lang, this.messages);

  /** Who was signed in on this page last: another officer gets a new page, with nothing of the first on it. */
  private last = '';

  constructor() {
    super();
    this.account = null;
    this.former = null;
    this.checking = true;
    this.message = '';
    this.registers = [];
  }

  protected override firstUpdated(): void {
    void this.enter();
  }

  protected override render(): TemplateResult {
    return html`<div @logged-in=${() => void this.welcome()} @session-ended=${() => this.leave(d('desk.expired'))}>
      <p role="status">${this.message || nothing}</p>
      ${this.checking ? html`<p>${d('desk.checking')}</p>` : this.content()}
    </div>`;
  }

  /** What an officer sees. */
  protected abstract body(account: Account): TemplateResult;

  /** Called once somebody is known to be signed in. */
  protected abstract begin(): Promise<void>;

  /** True when an error says that the session is over, which is then told. */
  protected hasEnded(error: unknown): boolean {
    const ended = error instanceof ApiError && error.status === 401;
    if (ended) this.leave(d('desk.expired'));
    return ended;
  }

  /** Asks to sign in again. What was chosen and written is kept for the same officer, out of sight. */
  protected leave(message: string): void {
    if (!this.account) return;
    this.former = this.account;
    this.account = null;
    this.message = message;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('#login-name')?.focus());
  }

  private content(): TemplateResult {
    const { account } = this;
    const whose = account ?? this.former;
    return html`${account ? this.who(account) : html`<bandoso-login .api=${this.api}></bandoso-login>`}
      ${whose ? keyed(whose.username, html`<div ?hidden=${!account}>${this.body(whose)}</div>`) : nothing}`;
  }

  private who(account: Account): TemplateResult {
    return html`<div class="who" tabindex="-1">
      <div>${d('desk.hello', { name: account.display_name || account.username })} ${area(account)}</div>
      <button type="button" class="link" @click=${() => void this.logout()}>${d('desk.logout')}</button>
    </div>`;
  }

  /** The form that had the focus is gone: it goes to what took its place. */
  private async welcome(): Promise<void> {
    await this.enter();
    await this.updateComplete;
    this.querySelector<HTMLElement>('.who')?.focus();
  }

  private async enter(): Promise<void> {
    this.message = '';
    try {
      this.account = await this.api.me();
      if (this.account) {
        this.former = null;
        if (this.last !== '' && this.last !== this.account.username) return location.reload();
        this.last = this.account.username;
        this.registers = (await this.open.registers()).registers;
        await this.begin();
      }
    } catch (error) {
      this.message = d('desk.failed', { why: reason(error) });
    }
    this.checking = false;
  }

  private async logout(): Promise<void> {
    try {
      await this.api.logout();
      this.leave('');
      this.former = null;
    } catch (error) {
      this.message = reason(error);
    }
  }
}

/** The communes of an account; many are folded. */
export function area({ communes }: Pick<Account, 'communes'>): TemplateResult | typeof nothing {
  if (communes.length === 0) return nothing;
  const names = communes.map(({ name }) => name).join(', ');
  if (communes.length <= COMMUNES_SHOWN) return html`<span class="where">${d('desk.communes', { names })}</span>`;
  return html`<details class="where">
    <summary>${d('desk.communesMany', { n: communes.length })}</summary>
    ${names}
  </details>`;
}
