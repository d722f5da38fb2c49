/** `<bandoso-confirm>`: asks before something that cannot be taken back lightly. */
import { html, nothing, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import { d } from './words';

export interface Question {
  title: string;
  body: TemplateResult | string;
  /** What the button that goes on says; without it there is nothing to go on with. */
  action?: string;
}

export class ConfirmDialog extends PageElement {
  static override properties = { question: { state: true } };

  declare question: Question | null;
  private answer: ((yes: boolean) => void) | undefined;

  constructor() {
    super();
    this.question = null;
  }

  /** Shows a question and waits for the answer; the focus returns to where it was. */
  async ask(question: Question): Promise<boolean> {
    const before = document.activeElement;
    this.question = question;
    await this.updateComplete;
    const dialog = this.querySelector('dialog');
    dialog?.showModal();
    const yes = await new Promise<boolean>((resolve) => (this.answer = resolve));
    dialog?.close();
    this.question = null;
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    return yes;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { question } = this;
    if (!question) return nothing;
    return html`<dialog class="confirm" aria-labelledby="confirm-title" @cancel=${(event: Event) => this.close(event)}>
      <h2 id="confirm-title">${question.title}</h2>
      <div>${question.body}</div>
      <p class="actions">
        <button type="button" @click=${() => this.answer?.(false)}>${d('confirm.no')}</button>
        ${
          question.action
            ? html`<button type="button" class="primary" @click=${() => this.answer?.(true)}>
                ${question.action}
              </button>`
            : nothing
        }
      </p>
    </dialog>`;
  }

  private close(event: Event): void {
    event.preventDefault();
    this.answer?.(false);
  }
}

customElements.define('bandoso-confirm', ConfirmDialog);
