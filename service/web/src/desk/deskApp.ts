/** The officer's desk: log in, send files, read reports. */
import { html, nothing, type TemplateResult } from 'lit';
import './loginForm';
import './uploadForm';
import './uploadList';
import { PublicApi } from '../core/api';
import { PageElement, reason } from '../core/element';
import { base, lang, t } from '../core/page';
import type { Account, Register } from '../core/types';
import { DeskApi } from './deskApi';
import type { UploadList } from './uploadList';

export class DeskApp extends PageElement {
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
  private readonly desk = new DeskApi(base, lang, this.messages);
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
    return html`<div @logged-in=${() => void this.welcome()} @session-ended=${() => this.leave(t('desk.expired'))}>
      <p role="status">${this.checking ? t('desk.checking') : this.message}</p>
      ${this.checking ? nothing : this.body()}
    </div>`;
  }

  private body(): TemplateResult {
    const { account } = this;
    if (!account) return html`<bandoso-login .api=${this.desk}></bandoso-login>`;
    return html`<div class="who" tabindex="-1">
        <p>${t('desk.hello', { name: account.display_name || account.username })}</p>
        ${
          account.communes.length > 0
            ? html`<p>${t('desk.communes', { names: account.communes.map(({ name }) => name).join(', ') })}</p>`
            : nothing
        }
        <button type="button" @click=${() => void this.logout()}>${t('desk.logout')}</button>
      </div>
      <bandoso-upload
        .api=${this.desk}
        .registers=${this.registers.filter(({ id }) => account.registers.includes(id))}
        .account=${account}
        @file-sent=${() => void this.querySelector<UploadList>('bandoso-uploads')?.refresh()}
      ></bandoso-upload>
      <bandoso-uploads .api=${this.desk} .registers=${this.registers}></bandoso-uploads>`;
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
      this.account = await this.desk.me();
      if (this.account) this.registers = (await this.open.registers()).registers;
    } catch (error) {
      this.message = t('desk.failed', { why: reason(error) });
    }
    this.checking = false;
  }

  private async logout(): Promise<void> {
    try {
      await this.desk.logout();
      this.leave('');
    } catch (error) {
      this.message = reason(error);
    }
  }

  private leave(message: string): void {
    this.account = null;
    this.message = message;
  }
}

customElements.define('bandoso-desk', DeskApp);
