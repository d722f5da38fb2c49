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

/** How many things were changed. */
export function draftSize({ columns = {}, encoding = {}, ...others }: Choices): number {
  const encodings = typeof encoding === 'string' ? 1 : Object.keys(encoding).length;
  return Object.keys(columns).length + encodings + Object.keys(others).length;
}
