import type { AppChange, Difference } from '../apps/differences.ts';
import type { Style } from './spec.ts';

const longest = 60;

/** What a deployment changes, for people: an app a line, below it a line for each field. */
export function formatChanges(changes: readonly AppChange[], style: Style): string {
  return changes
    .flatMap((each) => [heading(each, style), ...each.differences.map((one) => line(one, style))])
    .join('\n');
}

function heading({ id, change }: AppChange, style: Style): string {
  switch (change) {
    case 'create':
      return `${style.green('+')} ${style.bold(id)} is new`;
    case 'remove':
      return `${style.red('-')} ${style.bold(id)} is removed`;
    case 'update':
      return `${style.yellow('~')} ${style.bold(id)} changes`;
    case 'none':
      return `  ${id} stays as it is`;
  }
}

function line({ path, kind, before, after }: Difference, style: Style): string {
  switch (kind) {
    case 'added':
      return style.green(`    + ${path}: ${short(after)}`);
    case 'removed':
      return style.red(`    - ${path}: ${short(before)}`);
    case 'changed':
      return style.yellow(`    ~ ${path}: ${short(before)} → ${short(after)}`);
  }
}

function short(value: unknown): string {
  // A commit is known by its beginning, and by what the tree had beside it.
  const text = (JSON.stringify(value) ?? '').replace(/\b([0-9a-f]{7})[0-9a-f]{33}\b/g, '$1');
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** Values that must not be shown, wherever they are in the changes. */
export function hideValues(changes: readonly AppChange[], values: readonly string[]): AppChange[] {
  const secret = values.filter((value) => value !== '');
  if (secret.length === 0) return [...changes];
  const hide = (value: unknown): unknown => {
    if (typeof value === 'string') return secret.reduce((text, each) => text.replaceAll(each, '(secret)'), value);
    if (Array.isArray(value)) return value.map(hide);
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, hide(member)]));
    return value;
  };
  return changes.map((change) => ({ ...change, differences: hide(change.differences) as Difference[] }));
}
