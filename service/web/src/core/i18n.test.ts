// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { TEXTS, makeTexts, type TextKey } from './i18n';

const keys = Object.keys(TEXTS.vi) as TextKey[];

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
}

describe('texts', () => {
  it.each(keys)('%s has the same placeholders in both languages', (key) => {
    expect(placeholders(TEXTS.en[key])).toEqual(placeholders(TEXTS.vi[key]));
    expect(TEXTS.en[key]).not.toBe('');
  });
  it('fills placeholders and groups numbers as the language does', () => {
    expect(makeTexts('vi')('list.shownOf', { n: 50, total: 12345 })).toBe('Đang hiện 50 trong số 12.345 đối tượng.');
    expect(makeTexts('en')('list.shownOf', { n: 50, total: 12345 })).toBe('Shown: 50 of 12,345.');
  });
  it('does not read placeholders out of values', () => {
    expect(makeTexts('en')('data.failed', { why: '{why} $& {n}' })).toContain('{why} $& {n}');
  });
});
