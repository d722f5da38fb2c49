/** The news of changed tiles: one connection for all layers, while somebody looks at the map. */
import type { Changes } from '../core/tileMath';

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;

export interface NewsOptions {
  /** Where to listen now: the layers drawn and their versions; null for nowhere. */
  address: () => string | null;
  onChanges: (changes: Changes) => void;
  /** The map on the page. */
  element: Element;
}

export class TileNews {
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private onScreen = true;
  private screen: IntersectionObserver | undefined;

  constructor(private readonly options: NewsOptions) {}

  start(): void {
    document.addEventListener('visibilitychange', this.settle);
    if (typeof IntersectionObserver === 'function') {
      this.screen = new IntersectionObserver((entries) => {
        this.onScreen = entries.at(-1)?.isIntersecting ?? true;
        this.settle();
      });
      this.screen.observe(this.options.element);
    }
    this.settle();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.settle);
    this.screen?.disconnect();
    this.close();
  }

  /** Listens for other layers than before. */
  restart(): void {
    this.close();
    this.settle();
  }

  private readonly settle = (): void => {
    if (document.visibilityState !== 'visible' || !this.onScreen || savesData()) this.close();
    else if (!this.source && this.timer === undefined) this.open();
  };

  private open(): void {
    const address = this.options.address();
    if (address === null) return;
    const source = new EventSource(address);
    source.addEventListener('open', () => (this.failures = 0));
    source.addEventListener('tiles', ({ data }) => this.options.onChanges(JSON.parse(data as string) as Changes));
    // The browser's own new attempts ask with the versions of the first one, and never after a refusal.
    source.addEventListener('error', () => this.comeAgain());
    this.source = source;
  }

  private comeAgain(): void {
    this.close();
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS);
    this.failures += 1;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.settle();
      },
      wait * (0.5 + Math.random()),
    );
  }

  private close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.source?.close();
    this.source = undefined;
  }
}

/** Whether the reader asked the browser to load as little as it can. */
function savesData(): boolean {
  return (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;
}
