/** Builds the code that shows the map in another website. */
import { html, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import { iframeCode, tagCode, type EmbedChoice } from '../core/embedCode';
import { base, lang, say, siteName, t } from '../core/page';
import type { Lang, Register } from '../core/types';

const LANGUAGES: Record<Lang, string> = { vi: 'Tiếng Việt', en: 'English' };
const MIN_HEIGHT = 240;

export class EmbedDialog extends PageElement {
  static override properties = {
    registers: { attribute: false },
    choice: { state: true },
    keepView: { state: true },
    message: { state: true },
  };

  declare registers: Register[];
  declare choice: EmbedChoice;
  declare keepView: boolean;
  declare message: string;

  constructor() {
    super();
    this.registers = [];
    this.keepView = false;
    this.message = '';
    const site = location.origin + base;
    this.choice = { site, title: siteName, lang, layers: [], commune: '', view: '', height: 480 };
  }

  /** Opens the dialog with the layers that are on. */
  open(shown: ReadonlySet<string>): void {
    this.message = '';
    this.change({ layers: [...shown], view: currentView() });
    this.querySelector('dialog')?.showModal();
  }

  protected override render(): TemplateResult {
    const choice = this.keepView ? this.choice : { ...this.choice, view: '' };
    return html`<dialog class="embed-dialog" aria-labelledby="embed-title">
      <h2 id="embed-title">${t('embed.title')}</h2>
      <p>${t('embed.intro')}</p>
      ${this.choices()} ${this.code('embed-iframe', t('embed.iframe'), iframeCode(choice))}
      ${this.code('embed-tag', t('embed.tag'), tagCode(choice))}
      <p role="status">${this.message}</p>
      <form method="dialog"><button>${t('panel.close')}</button></form>
    </dialog>`;
  }

  private choices(): TemplateResult {
    const { choice } = this;
    return html`<div class="form-grid">
      <label for="embed-heading">${t('embed.heading')}</label>
      <input id="embed-heading" .value=${choice.title} @input=${(e: Event) => this.change({ title: textOf(e) })} />
      <label for="embed-commune">${t('embed.commune')}</label>
      <input
        id="embed-commune"
        maxlength="20"
        .value=${choice.commune}
        @input=${(e: Event) => this.change({ commune: textOf(e).trim() })}
      />
      <label for="embed-language">${t('embed.language')}</label>
      <select id="embed-language" @change=${(e: Event) => this.change({ lang: textOf(e) as Lang })}>
        ${Object.entries(LANGUAGES).map(
          ([code, name]) => html`<option value=${code} ?selected=${code === choice.lang}>${name}</option>`,
        )}
      </select>
      <label for="embed-height">${t('embed.height')}</label>
      <input
        id="embed-height"
        type="number"
        min=${MIN_HEIGHT}
        step="20"
        .value=${String(choice.height)}
        @change=${(e: Event) => this.change({ height: Math.max(Number(textOf(e)) || MIN_HEIGHT, MIN_HEIGHT) })}
      />
      <fieldset>
        <legend>${t('embed.layers')}</legend>
        ${this.registers.map((register) => this.layer(register))}
      </fieldset>
      <label class="check">
        <input type="checkbox" .checked=${this.keepView} @change=${(e: Event) => (this.keepView = checked(e))} />
        ${t('embed.view')}
      </label>
    </div>`;
  }

  private layer({ id, title }: Register): TemplateResult {
    const toggle = (event: Event) => {
      const layers = this.choice.layers.filter((other) => other !== id);
      this.change({ layers: checked(event) ? [...layers, id] : layers });
    };
    return html`<label class="check">
      <input type="checkbox" .checked=${this.choice.layers.includes(id)} @change=${toggle} /> ${say(title)}
    </label>`;
  }

  private code(id: string, name: string, code: string): TemplateResult {
    return html`<label for=${id}>${name}</label>
      <textarea id=${id} readonly rows="4" spellcheck="false" .value=${code}></textarea>
      <button type="button" aria-describedby=${id} @click=${() => void this.copy(id)}>${t('embed.copy')}</button>`;
  }

  private change(part: Partial<EmbedChoice>): void {
    this.choice = { ...this.choice, ...part };
  }

  private async copy(id: string): Promise<void> {
    const area = this.querySelector<HTMLTextAreaElement>(`#${id}`);
    if (!area) return;
    area.select();
    try {
      await navigator.clipboard.writeText(area.value);
      this.message = t('embed.copied');
    } catch {
      this.message = t('embed.copyFailed');
    }
  }
}

function currentView(): string {
  return (
    location.hash
      .slice(1)
      .split('&')
      .find((part) => part.startsWith('map=')) ?? ''
  );
}

function textOf(event: Event): string {
  return (event.target as HTMLInputElement | HTMLSelectElement).value;
}

function checked(event: Event): boolean {
  return (event.target as HTMLInputElement).checked;
}

customElements.define('bandoso-embed-dialog', EmbedDialog);
