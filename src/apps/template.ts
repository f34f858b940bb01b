import Handlebars from 'handlebars';
import { DevclusterError, messageOf } from '../support/errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Applies handlebars to every string value of a parsed document, so that no value can break its syntax and nothing is
 * HTML-escaped. Keys stay as they are.
 * @param source the file's name, for errors
 * @throws DevclusterError usage / TEMPLATE_ERROR with the place of an undefined value or a faulty expression
 */
export function renderStrings(document: Json, values: Readonly<Record<string, unknown>>, source: string): Json {
  const visit = (value: Json, place: string): Json => {
    if (typeof value === 'string')
      return value.includes('{{') ? renderString(value, values, `${source}, at ${place || '/'}`) : value;
    if (Array.isArray(value)) return value.map((element, i) => visit(element, `${place}/${i}`));
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(
        Object.entries(value).map(([key, member]) => [key, visit(member as Json, `${place}/${key}`)]),
      );
    return value;
  };
  return visit(document, '');
}

function renderString(text: string, values: Readonly<Record<string, unknown>>, place: string): string {
  try {
    return Handlebars.compile(text, { noEscape: true, strict: true })(values);
  } catch (error) {
    const name = /^"(.+?)" not defined/.exec(messageOf(error))?.[1];
    const what = name ? `'${name}' is not defined` : messageOf(error);
    throw new DevclusterError('usage', 'TEMPLATE_ERROR', `${place}: ${what} in '${text}'`, {
      hint: `Known values: ${Object.keys(values).join(', ')}.`,
      cause: error,
    });
  }
}
