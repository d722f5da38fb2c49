import { render } from 'lit';
import { describe, expect, it } from 'vitest';
import { UPLOAD_STATES, type Upload } from '../core/types';
import { idempotencyKey, isRunning } from './deskApi';
import { reportTable } from './report';

function upload(state: Upload['state']): Upload {
  return { id: '1', state, register: 'addresses' };
}

describe('uploads', () => {
  it('are followed until they are published, rejected or failed', () => {
    const followed = UPLOAD_STATES.filter((state) => isRunning(upload(state)));
    expect(followed).toEqual(['received', 'reading', 'validating', 'publishing']);
  });
  it('have a different key for each attempt', () => {
    expect(idempotencyKey()).toMatch(/^[0-9a-f]{32}$/);
    expect(idempotencyKey()).not.toBe(idempotencyKey());
  });
});

describe('report', () => {
  it('shows the sentence of the page language, its code and the value as text', () => {
    const place = document.createElement('div');
    const value = '<img src=x onerror=alert(1)>';
    render(
      reportTable([
        {
          ...{ code: 'CODE_FORMAT', level: 'error', row: 3, column: 'MA', value, vi: 'Sai mã.', en: 'Bad code.' },
          remedy: { vi: 'Sửa mã.', en: 'Mend it.' },
        },
      ]),
      place,
    );
    expect(place.querySelector('img')).toBeNull();
    expect([...place.querySelectorAll('td')].map((cell) => cell.textContent?.trim())).toEqual([
      'Lỗi',
      '3',
      'MA',
      value,
      'Sai mã. (CODE_FORMAT) Sửa mã.',
    ]);
  });
  it('says so when there is nothing to report', () => {
    const place = document.createElement('div');
    render(reportTable([]), place);
    expect(place.textContent).toBe('Không có cảnh báo hay lỗi nào.');
  });
});
