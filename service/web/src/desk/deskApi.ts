/** Requests of a logged-in officer: they carry the session's cookie and, where they change something, its token. */
import { ApiError, isAbort, problemText, type Messages } from '../core/api';
import type { Account, Lang, Upload } from '../core/types';

const FINAL = new Set(['published', 'rejected', 'failed']);

/** True while the service is still working on an upload. */
export function isRunning(upload: Upload): boolean {
  return !FINAL.has(upload.state);
}

/** A name for one attempt, so that a repeated request does nothing twice. Works without HTTPS too. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class DeskApi {
  private csrf = '';

  constructor(
    private readonly base: string,
    private readonly lang: Lang,
    private readonly messages: Messages,
  ) {}

  /** Who is logged in; null when nobody is. */
  async me(): Promise<Account | null> {
    const response = await this.send('/auth/me', {});
    if (response.status === 401) return null;
    const account = await this.json<Account>(response);
    this.csrf = account.csrf;
    return account;
  }

  async login(username: string, password: string): Promise<void> {
    const body = JSON.stringify({ username, password });
    await this.checked(
      await this.send('/auth/login', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } }),
    );
  }

  async logout(): Promise<void> {
    await this.checked(await this.send('/auth/logout', { method: 'POST', headers: { 'X-CSRF-Token': this.csrf } }));
    this.csrf = '';
  }

  async uploads(): Promise<Upload[]> {
    const found = await this.json<Upload[] | { uploads: Upload[] }>(await this.send('/uploads?limit=20', {}));
    return Array.isArray(found) ? found : found.uploads;
  }

  async upload(id: string): Promise<Upload> {
    return this.json(await this.send(`/uploads/${encodeURIComponent(id)}`, {}));
  }

  /** Sends a file. `onProgress` hears the share sent so far, 0 to 1. */
  async sendFile(form: FormData, key: string, onProgress: (share: number) => void): Promise<void> {
    const request = new XMLHttpRequest();
    request.open('POST', `${this.base}/uploads`);
    const headers = {
      Accept: 'application/json',
      'Accept-Language': this.lang,
      'X-CSRF-Token': this.csrf,
      'Idempotency-Key': key,
    };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
    await this.finished(request, form);
    const type = request.getResponseHeader('content-type') ?? '';
    await this.checked(
      new Response(request.responseText || null, { status: request.status, headers: { 'content-type': type } }),
    );
  }

  private finished(request: XMLHttpRequest, form: FormData): Promise<void> {
    return new Promise((resolve, reject) => {
      request.addEventListener('load', () => resolve());
      request.addEventListener('error', () => reject(new ApiError(0, this.messages.offline)));
      request.send(form);
    });
  }

  private async send(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const headers = { Accept: 'application/json', 'Accept-Language': this.lang, ...init.headers };
    try {
      return await fetch(this.base + path, { ...init, headers, credentials: 'same-origin', cache: 'no-store' });
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiError(0, this.messages.offline);
    }
  }

  private async json<T>(response: Response): Promise<T> {
    return (await (await this.checked(response)).json()) as T;
  }

  private async checked(response: Response): Promise<Response> {
    if (!response.ok) throw new ApiError(response.status, await problemText(response, this.messages.refused));
    return response;
  }
}
