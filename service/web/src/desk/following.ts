/** Follows an upload while the service works on it: by its stream of events, or by asking where there is none. */
import { isRunning } from './deskApi';
import type { Upload } from './types';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 8000;
/** A stream that broke this often in a row is given up. */
const PATIENCE = 3;

export interface FollowOptions {
  /** Address of the stream. */
  url: string;
  /** Asks for the upload as it is now. */
  ask: () => Promise<Upload>;
  /** Hears what changed; the last call has an upload that no longer runs. */
  onNews: (news: Partial<Upload>) => void;
  /** Hears why asking failed; returns whether to go on. */
  onTrouble: (error: unknown) => boolean;
}

export class Following {
  private stream: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT_MS;
  private breaks = 0;
  private stopped = false;

  constructor(private readonly options: FollowOptions) {
    if (typeof EventSource === 'undefined') this.later();
    else this.listen();
  }

  stop(): void {
    this.stopped = true;
    this.stream?.close();
    clearTimeout(this.timer);
  }

  private listen(): void {
    const stream = new EventSource(this.options.url);
    this.stream = stream;
    stream.addEventListener('progress', (event: MessageEvent<string>) => {
      this.breaks = 0;
      this.options.onNews(JSON.parse(event.data) as Partial<Upload>);
    });
    stream.addEventListener('end', () => {
      stream.close();
      void this.ask();
    });
    stream.addEventListener('error', () => {
      this.breaks += 1;
      if (stream.readyState !== EventSource.CLOSED && this.breaks < PATIENCE) return;
      stream.close();
      this.later();
    });
  }

  private later(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.ask(), this.wait);
    this.wait = Math.min(this.wait * 1.5, LONGEST_WAIT_MS);
  }

  private async ask(): Promise<void> {
    try {
      const upload = await this.options.ask();
      if (this.stopped) return;
      this.options.onNews(upload);
      if (isRunning(upload)) this.later();
    } catch (error) {
      if (!this.stopped && this.options.onTrouble(error)) this.later();
    }
  }
}
