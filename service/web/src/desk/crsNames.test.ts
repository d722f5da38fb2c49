import { afterEach, describe, expect, it, vi } from 'vitest';

/** The names as a page in a language has them, which is settled when the page is loaded. */
async function namesIn(lang: string): Promise<typeof import('./crsNames')> {
  document.documentElement.lang = lang;
  vi.resetModules();
  return import('./crsNames');
}

afterEach(() => {
  document.documentElement.lang = 'vi';
});

describe('coordinate systems with options', () => {
  it.each([
    ['EPSG:5896', 'VN-2000, kinh tuyến trục 102°00′', 'VN-2000, central meridian 102°00′'],
    ['EPSG:9209;swapped', 'VN-2000, kinh tuyến trục 105°30′, hai cột đảo chỗ', 'VN-2000, central meridian 105°30′, columns swapped'],
    [
      'EPSG:9209;no-shift',
      'VN-2000, kinh tuyến trục 105°30′, không chuyển hệ quy chiếu (“nội bộ”)',
      'VN-2000, central meridian 105°30′, without the datum shift',
    ],
    [
      'VN2000:105.25,0.9996;no-shift;swapped',
      'VN-2000, kinh tuyến trục 105°15′, k = 0,9996, không chuyển hệ quy chiếu (“nội bộ”), hai cột đảo chỗ',
      'VN-2000, central meridian 105°15′, k = 0.9996, without the datum shift, columns swapped',
    ],
    ['EPSG:2044;swapped', 'Hanoi 1972 (hai cột đảo chỗ)', 'Hanoi 1972 (columns swapped)'],
  ])('are named in both languages: %s', async (crs, vietnamese, english) => {
    expect((await namesIn('vi')).crsName(crs, 'Hanoi 1972 (đảo trục)')).toBe(vietnamese);
    expect((await namesIn('en')).crsName(crs, 'Hanoi 1972 (đảo trục)')).toBe(english);
  });
});
