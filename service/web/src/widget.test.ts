import { describe, expect, it } from 'vitest';
import './widget';

/** The tag as it is once placed, without a document around it that would load the frame. */
function placed(attributes: Record<string, string>): HTMLIFrameElement {
  const tag = document.createElement('ban-do-so');
  for (const [name, value] of Object.entries(attributes)) tag.setAttribute(name, value);
  (tag as HTMLElement & { connectedCallback(): void }).connectedCallback();
  const frame = tag.querySelector('iframe');
  if (!frame) throw new Error('no iframe');
  return frame;
}

describe('<ban-do-so>', () => {
  it('passes its attributes on to the embedded page', () => {
    const url = new URL(placed({ commune: '00004', layers: 'a,b', lang: 'en', view: 'map=12/1/2', other: 'x' }).src);
    expect(url.pathname).toMatch(/\/embed$/);
    expect(Object.fromEntries(url.searchParams)).toEqual({ commune: '00004', layers: 'a,b', lang: 'en' });
    expect(url.hash).toBe('#map=12/1/2');
  });
  it('names the frame, in the language asked for when no title is given', () => {
    expect(placed({ title: 'Bản đồ xã' }).title).toBe('Bản đồ xã');
    expect(placed({ lang: 'en' }).title).toBe('Digital map');
    expect(placed({}).title).toBe('Bản đồ số');
  });
  it('follows a change of attributes', () => {
    const frame = placed({ commune: '1' });
    frame.parentElement?.setAttribute('commune', '2');
    expect(new URL(frame.src).searchParams.get('commune')).toBe('2');
  });
  it('gives the frame no way back into the page', () => {
    expect(placed({}).getAttribute('sandbox')).toBe('allow-scripts allow-popups allow-popups-to-escape-sandbox');
  });
});
