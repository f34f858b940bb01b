import Handlebars from 'handlebars';
import { DevclusterError, messageOf } from '../support/errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Applies handlebars to every string value of a parsed document, so that no value can break its syntax and nothing is
 * HTML-escaped. Keys stay as they are.
 * @param source the file's name, for errors
 * @param known the words that an expression may begin with, for errors; default: those of `values`
 * @throws DevclusterError usage / TEMPLATE_ERROR with the place of an undefined value or a faulty expression
 */
export function renderStrings(
  document: Json,
  values: Readonly<Record<string, unknown>>,
  source: string,
  known: readonly string[] = Object.keys(values),
): Json {
  const visit = (value: Json, place: string): Json => {
    if (typeof value === 'string')
      return value.includes('{{') ? renderString(value, values, `${source}, at ${place || '/'}`, known) : value;
    if (Array.isArray(value)) return value.map((element, i) => visit(element, `${place}/${i}`));
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(
        Object.entries(value).map(([key, member]) => [key, visit(member as Json, `${place}/${key}`)]),
      );
    return value;
  };
  return visit(document, '');
}

/** The first words of all expressions in string values: `git` of `{{git.commit}}`. */
export function wordsOf(document: Json): Set<string> {
  if (typeof document === 'string')
    return new Set([...document.matchAll(/\{\{[^}]*?([A-Za-z_]\w*)/g)].map(([, word]) => word!));
  if (document === null || typeof document !== 'object') return new Set();
  return new Set(Object.values(document as object).flatMap((member) => [...wordsOf(member as Json)]));
}

function renderString(
  text: string,
  values: Readonly<Record<string, unknown>>,
  place: string,
  known: readonly string[],
): string {
  try {
    return Handlebars.compile(text, { noEscape: true, strict: true })(values);
  } catch (error) {
    const name = /^"(.+?)" not defined/.exec(messageOf(error))?.[1];
    const what = name ? `'${name}' is not defined` : messageOf(error);
    throw new DevclusterError('usage', 'TEMPLATE_ERROR', `${place}: ${what} in '${text}'`, {
      hint: hintFor(text, values, known),
      cause: error,
    });
  }
}

/** The members that there are of what was named, unless they are variables of the shell, or else the first words. */
function hintFor(text: string, values: Readonly<Record<string, unknown>>, known: readonly string[]): string {
  const word = [...wordsOf(text)].find((each) => each in values);
  const of = word === undefined ? undefined : values[word];
  if (word === 'env') return 'Set the variable in this shell.';
  if (of !== null && typeof of === 'object')
    return `There is ${Object.keys(of)
      .map((key) => `{{${word}.${key}}}`)
      .join(', ')}.`;
  return `Known values: ${known.join(', ')}.`;
}
