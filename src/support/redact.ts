const secretName = /pass(word|wd|phrase)?|secret|token|credential|private|api_?key|auth/i;

/**
 * A copy of a document from which secrets are removed: known values wherever they are, and the values of members that
 * are called like secrets.
 * @param values known secrets; very short ones are left out, since they are parts of everything
 */
export function redact(document: unknown, values: readonly string[]): unknown {
  const hide = hideIn(values);
  const visit = (value: unknown, name: string): unknown => {
    if (typeof value === 'string') return secretName.test(name) && value !== '' ? '(removed)' : hide(value);
    if (Array.isArray(value)) return value.map((element) => visit(element, name));
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, visit(member, key)]));
    return value;
  };
  return visit(document, '');
}

const shortest = 4;

/** Replaces known secrets in a text. */
export function hideIn(values: readonly string[]): (text: string) => string {
  const known = values.filter((value) => value.length >= shortest).sort((a, b) => b.length - a.length);
  return (text) => known.reduce((rest, value) => rest.replaceAll(value, '(removed)'), text);
}
