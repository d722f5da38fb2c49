/** What our components share: they live in the page's own document, so its styles and labels reach them. */
import { LitElement } from 'lit';

export class PageElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    this.replaceChildren();
    return this;
  }

  /** Tells whoever holds this component that something happened. */
  protected emit<T>(name: string, detail: T): void {
    this.dispatchEvent(new CustomEvent<T>(name, { detail, bubbles: true }));
  }
}

/** A sentence for people about why something failed. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
