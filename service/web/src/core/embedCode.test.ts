import { describe, expect, it } from 'vitest';
import { embedUrl, iframeCode, tagCode, type EmbedChoice } from './embedCode';

const choice: EmbedChoice = {
  site: 'https://map.example.vn/sub',
  title: 'Bản đồ "xã" <A> & B',
  lang: 'vi',
  layers: ['communes', 'addresses'],
  commune: '00004',
  view: 'map=12/21/105',
  height: 480,
};

describe('embed code', () => {
  it('names the frame and points at the service', () => {
    const frame = parsed(iframeCode(choice)).querySelector('iframe');
    expect(frame?.title).toBe(choice.title);
    expect(frame?.getAttribute('src')).toBe(embedUrl(choice));
    expect(frame?.getAttribute('loading')).toBe('lazy');
    expect(frame?.getAttribute('sandbox')).not.toContain('allow-same-origin');
  });
  it('keeps path, layers, commune and view in the address', () => {
    const url = new URL(embedUrl(choice));
    expect(url.pathname).toBe('/sub/embed');
    expect(url.searchParams.get('layers')).toBe('communes,addresses');
    expect(url.searchParams.get('commune')).toBe('00004');
    expect(url.hash).toBe('#map=12/21/105');
  });
  it('writes the tag with the same choice', () => {
    const tag = parsed(tagCode(choice)).querySelector('ban-do-so');
    expect(tag?.getAttribute('title')).toBe(choice.title);
    expect(tag?.getAttribute('layers')).toBe('communes,addresses');
  });
  it.each(['"><script>alert(1)</script>', "' onload='x", '&quot;'])(
    'cannot be broken out of by the title %s',
    (title) => {
      const page = parsed(iframeCode({ ...choice, title }));
      expect(page.querySelector('script')).toBeNull();
      expect(page.querySelector('iframe')?.title).toBe(title);
    },
  );
});

function parsed(code: string): DocumentFragment {
  const template = document.createElement('template');
  template.innerHTML = code;
  return template.content;
}
