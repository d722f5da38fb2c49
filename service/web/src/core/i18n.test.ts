// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { en } from '../desk/texts.en';
import { vi } from '../desk/texts.vi';
import { TEXTS, makeTexts } from './i18n';

const texts: Record<'vi' | 'en', Record<string, string>> = {
  vi: { ...TEXTS.vi, ...vi },
  en: { ...TEXTS.en, ...en },
};

function placeholders(text = ''): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
}

describe('texts', () => {
  it.each(Object.keys(texts.vi))('%s has the same placeholders in both languages', (key) => {
    expect(placeholders(texts.en[key])).toEqual(placeholders(texts.vi[key]));
    expect(texts.en[key]).not.toBe('');
  });
  it('fills placeholders and groups numbers as the language does', () => {
    expect(makeTexts('vi')('list.shownOf', { n: 50, total: 12345 })).toBe('Đang hiện 50 trong số 12.345 đối tượng.');
    expect(makeTexts('en')('list.shownOf', { n: 50, total: 12345 })).toBe('Shown: 50 of 12,345.');
  });
  it('does not read placeholders out of values', () => {
    expect(makeTexts('en')('data.failed', { why: '{why} $& {n}' })).toContain('{why} $& {n}');
  });
});
