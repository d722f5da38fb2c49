/** Which layers are on, kept in the query of the page's address. */
import type { Register } from '../core/types';

/** Layers named in `?layers=a,b`; without it, those that are on by themselves. */
export function layersFromQuery(query: string, registers: readonly Register[]): Set<string> {
  const named = new URLSearchParams(query).get('layers');
  if (named === null) return new Set(registers.filter((register) => register.visible !== false).map(({ id }) => id));
  const wanted = new Set(named.split(','));
  return new Set(registers.map(({ id }) => id).filter((id) => wanted.has(id)));
}

/** The address with this choice of layers; the rest of it stays. */
export function withLayers(href: string, shown: ReadonlySet<string>): string {
  const url = new URL(href);
  url.searchParams.delete('layers');
  const others = url.searchParams.toString();
  url.search = `${others}${others ? '&' : ''}layers=${[...shown].map(encodeURIComponent).join(',')}`;
  return url.href;
}

/** Writes the choice into the address bar. */
export function keepLayers(shown: ReadonlySet<string>): void {
  rewrite(withLayers(location.href, shown));
}

/** Puts the view back into the address: a map that is thrown away takes it along. */
export function keepView(hash: string): void {
  const url = new URL(location.href);
  url.hash = hash;
  rewrite(url.href);
}

/** The layer the list starts with: places say more than boundaries. */
export function firstForList(registers: readonly Register[], shown: ReadonlySet<string>): string {
  const candidates = registers.filter(({ id }) => shown.has(id));
  const places = candidates.find(({ geometry }) => geometry === 'point');
  return (places ?? candidates[0] ?? registers[0])?.id ?? '';
}

/** A sandboxed frame may not change its address, and then it stays as it is. */
function rewrite(href: string): void {
  try {
    history.replaceState(history.state, '', href);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
