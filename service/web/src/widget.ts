/**
 * `<ban-do-so commune="…" layers="a,b" lang="vi" title="…" view="map=12/16/108" height="480">`:
 * shows the map of the service this script came from. The map lives in an iframe, so neither page can touch the other.
 */
const HERE = import.meta.url;
const TAG = 'ban-do-so';
const PASSED_ON = ['commune', 'layers', 'lang', 'title'];
const DEFAULT_HEIGHT = 480;
const TITLES: Record<string, string> = { vi: 'Bản đồ số', en: 'Digital map' };

class BanDoSo extends HTMLElement {
  static readonly observedAttributes = [...PASSED_ON, 'view', 'height'];

  private frame: HTMLIFrameElement | undefined;

  connectedCallback(): void {
    if (!this.frame) {
      this.frame = document.createElement('iframe');
      this.frame.setAttribute('sandbox', 'allow-scripts allow-popups allow-popups-to-escape-sandbox');
      this.frame.referrerPolicy = 'strict-origin-when-cross-origin';
      this.frame.loading = 'lazy';
      this.frame.allowFullscreen = true;
      this.frame.style.cssText = 'display:block;width:100%;border:0';
      this.style.display = 'block';
      this.append(this.frame);
    }
    this.refresh();
  }

  attributeChangedCallback(): void {
    this.refresh();
  }

  private refresh(): void {
    if (!this.frame) return;
    const height = Number.parseInt(this.getAttribute('height') ?? '', 10);
    this.frame.style.height = `${height > 0 ? height : DEFAULT_HEIGHT}px`;
    this.frame.title = this.getAttribute('title') ?? TITLES[this.lang] ?? 'Bản đồ số';
    const source = this.source();
    if (this.frame.src !== source) this.frame.src = source;
  }

  private source(): string {
    const url = new URL('embed', HERE);
    for (const name of PASSED_ON) {
      const value = this.getAttribute(name);
      if (value) url.searchParams.set(name, value);
    }
    url.hash = this.getAttribute('view') ?? '';
    return url.href;
  }
}

if (!customElements.get(TAG)) customElements.define(TAG, BanDoSo);
