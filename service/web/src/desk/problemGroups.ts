/** The messages of a report, gathered by what they say. */
import { say } from '../core/page';
import { LEVELS, type Level, type Report, type ReportMessage } from './types';

/** All messages of one code. */
export interface ProblemGroup {
  code: string;
  level: Level;
  /** How often it was found; the messages written out may be fewer. */
  total: number;
  messages: ReportMessage[];
}

/** Groups the messages by code: errors first, then what was found most often. */
export function groupsOf({ messages = [], counts = {} }: Pick<Report, 'messages' | 'counts'>): ProblemGroup[] {
  const groups = new Map<string, ProblemGroup>();
  for (const message of messages) {
    const group = groups.get(message.code);
    if (group) group.messages.push(message);
    else groups.set(message.code, { code: message.code, level: message.level, total: 0, messages: [message] });
  }
  for (const group of groups.values()) group.total = Math.max(counts[group.code] ?? 0, group.messages.length);
  return [...groups.values()].sort(
    (one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level) || other.total - one.total,
  );
}

/** How many messages of each level there are. */
export function levelCounts(groups: readonly ProblemGroup[]): Record<Level, number> {
  const found: Record<Level, number> = { error: 0, warning: 0, info: 0 };
  for (const { level, total } of groups) found[level] += total;
  return found;
}

/** The sentence that stands for a group: the first of it. */
export function titleOf({ messages, code }: ProblemGroup): string {
  return say(messages[0]) || code;
}

/** What to do about a group; each different advice once. */
export function remediesOf({ messages }: ProblemGroup): string[] {
  return [...new Set(messages.map(({ remedy }) => say(remedy)).filter(Boolean))].slice(0, 3);
}

/** The places of a report's messages, each with what its label needs. */
export function placesOf(messages: readonly ReportMessage[], level: Level): GeoJSON.Feature[] {
  return messages.flatMap(({ place, row, code, ...message }) =>
    message.level === level && place
      ? [{ type: 'Feature', geometry: { type: 'Point', coordinates: place }, properties: { row, code } }]
      : [],
  );
}
