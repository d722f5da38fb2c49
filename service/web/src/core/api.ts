/** Requests to the service. Reads of public data never send cookies. */
import type { Bounds, Catalogue, Feature, FeatureCollection, Lang, SearchResult } from './types';
import type { StyleSpecification } from 'maplibre-gl';

/** An answer that is not a success, in the words of the service where it gave any. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** Reads the sentence of an RFC 9457 problem; falls back to the given one. */
export async function problemText(response: Response, fallback: string): Promise<string> {
  if (!(response.headers.get('content-type') ?? '').includes('json')) return fallback;
  try {
    // The title is the name of the status, the same in every language; the detail is for people.
    const { detail } = (await response.json()) as { detail?: unknown };
    return typeof detail === 'string' && detail !== '' ? detail : fallback;
  } catch {
    return fallback;
  }
}

/** True when a request ended because a newer one replaced it. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

export interface Messages {
  offline: string;
  refused: string;
}

/** The public, read-only surfaces. */
export class PublicApi {
  constructor(
    private readonly base: string,
    private readonly lang: Lang,
    private readonly messages: Messages,
  ) {}

  registers(): Promise<Catalogue> {
    return this.get('/registers');
  }

  style(layers: readonly string[]): Promise<StyleSpecification> {
    return this.get(`/styles/map.json?${new URLSearchParams({ lang: this.lang, layers: layers.join(',') })}`);
  }

  items(register: string, bounds: Bounds | null, limit: number, signal?: AbortSignal): Promise<FeatureCollection> {
    const query = new URLSearchParams({ limit: String(limit) });
    if (bounds) query.set('bbox', bounds.map((degrees) => degrees.toFixed(6)).join(','));
    return this.get(`/collections/${encodeURIComponent(register)}/items?${query}`, signal);
  }

  /** Items whose official code is exactly this. */
  withCode(register: string, code: string): Promise<FeatureCollection> {
    return this.get(`/collections/${encodeURIComponent(register)}/items?${new URLSearchParams({ code, limit: '5' })}`);
  }

  item(register: string, id: string, signal?: AbortSignal): Promise<Feature> {
    return this.get(this.itemPath(register, id), signal);
  }

  async search(text: string, signal?: AbortSignal): Promise<SearchResult[]> {
    const query = new URLSearchParams({ q: text, limit: '10', lang: this.lang });
    const found = await this.get<{ features: SearchResult[] }>(`/search?${query}`, signal);
    return found.features;
  }

  /** Address of one item: a page for people, GeoJSON for programs. */
  itemUrl(register: string, id: string, format?: 'json'): string {
    return this.base + this.itemPath(register, id) + (format ? `?f=${format}` : '');
  }

  /** Where changes of tiles are told as they happen, from the versions on that are drawn. */
  tileEventsUrl(layers: readonly string[], versions: readonly string[]): string {
    return `${this.base}/tiles/${layers.join(',')}/events?${new URLSearchParams({ since: versions.join(',') })}`;
  }

  /** Follows an address the service gave, such as the next page, on the host this page came from. */
  follow<T = FeatureCollection>(href: string, signal?: AbortSignal): Promise<T> {
    const { pathname, search } = new URL(href, document.baseURI);
    return this.fetchJson(pathname + search, signal);
  }

  private itemPath(register: string, id: string): string {
    return `/collections/${encodeURIComponent(register)}/items/${encodeURIComponent(id)}`;
  }

  private get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.fetchJson(this.base + path, signal);
  }

  private async fetchJson<T>(url: string, signal?: AbortSignal): Promise<T> {
    const headers = { Accept: 'application/geo+json, application/json', 'Accept-Language': this.lang };
    const response = await this.send(url, { headers, credentials: 'omit', ...(signal ? { signal } : {}) });
    if (!response.ok) throw new ApiError(response.status, await problemText(response, this.messages.refused));
    return (await response.json()) as T;
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiError(0, this.messages.offline);
    }
  }
}
