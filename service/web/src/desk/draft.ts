/** What an officer changed about how a file is read, before it is read again. */
import type { Choices } from './types';

/** Puts later choices on earlier ones; columns and encodings are kept one by one. */
export function mergeChoices(earlier: Choices, later: Choices): Choices {
  const merged: Choices = { ...earlier, ...later };
  if (earlier.columns && later.columns) merged.columns = { ...earlier.columns, ...later.columns };
  if (typeof earlier.encoding === 'object' && typeof later.encoding === 'object')
    merged.encoding = { ...earlier.encoding, ...later.encoding };
  return merged;
}

/**
 * Puts choices on those the service holds already. It replaces columns and encodings as a whole, so that those chosen
 * earlier have to be sent again; it holds them as JSON.
 */
export function withEarlier(held: Readonly<Record<string, string>>, later: Choices): Choices {
  const merged = { ...later };
  const columns = objectOf(held['columns']);
  const encoding = objectOf(held['encoding']);
  if (later.columns && columns) merged.columns = { ...columns, ...later.columns };
  if (typeof later.encoding === 'object' && encoding)
    merged.encoding = { ...(encoding as Record<string, string>), ...later.encoding };
  return merged;
}

function objectOf(text: string | undefined): Record<string, string | null> | null {
  return text?.startsWith('{') ? (JSON.parse(text) as Record<string, string | null>) : null;
}

/** How many things were changed. */
export function draftSize({ columns = {}, encoding = {}, ...others }: Choices): number {
  const encodings = typeof encoding === 'string' ? 1 : Object.keys(encoding).length;
  return Object.keys(columns).length + encodings + Object.keys(others).length;
}
