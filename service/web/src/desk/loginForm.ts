/** Name and password. */
import { html, type TemplateResult } from 'lit';
import { PageElement, reason } from '../core/element';
import { d } from './words';
import type { DeskApi } from './deskApi';

export class LoginForm extends PageElement {
  static override properties = { api: { attribute: false }, busy: { state: true }, error: { state: true } };

  declare api: DeskApi;
  declare busy: boolean;
  declare error: string;

  constructor() {
    super();
    this.busy = false;
    this.error = '';
  }

  protected override render(): TemplateResult {
    return html`<form class="stack" @submit=${(event: Event) => void this.submit(event)}>
      <h2>${d('desk.login')}</h2>
      <label for="login-name">${d('desk.username')}</label>
      <input id="login-name" name="username" autocomplete="username" autocapitalize="off" required />
      <label for="login-password">${d('desk.password')}</label>
      <input id="login-password" name="password" type="password" autocomplete="current-password" required />
      <p role="alert" class="error">${this.error}</p>
      <button class="primary" ?disabled=${this.busy}>${d(this.busy ? 'desk.loggingIn' : 'desk.login')}</button>
    </form>`;
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    this.busy = true;
    this.error = '';
    try {
      await this.api.login(String(values.get('username')), String(values.get('password')));
      this.emit('logged-in', null);
    } catch (error) {
      this.error = d('desk.loginFailed', { why: reason(error) });
      await this.updateComplete;
      form.querySelector<HTMLInputElement>('#login-password')?.focus();
    } finally {
      this.busy = false;
    }
  }
}

customElements.define('bandoso-login', LoginForm);
