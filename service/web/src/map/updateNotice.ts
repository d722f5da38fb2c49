/** Tells readers now and then that the map was drawn anew: once a minute at most, and not for long. */
const SILENCE_MS = 60_000;
const SHOWN_MS = 6_000;

export class UpdateNotice {
  private toldAt = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param show puts the sentence where it is read
   * @param hide takes it away again
   */
  constructor(
    private readonly show: () => void,
    private readonly hide: () => void,
  ) {}

  tell(): void {
    const now = Date.now();
    if (now - this.toldAt < SILENCE_MS) return;
    this.toldAt = now;
    clearTimeout(this.timer);
    this.show();
    this.timer = setTimeout(this.hide, SHOWN_MS);
  }
}
