import type { Labels } from '../../../protocols/marathon/types.ts';
import { bad, good, type Result } from './problem.ts';

/**
 * Label selectors. Source: api/v2/LabelSelector.scala of Marathon.
 *
 * A selector is a comma-separated list of `key`, `key==value`, `key!=value`, `key in (a,b)` and `key notin (a,b)`; all
 * must hold. Keys and values are made of letters, digits, `-`, `_`, `.` and anything else after a backslash.
 */
type Predicate = (labels: Labels) => boolean;

class SelectorError extends Error {}

interface Reader {
  at: number;
  readonly text: string;
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? '')) reader.at++;
}

function take(reader: Reader, token: string): boolean {
  skipSpace(reader);
  if (!reader.text.startsWith(token, reader.at)) return false;
  reader.at += token.length;
  return true;
}

function term(reader: Reader): string {
  skipSpace(reader);
  const pattern = /(?:\\.|[-A-Za-z0-9_.])+/y;
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0];
  if (found === undefined) {
    const next = reader.text[reader.at];
    throw new SelectorError(next === undefined ? 'label or value expected' : `unexpected character '${next}'`);
  }
  reader.at += found.length;
  return found.replace(/\\(.)/g, '$1');
}

function values(reader: Reader): Set<string> {
  if (!take(reader, '(')) throw new SelectorError("'(' expected");
  const found = new Set<string>();
  if (take(reader, ')')) return found;
  do found.add(term(reader));
  while (take(reader, ','));
  if (!take(reader, ')')) throw new SelectorError("')' expected");
  return found;
}

function selector(reader: Reader): Predicate {
  const key = term(reader);
  const holds =
    (test: (value: string) => boolean): Predicate =>
    (labels) =>
      Object.hasOwn(labels, key) && test(labels[key] as string);
  if (take(reader, '==')) {
    const wanted = term(reader);
    return holds((value) => value === wanted);
  }
  if (take(reader, '!=')) {
    const unwanted = term(reader);
    return holds((value) => value !== unwanted);
  }
  if (take(reader, 'notin')) {
    const unwanted = values(reader);
    return holds((value) => !unwanted.has(value));
  }
  if (take(reader, 'in')) {
    const wanted = values(reader);
    return holds((value) => wanted.has(value));
  }
  return holds(() => true);
}

/** Reads a label selector such as `env==prod,tier in (web,api)` into a predicate on labels. */
export function parseSelector(text: string): Result<Predicate> {
  const reader: Reader = { text, at: 0 };
  const predicates: Predicate[] = [];
  try {
    skipSpace(reader);
    if (reader.at < text.length) {
      do predicates.push(selector(reader));
      while (take(reader, ','));
      skipSpace(reader);
      if (reader.at < text.length) throw new SelectorError(`unexpected character '${text[reader.at]}'`);
    }
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    return bad(422, { message: `Can not parse label selector ${text}. Reason: ${error.message}` });
  }
  return good((labels) => predicates.every((predicate) => predicate(labels)));
}
