/** What the page itself says about language and address. */
import type { Bilingual, Lang } from './types';
import { makeTexts } from './i18n';

const root = document.documentElement;

/** Language of the page; Vietnamese unless the page says English. */
export const lang: Lang = root.lang === 'en' ? 'en' : 'vi';

/** Path under which the service is mounted, without a slash at the end. */
export const base = root.dataset['base'] ?? '';

/** Texts of the page's language. */
export const t = makeTexts(lang);

/** What this installation calls itself. */
export const siteName = root.dataset['site'] ?? '';

/** The text of a bilingual value in the page's language, or the other one when it is empty. */
export function say(text: string | Partial<Bilingual> | undefined | null): string {
  if (!text) return '';
  if (typeof text === 'string') return text;
  return text[lang] || text.vi || text.en || '';
}
