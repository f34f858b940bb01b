/** The first place where a text is no JSON. */
export interface JsonFault {
  offset: number;
  /** What is wrong, as a part of a sentence. */
  what: string;
}

/**
 * Finds why and where a text is no JSON (RFC 8259); undefined when it is. The engine's own messages differ between its
 * versions, and often don't name a place.
 */
export function jsonFault(text: string): JsonFault | undefined {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  const fail = (what: string, offset = at): never => {
    throw { offset, what } satisfies JsonFault;
  };
  const space = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
    if (text.startsWith('//', at) || text.startsWith('/*', at)) fail('JSON has no comments');
  };
  const found = () => (at >= text.length ? 'the end of the text' : `'${String.fromCodePoint(text.codePointAt(at)!)}'`);

  const string = () => {
    const begun = at++;
    for (;;) {
      const char = text[at];
      if (char === undefined || char === '\n') fail('a string has no closing "', begun);
      else if (char === '"') return void at++;
      else if (char < ' ') fail('a string holds a control character');
      else if (char === '\\') {
        if (!/^\\(["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(at, at + 6))) fail('a string holds an unknown escape');
        at += text[at + 1] === 'u' ? 6 : 2;
      } else at++;
    }
  };
  /** Members up to the closing bracket, each read by `member`. */
  const members = (close: string, member: () => void) => {
    const begun = at++;
    space();
    if (text[at] === close) return void at++;
    for (;;) {
      member();
      space();
      if (text[at] === close) return void at++;
      if (at >= text.length) fail(`what opens here is never closed by '${close}'`, begun);
      if (text[at] !== ',') fail(`a comma or '${close}' is missing before ${found()}`);
      const comma = at++;
      space();
      if (text[at] === close) fail(`there is a comma before '${close}'`, comma);
    }
  };
  const value = (depth: number) => {
    space();
    if (depth > 500) fail('it is nested too deep');
    const char = text[at];
    if (char === '{')
      return members('}', () => {
        if (text[at] !== '"') fail(`a name in double quotes is expected, not ${found()}`);
        string();
        space();
        if (text[at] !== ':') fail(`a colon is missing before ${found()}`);
        at++;
        value(depth + 1);
      });
    if (char === '[') return members(']', () => value(depth + 1));
    if (char === '"') return string();
    const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/.exec(
      text.slice(at, at + 400),
    );
    if (!word) fail(`a value is expected, not ${found()}`);
    else at += word[0].length;
  };

  try {
    value(0);
    space();
    if (at < text.length) fail(`the text goes on behind its end with ${found()}`);
    return undefined;
  } catch (fault) {
    if (fault instanceof Error) throw fault;
    return fault as JsonFault;
  }
}
