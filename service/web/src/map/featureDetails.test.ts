import { afterEach, describe, expect, it, vi } from 'vitest';
import { PublicApi } from '../core/api';
import type { Register } from '../core/types';
import { FeatureDetails } from './featureDetails';

const HOSTILE = '"><script>window.__xss=1</script><img src=x onerror=alert(1)>';
const register: Register = {
  id: 'tourism_points',
  title: { vi: HOSTILE, en: HOSTILE },
  geometry: 'point',
  sample: true,
  tile: { minzoom: 0, maxzoom: 14 },
  legend: [],
  legend_field: null,
  fields: ['name', 'website', 'phone'].map((name) => ({
    name,
    title: { vi: `Tên ${name}`, en: name },
    type: 'string',
  })),
  bounds: null,
};

async function shown(properties: Record<string, unknown>): Promise<FeatureDetails> {
  const feature = { type: 'Feature', id: 'u1', geometry: null, properties };
  const headers = { 'content-type': 'application/geo+json' };
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(JSON.stringify(feature), { headers })),
  );
  const details = new FeatureDetails();
  details.api = new PublicApi('', 'vi', { offline: '', refused: '' });
  details.registers = [register];
  details.selection = { register: register.id, id: '1', label: 'Trước' };
  document.body.append(details);
  await vi.waitFor(() => expect(details.querySelector('dl')).not.toBeNull());
  return details;
}

afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

describe('details', () => {
  it('show hostile names, titles and values as text', async () => {
    const details = await shown({ name: HOSTILE, website: HOSTILE, phone: HOSTILE });
    expect(details.querySelector('script, img')).toBeNull();
    expect(details.querySelector('h3')?.textContent).toBe(HOSTILE);
  });
  it('link web addresses only where they are safe', async () => {
    const safe = await shown({ name: 'A', website: 'https://a.vn/' });
    expect(safe.querySelector('dd a')?.getAttribute('rel')).toBe('noopener nofollow ugc');
    const unsafe = await shown({ name: 'A', website: 'javascript:alert(1)' });
    expect(unsafe.querySelector('dd a')).toBeNull();
  });
  it('name the fields in the language of the page and say which are missing', async () => {
    const details = await shown({ name: 'A', website: null });
    expect(details.querySelector('dt')?.textContent).toBe('Tên name');
    expect(details.querySelector('.hint')?.textContent).toContain('Tên website, Tên phone');
  });
  it('link to the name that a feature keeps for ever, also when a tile gave its number', async () => {
    const links = [...(await shown({ name: 'A' })).querySelectorAll('.links a')];
    const items = '/collections/tourism_points/items/u1';
    expect(links.map((link) => link.getAttribute('href'))).toEqual([`${items}?lang=vi`, `${items}?f=json`]);
  });
  it('mark sample data in words', async () => {
    expect((await shown({ name: 'A' })).querySelector('.badge')?.textContent).toBe('Dữ liệu mẫu');
  });
});
