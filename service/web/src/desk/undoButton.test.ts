import { afterEach, describe, expect, it } from 'vitest';
import type { DeskApi } from './deskApi';
import type { Rollback } from './types';
import { UndoButton } from './undoButton';

afterEach(() => document.body.replaceChildren());

async function pressed(effect: Rollback, dryRuns: boolean[]): Promise<UndoButton> {
  const rollback = (_register: string, _revision: number, dryRun: boolean) => {
    dryRuns.push(dryRun);
    return Promise.resolve(dryRun ? effect : { ...effect, revision: 13 });
  };
  const button = Object.assign(new UndoButton(), {
    ...{ api: { rollback } as unknown as DeskApi, register: 'addresses', revision: 12 },
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
  const effect = { added: 1, changed: 2, removed: 3, conflicts: [{ label: '0799700001', revision: 13 }] };

  it('first tells what it does and which records stay, and does nothing when one turns back', async () => {
    const dryRuns: boolean[] = [];
    const button = await pressed(effect, dryRuns);
    const told = button.querySelector('dialog')?.textContent?.replace(/\s+/g, ' ') ?? '';
    expect(told).toContain('thêm lại 1, sửa 2 và xóa 3 bản ghi');
    expect(told).toContain('0799700001 (sửa ở đợt 13)');
    button.querySelector<HTMLButtonElement>('dialog button')?.click();
    await settle();
    expect(dryRuns).toEqual([true]);
    expect(button.querySelector('dialog')).toBeNull();
  });
  it('then does it and tells which revision that was', async () => {
    const [dryRuns, told]: [boolean[], unknown[]] = [[], []];
    const button = await pressed(effect, dryRuns);
    button.addEventListener('undone', (event) => told.push((event as CustomEvent<Rollback>).detail.revision));
    button.querySelector<HTMLButtonElement>('dialog .primary')?.click();
    await settle();
    expect([dryRuns, told]).toEqual([[true, false], [13]]);
  });
  it('offers nothing when every record was changed later', async () => {
    const button = await pressed({ ...effect, added: 0, changed: 0, removed: 0 }, []);
    expect(button.querySelector('dialog .primary')).toBeNull();
  });
});
