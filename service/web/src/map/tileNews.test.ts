import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Changes } from '../core/tileMath';
import { TileNews } from './tileNews';
import { UpdateNotice } from './updateNotice';

class Stream extends EventTarget {
  static all: Stream[] = [];
  isClosed = false;

  constructor(readonly address: string) {
    super();
    Stream.all.push(this);
  }

  close(): void {
    this.isClosed = true;
  }
}

let visible: DocumentVisibilityState;
let version = 1;
let heard: Changes[];
let news: TileNews;

const open = () => Stream.all.filter(({ isClosed }) => !isClosed);
const show = (state: DocumentVisibilityState) => {
  visible = state;
  document.dispatchEvent(new Event('visibilitychange'));
};
const fail = () => open()[0]?.dispatchEvent(new Event('error'));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('IntersectionObserver', undefined);
  vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => visible);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  [Stream.all, heard, visible, version] = [[], [], 'visible', 1];
  const address = () => (version > 0 ? `/tiles/a/events?since=${version}` : null);
  news = new TileNews({ element: document.body, address, onChanges: (changes) => heard.push(changes) });
});

afterEach(() => {
  news.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('news of tiles', () => {
  it('come by one connection', () => {
    news.start();
    const data = JSON.stringify({ layer: 'a', version: '2c2', tiles: [[14, 1, 1]] });
    open()[0]?.dispatchEvent(new MessageEvent('tiles', { data }));
    expect(Stream.all.map(({ address }) => address)).toEqual(['/tiles/a/events?since=1']);
    expect(heard).toEqual([{ layer: 'a', version: '2c2', tiles: [[14, 1, 1]] }]);
  });
  it('are not asked for while the page is hidden, and caught up with when it is seen again', () => {
    news.start();
    show('hidden');
    expect(open()).toEqual([]);
    version = 7;
    show('visible');
    expect(open().map(({ address }) => address)).toEqual(['/tiles/a/events?since=7']);
  });
  it('are not asked for by a page that was opened in the background', () => {
    visible = 'hidden';
    news.start();
    expect(Stream.all).toEqual([]);
  });
  it('are asked for again after a failure, each time later, from what is known by then', () => {
    news.start();
    for (const wait of [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      version += 1;
      fail();
      vi.advanceTimersByTime(wait - 1);
      expect(open()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(open().map(({ address }) => address)).toEqual([`/tiles/a/events?since=${version}`]);
    }
    open()[0]?.dispatchEvent(new Event('open'));
    fail();
    vi.advanceTimersByTime(2_000);
    expect(open()).toHaveLength(1);
  });
  it('are not asked for after a failure by a page that was hidden meanwhile', () => {
    news.start();
    fail();
    show('hidden');
    vi.advanceTimersByTime(100_000);
    expect(open()).toEqual([]);
  });
  it('are asked for anew when other layers are shown, and by nobody when none is', () => {
    news.start();
    news.restart();
    expect(Stream.all).toHaveLength(2);
    expect(open()).toHaveLength(1);
    version = 0;
    news.restart();
    expect(open()).toEqual([]);
  });
  it('are not asked for by who saves data', () => {
    Object.defineProperty(navigator, 'connection', { value: { saveData: true }, configurable: true });
    news.start();
    expect(Stream.all).toEqual([]);
    Reflect.deleteProperty(navigator, 'connection');
  });
  it('end with the map', () => {
    news.start();
    news.stop();
    show('visible');
    expect(open()).toEqual([]);
  });
  it('are not asked for while the map is scrolled out of sight', () => {
    let tell: (entries: { isIntersecting: boolean }[]) => void = () => undefined;
    class Screen {
      constructor(callback: typeof tell) {
        tell = callback;
      }
      observe() {}
      disconnect() {}
    }
    vi.stubGlobal('IntersectionObserver', Screen);
    news.start();
    tell([{ isIntersecting: false }]);
    expect(open()).toEqual([]);
    tell([{ isIntersecting: true }]);
    expect(open()).toHaveLength(1);
  });
});

describe('the notice of an update', () => {
  it('is given once a minute at most and taken away again', () => {
    const seen: string[] = [];
    const notice = new UpdateNotice(
      () => seen.push('shown'),
      () => seen.push('hidden'),
    );
    notice.tell();
    notice.tell();
    expect(seen).toEqual(['shown']);
    vi.advanceTimersByTime(59_999);
    notice.tell();
    expect(seen).toEqual(['shown', 'hidden']);
    vi.advanceTimersByTime(1);
    notice.tell();
    expect(seen).toEqual(['shown', 'hidden', 'shown']);
  });
});
