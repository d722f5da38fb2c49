import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, PublicApi } from './api';

const messages = { offline: 'offline', refused: 'refused' };
const api = new PublicApi('/sub', 'vi', messages);

function answers(body: string, init: ResponseInit): ReturnType<typeof vi.fn> {
  const fetched = vi.fn(async () => new Response(body, init));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

afterEach(() => vi.unstubAllGlobals());

describe('public reads', () => {
  it('send no cookies and ask under the path of the service', async () => {
    const fetched = answers('{"features":[]}', { headers: { 'content-type': 'application/geo+json' } });
    await api.items('addresses', [105, 20, 106, 21], 50);
    const [url, init] = fetched.mock.calls[0] as [string, RequestInit];
    expect(url).toBe('/sub/collections/addresses/items?limit=50&bbox=105.000000%2C20.000000%2C106.000000%2C21.000000');
    expect(init.credentials).toBe('omit');
  });
  it('keep to the host of the page when they follow a link', async () => {
    const fetched = answers('{"features":[]}', {});
    await api.follow('https://elsewhere.test/sub/collections/a/items?cursor=x');
    expect(fetched.mock.calls[0]?.[0]).toBe('/sub/collections/a/items?cursor=x');
  });
  it('say what a problem says to people', async () => {
    const problem = { title: 'Not Found', detail: 'Không có đối tượng này.' };
    answers(JSON.stringify(problem), { status: 404, headers: { 'content-type': 'application/problem+json' } });
    await expect(api.registers()).rejects.toEqual(new ApiError(404, 'Không có đối tượng này.'));
  });
  it('never show the page of a broken gateway', async () => {
    answers('<html>Bad gateway</html>', { status: 502, headers: { 'content-type': 'text/html' } });
    await expect(api.registers()).rejects.toThrow('refused');
  });
  it('say in words that the server cannot be reached', async () => {
    vi.stubGlobal(
      'fetch',
      vi.fn(() => Promise.reject(new TypeError('Failed to fetch'))),
    );
    await expect(api.registers()).rejects.toEqual(new ApiError(0, 'offline'));
  });
});
