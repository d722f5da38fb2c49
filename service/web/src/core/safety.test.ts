// @vitest-environment node
import { describe, expect, it } from 'vitest';

const sources = import.meta.glob<string>(['../**/*.ts', '!../**/*.test.ts'], {
  query: '?raw',
  import: 'default',
  eager: true,
});
/** Each of these turns text into markup or code, or is refused by the page's content security policy. */
const FORBIDDEN =
  /innerHTML|outerHTML|insertAdjacentHTML|setHTML|unsafeHTML|unsafeSVG|document\.write|\beval\(|new Function|styleMap|style=\$/;

describe('sources', () => {
  it.each(Object.keys(sources))('%s never turns data into markup', (path) => {
    expect(sources[path]).not.toMatch(FORBIDDEN);
  });
});
