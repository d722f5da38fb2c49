import { afterEach, describe, expect, it } from 'vitest';
import { ApiError } from '../core/api';
import type { DeskApi } from './deskApi';
import type { Rollback, RollbackJob } from './types';
import { UndoButton } from './undoButton';

afterEach(() => document.body.replaceChildren());

async function pressed(effect: Rollback, done: string[], refusal?: Error): Promise<UndoButton> {
  const api = {
    revisions: () => Promise.resolve({ etag: '"12"', revisions: [] }),
    fields: () => Promise.resolve([{ name: 'street', title: { vi: 'Đường', en: 'Street' } }]),
    previewRollback: () => Promise.resolve(effect),
    rollback: (_register: string, _revision: number, etag: string) => {
      done.push(etag);
      return refusal ? Promise.reject(refusal) : Promise.resolve({ ...effect, revision: 13 });
    },
  };
  const button = Object.assign(new UndoButton(), {
    ...{ api: api as unknown as DeskApi, register: 'addresses', revision: 12 },
  });
  document.body.append(button);
  await button.updateComplete;
  button.querySelector('button')?.click();
  await settle();
  return button;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

describe('undoing a revision', () => {
  const conflicts = [{ uuid: 'x', label: '0799700001', fields: ['street'] }];
  const effect: Rollback = { revision: null, restored: 2, removed: 3, reinserted: 1, conflict_count: 12, conflicts };

  it('first tells what it does and what stays, and does nothing when one turns back', async () => {
    const done: string[] = [];
    const button = await pressed(effect, done);
    const told = button.querySelector('dialog')?.textContent?.replace(/\s+/g, ' ') ?? '';
    expect(told).toContain('trả 2 bản ghi về giá trị trước đó');
    expect(told).toContain('thêm lại 1 bản ghi đã bị xóa');
    expect(told).toContain('xóa 3 bản ghi đã được thêm');
    expect(told).toContain('12 bản ghi');
    expect(told).toContain('0799700001 Đường và 11 bản ghi khác.');
    button.querySelector<HTMLButtonElement>('dialog button')?.click();
    await settle();
    expect(done).toEqual([]);
    expect(button.querySelector('dialog')).toBeNull();
  });
  it('then undoes what was seen and tells which revision that made', async () => {
    const [done, told]: [string[], unknown[]] = [[], []];
    const button = await pressed(effect, done);
    button.addEventListener('undone', (event) => told.push((event as CustomEvent<Rollback>).detail.revision));
    button.querySelector<HTMLButtonElement>('dialog .primary')?.click();
    await settle();
    expect([done, told]).toEqual([['"12"'], [13]]);
  });
  it('says so when somebody else published in between', async () => {
    const button = await pressed(effect, [], new ApiError(412, 'stale'));
    button.querySelector<HTMLButtonElement>('dialog .primary')?.click();
    await settle();
    expect(button.querySelector('[role=alert]')?.textContent).toContain('người khác đã công bố');
  });
  it('tells how far the worker is that a large revision is left to', async () => {
    const job: RollbackJob = {
      state: 'working',
      dry_run: true,
      progress: { step: 1, steps: 2, records: 675000 },
      seconds: 75.4,
      answer: null,
      problem: null,
    };
    let finish = (_: Rollback): void => undefined;
    const api = {
      revisions: () => Promise.resolve({ etag: '"12"', revisions: [] }),
      fields: () => Promise.resolve([]),
      previewRollback: (_register: string, _revision: number, onNews: (news: RollbackJob) => void) => {
        onNews(job);
        return new Promise<Rollback>((resolve) => {
          finish = resolve;
        });
      },
    };
    const button = Object.assign(new UndoButton(), {
      ...{ api: api as unknown as DeskApi, register: 'addresses', revision: 12 },
    });
    document.body.append(button);
    await button.updateComplete;
    button.querySelector('button')?.click();
    await settle();
    const status = button.querySelector('[role=status]');
    expect(status?.textContent?.replace(/\s+/g, ' ').trim()).toBe(
      'Đang tính kết quả hoàn tác 675.000 bản ghi, bước 1/2. Đã 1:15.',
    );
    expect(status?.querySelector('[aria-hidden=true]')?.textContent).toBe('Đã 1:15.');
    finish(effect);
    await settle();
    expect(status?.textContent?.trim()).toBe('');
    expect(button.querySelector('dialog')).not.toBeNull();
  });
  it('offers nothing when every record was changed later', async () => {
    const button = await pressed({ ...effect, restored: 0, removed: 0, reinserted: 0 }, []);
    expect(button.querySelector('dialog .primary')).toBeNull();
  });
});
