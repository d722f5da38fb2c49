/** What every page of the desk begins with: who is it? The login form where nobody is signed in. */
import { html, nothing, type TemplateResult } from 'lit';
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
    message: { state: true },
    registers: { state: true },
  };

  declare account: Account | null;
  declare checking: boolean;
  declare message: string;
  declare registers: Register[];

  private readonly messages = { offline: t('net.offline'), refused: t('net.refused') };
  protected readonly api = new DeskApi(base, lang, this.messages);
  private readonly open = new PublicApi(base, lang, this.messages);

  constructor() {
    super();
    this.account = null;
    this.checking = true;
    this.message = '';
    this.registers = [];
  }

  protected override firstUpdated(): void {
    void this.enter();
  }

  protected override render(): TemplateResult {
    return html`<div @logged-in=${() => void this.welcome()} @session-ended=${() => this.leave(d('desk.expired'))}>
      <p role="status">${this.checking ? d('desk.checking') : this.message}</p>
      ${this.checking ? nothing : this.content()}
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

  protected leave(message: string): void {
    this.account = null;
    this.message = message;
  }

  private content(): TemplateResult {
    const { account } = this;
    if (!account) return html`<bandoso-login .api=${this.api}></bandoso-login>`;
    return html`<div class="who" tabindex="-1">
        <div>${d('desk.hello', { name: account.display_name || account.username })} ${area(account)}</div>
        <button type="button" class="link" @click=${() => void this.logout()}>${d('desk.logout')}</button>
      </div>
      ${this.body(account)}`;
  }

  /** The form that had the focus is gone: it goes to what took its place. */
  private async welcome(): Promise<void> {
    await this.enter();
    await this.updateComplete;
    this.querySelector<HTMLElement>('.who')?.focus();
  }

  private async enter(): Promise<void> {
    this.checking = true;
    this.message = '';
    try {
      this.account = await this.api.me();
      if (this.account) {
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
