import type { ValueRange } from './types.ts';

/** Sorted, non-overlapping ranges in which neighbours are merged; empty ones (begin > end) are dropped. */
export function mergeRanges(ranges: readonly ValueRange[]): ValueRange[] {
  const sorted = ranges.filter((range) => range.begin <= range.end).sort((a, b) => a.begin - b.begin);
  const merged: ValueRange[] = [];
  for (const { begin, end } of sorted) {
    const last = merged[merged.length - 1];
    if (last && begin <= last.end + 1) last.end = Math.max(last.end, end);
    else merged.push({ begin, end });
  }
  return merged;
}

/** What is in `ranges` and not in `removed`. */
export function subtractRanges(ranges: readonly ValueRange[], removed: readonly ValueRange[]): ValueRange[] {
  const holes = mergeRanges(removed);
  const left: ValueRange[] = [];
  for (const { begin, end } of mergeRanges(ranges)) {
    let at = begin;
    for (const hole of holes) {
      if (hole.end < at) continue;
      if (hole.begin > end) break;
      if (hole.begin > at) left.push({ begin: at, end: hole.begin - 1 });
      at = hole.end + 1;
    }
    if (at <= end) left.push({ begin: at, end });
  }
  return left;
}

/** How many numbers the ranges hold. */
export function countRanges(ranges: readonly ValueRange[]): number {
  return mergeRanges(ranges).reduce((sum, { begin, end }) => sum + end - begin + 1, 0);
}

/** `[31000-31001, 31005-31005]`. */
export function formatRanges(ranges: readonly ValueRange[]): string {
  return `[${ranges.map(({ begin, end }) => `${begin}-${end}`).join(', ')}]`;
}

/** Reads `[1-5, 7-9]`; undefined when it isn't of that form. */
export function parseRanges(text: string): ValueRange[] | undefined {
  const inner = /^\[(.*)\]$/s.exec(text.trim())?.[1];
  if (inner === undefined) return undefined;
  const ranges: ValueRange[] = [];
  for (const piece of inner.split(',')) {
    if (piece.trim() === '') continue;
    const match = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(piece);
    if (!match) return undefined;
    const range = { begin: Number(match[1]), end: Number(match[2]) };
    if (!Number.isSafeInteger(range.begin) || !Number.isSafeInteger(range.end)) return undefined;
    ranges.push(range);
  }
  return mergeRanges(ranges);
}
