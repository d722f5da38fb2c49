import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Following } from './following';
import { upload } from './sampleReport';
import type { Upload } from './types';

/** Streams that the tests speak through: the browser's own needs a server. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Stream[] = [];
  readyState = 1;

  constructor(readonly url: string) {
    super();
    Stream.opened.push(this);
  }

  close(): void {
    this.readyState = Stream.CLOSED;
  }

  say(name: string, data?: unknown): void {
    this.dispatchEvent(data === undefined ? new Event(name) : new MessageEvent(name, { data: JSON.stringify(data) }));
  }
}

let news: Partial<Upload>[];
let answers: Upload[];
let asked: number;

function follow(onTrouble = () => true): Following {
  const ask = () => {
    asked += 1;
    const answer = answers.shift();
    return answer ? Promise.resolve(answer) : Promise.reject(new Error('offline'));
  };
  return new Following({ url: '/uploads/u-1/events', ask, onNews: (found) => news.push(found), onTrouble });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Stream);
  Stream.opened = [];
  news = [];
  answers = [];
  asked = 0;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('following an upload', () => {
  it('hears the stream and asks for the whole upload once it ends', async () => {
    answers = [upload()];
    follow();
    const [stream] = Stream.opened;
    stream?.say('progress', { state: 'reading' });
    stream?.say('end');
    await vi.runAllTimersAsync();
    expect(news.map(({ state }) => state)).toEqual(['reading', 'staged']);
    expect([asked, stream?.readyState]).toEqual([1, Stream.CLOSED]);
  });
  it('asks where the stream is refused, until the work is done', async () => {
    answers = [upload({ state: 'validating' }), upload()];
    follow();
    const [stream] = Stream.opened;
    stream?.close();
    stream?.say('error');
    await vi.runAllTimersAsync();
    expect(news.map(({ state }) => state)).toEqual(['validating', 'staged']);
  });
  it('bears a stream that breaks and comes back, and gives up one that keeps breaking', async () => {
    answers = [upload()];
    follow();
    const [stream] = Stream.opened;
    stream?.say('error');
    stream?.say('error');
    stream?.say('progress', { state: 'reading' });
    stream?.say('error');
    stream?.say('error');
    await vi.runAllTimersAsync();
    expect(asked).toBe(0);
    stream?.say('error');
    await vi.runAllTimersAsync();
    expect(asked).toBe(1);
  });
  it('asks again after trouble as long as it is told to', async () => {
    vi.stubGlobal('EventSource', undefined);
    let patience = 2;
    follow(() => --patience > 0);
    await vi.runAllTimersAsync();
    expect(asked).toBe(2);
  });
  it('is silent once it is stopped', async () => {
    vi.stubGlobal('EventSource', undefined);
    answers = [upload()];
    follow().stop();
    await vi.runAllTimersAsync();
    expect([asked, news]).toEqual([0, []]);
  });
});
