/** Requests of a logged-in officer: they carry the session's cookie and, where they change something, its token. */
import { ApiError, isAbort, problemText, type Messages } from '../core/api';
import type { Account, Lang } from '../core/types';
import { idempotencyKey, postForm } from './sending';
import type {
  ChangeKind,
  ChangePage,
  Choices,
  ColumnField,
  Preview,
  Report,
  RevisionList,
  Rollback,
  RollbackJob,
  Upload,
  UploadState,
} from './types';

const ACCEPTED = 202;
const ASK_MS = 1000;
/** So many requests in a row may go wrong while a worker is waited for. */
const PATIENCE = 30;
const ENDED: ReadonlySet<RollbackJob['state']> = new Set(['refused', 'failed']);
const RUNNING: ReadonlySet<UploadState> = new Set(['received', 'reading', 'validating', 'publishing']);
const JSON_TYPE = 'application/json';
export const CHANGES_A_PAGE = 25;

/** What can be fetched about an upload, as file names under its address. */
export type Download =
  'report.csv' | 'report.xlsx' | 'report.geojson' | 'report.json' | 'report.html' | 'repaired.gpkg' | 'file';

/** True while the service is working on an upload, so that asking again will tell more. */
export function isRunning({ state }: Pick<Upload, 'state'>): boolean {
  return RUNNING.has(state);
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
      await this.send('/auth/login', { method: 'POST', body, headers: { 'Content-Type': JSON_TYPE } }),
    );
  }

  async logout(): Promise<void> {
    await this.post('/auth/logout');
    this.csrf = '';
  }

  async uploads(limit: number): Promise<Upload[]> {
    return (await this.get<{ uploads: Upload[] }>(`/uploads?limit=${limit}`)).uploads;
  }

  /** Uploads of others that wait for a second officer's approval. */
  async approvals(): Promise<Upload[]> {
    return (await this.get<{ uploads: Upload[] }>('/uploads?waiting=approval')).uploads;
  }

  upload(id: string): Promise<Upload> {
    return this.get(uploadPath(id));
  }

  /** Sends files; a repeated request with the same key makes nothing new. */
  async sendFiles(
    form: FormData,
    key: string,
    onProgress: (share: number) => void,
  ): Promise<Pick<Upload, 'id' | 'state'>> {
    const answer = await postForm(`${this.base}/uploads`, form, this.unsafeHeaders(key), this.messages, onProgress);
    return JSON.parse(answer) as Pick<Upload, 'id' | 'state'>;
  }

  /** Checks files without an account; nothing of them is kept. The report is given as the text it came as, too. */
  async validate(form: FormData, onProgress: (share: number) => void): Promise<{ report: Report; text: string }> {
    const headers = { Accept: JSON_TYPE, 'Accept-Language': this.lang };
    const text = await postForm(`${this.base}/validate`, form, headers, this.messages, onProgress);
    return { report: JSON.parse(text) as Report, text };
  }

  async choose(id: string, choices: Choices): Promise<void> {
    await this.post(`${uploadPath(id)}/choices`, choices);
  }

  changes(id: string, kind: ChangeKind, after: string | null): Promise<ChangePage> {
    const query = new URLSearchParams({ kind, limit: String(CHANGES_A_PAGE), ...(after === null ? {} : { after }) });
    return this.get(`${uploadPath(id)}/diff?${query}`);
  }

  changedPlaces(id: string): Promise<GeoJSON.FeatureCollection> {
    return this.get(`${uploadPath(id)}/diff.geojson`);
  }

  preview(id: string): Promise<Preview> {
    return this.get(`${uploadPath(id)}/preview`);
  }

  /** Publishes what was seen: the etag says which changes those were. */
  async publish(id: string, etag: string, note: string): Promise<void> {
    const quoted = /^(W\/)?"/.test(etag) ? etag : `"${etag}"`;
    await this.post(`${uploadPath(id)}/publish`, note ? { note } : {}, { 'If-Match': quoted });
  }

  async approve(id: string): Promise<void> {
    await this.post(`${uploadPath(id)}/approve`);
  }

  async cancel(id: string): Promise<void> {
    await this.post(`${uploadPath(id)}/cancel`);
  }

  revisions(register: string): Promise<RevisionList> {
    return this.get(revisionsPath(register));
  }

  /** Tells what undoing a revision would do, and nothing is done. */
  async previewRollback(register: string, revision: number, onNews: (news: RollbackJob) => void): Promise<Rollback> {
    return this.undone(await this.post(`${revisionsPath(register)}/${revision}/rollback?dry-run=true`), onNews);
  }

  /** Undoes a revision, if the register is still in the state that the etag names. */
  async rollback(
    register: string,
    revision: number,
    etag: string,
    onNews: (news: RollbackJob) => void,
  ): Promise<Rollback> {
    const headers = { 'If-Match': etag };
    return this.undone(await this.post(`${revisionsPath(register)}/${revision}/rollback`, undefined, headers), onNews);
  }

  /** Reads the answer, or waits for the worker that the undoing of many records is left to. */
  private async undone(response: Response, onNews: (news: RollbackJob) => void): Promise<Rollback> {
    if (response.status !== ACCEPTED) return this.json(response);
    const location = response.headers.get('Location') ?? '';
    for (let misses = 0; ; ) {
      try {
        const job = await this.follow<RollbackJob>(location);
        misses = 0;
        if (job.answer) return job.answer;
        if (ENDED.has(job.state)) {
          const status = job.problem?.code === 'REVISION_STALE' ? 412 : 409;
          throw new ApiError(status, job.problem?.detail ?? this.messages.refused);
        }
        onNews(job);
      } catch (error) {
        misses += 1;
        if (!isPassing(error) || misses > PATIENCE) throw error;
      }
      await sleep(ASK_MS);
    }
  }

  /** Follows an address the service gave, such as the next page, on the host this page came from. */
  follow<T>(href: string): Promise<T> {
    const { pathname, search } = new URL(href, document.baseURI);
    return this.get(pathname.slice(this.base.length) + search);
  }

  async fields(register: string): Promise<ColumnField[]> {
    return (await this.get<{ fields: ColumnField[] }>(`/desk/fields/${encodeURIComponent(register)}`)).fields;
  }

  /** Address of the stream of progress. */
  eventsUrl(id: string): string {
    return `${this.base}${uploadPath(id)}/events`;
  }

  downloadUrl(id: string, what: Download): string {
    return `${this.base}${uploadPath(id)}/${what}`;
  }

  /** Address of the page about an upload. */
  pageUrl(id: string): string {
    return `${this.base}/desk${uploadPath(id)}`;
  }

  private unsafeHeaders(key = idempotencyKey()): Record<string, string> {
    return { Accept: JSON_TYPE, 'Accept-Language': this.lang, 'X-CSRF-Token': this.csrf, 'Idempotency-Key': key };
  }

  private async post(path: string, body?: unknown, also: Record<string, string> = {}): Promise<Response> {
    const type = body === undefined ? {} : { 'Content-Type': JSON_TYPE };
    const headers = { ...this.unsafeHeaders(), ...type, ...also };
    const init = { method: 'POST', headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return this.checked(await this.send(path, init));
  }

  private async get<T>(path: string): Promise<T> {
    return this.json(await this.send(path, {}));
  }

  private async send(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const headers = { Accept: JSON_TYPE, 'Accept-Language': this.lang, ...init.headers };
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

/** Whether what went wrong may be right a moment later: no network, a server that starts. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function revisionsPath(register: string): string {
  return `/collections/${encodeURIComponent(register)}/revisions`;
}

function uploadPath(id: string): string {
  return `/uploads/${encodeURIComponent(id)}`;
}
