/** The code other sites paste to show the map. */
import type { Lang } from './types';

export interface EmbedChoice {
  /** Address of the service, without a slash at the end. */
  site: string;
  title: string;
  lang: Lang;
  layers: string[];
  commune: string;
  /** The `map=zoom/lat/lon` part of an address, or empty. */
  view: string;
  height: number;
}

/** Escapes text for an HTML attribute in double quotes. */
export function escapeAttribute(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '"': '&quot;', '<': '&lt;', '>': '&gt;' };
  return text.replace(/[&"<>]/g, (character) => entities[character] ?? character);
}

export function embedUrl(choice: EmbedChoice): string {
  const query = new URLSearchParams({ lang: choice.lang, layers: choice.layers.join(',') });
  if (choice.commune) query.set('commune', choice.commune);
  if (choice.title) query.set('title', choice.title);
  const view = choice.view ? `#${choice.view}` : '';
  return `${choice.site}/embed?${query.toString().replaceAll('%2C', ',')}${view}`;
}

/** An iframe with a name, lazy loading and no way back into the page that holds it. */
export function iframeCode(choice: EmbedChoice): string {
  const attributes = {
    title: choice.title,
    src: embedUrl(choice),
    width: '100%',
    height: String(choice.height),
    loading: 'lazy',
    sandbox: 'allow-scripts allow-popups allow-popups-to-escape-sandbox',
    referrerpolicy: 'strict-origin-when-cross-origin',
  };
  return `<iframe ${attributeText(attributes)} allowfullscreen></iframe>`;
}

export function tagCode(choice: EmbedChoice): string {
  const attributes: Record<string, string> = {
    title: choice.title,
    lang: choice.lang,
    layers: choice.layers.join(','),
  };
  if (choice.commune) attributes['commune'] = choice.commune;
  if (choice.view) attributes['view'] = choice.view;
  attributes['height'] = String(choice.height);
  const script = `<script type="module" src="${escapeAttribute(choice.site)}/widget.js"></script>`;
  return `${script}\n<ban-do-so ${attributeText(attributes)}></ban-do-so>`;
}

function attributeText(attributes: Record<string, string>): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}="${escapeAttribute(value)}"`)
    .join(' ');
}
