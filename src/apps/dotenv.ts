import { DevclusterError } from '../support/errors.ts';

/**
 * The assignments of a .env file: `NAME=value`, also with `export`, with `# comments`, values in single quotes as they
 * are, in double quotes with \n, \r, \t, \", \\ and over several lines.
 * @param source the file's name, for errors, which never quote a value
 * @throws DevclusterError usage with the line
 */
export function parseDotenv(text: string, source: string): Map<string, string> {
  const values = new Map<string, string>();
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)$/.exec(line);
    if (!match) throw wrongLine(source, i, 'is no NAME=value');
    const [, name = '', rest = ''] = match;
    const quote = rest[0];
    if (quote !== '"' && quote !== "'") {
      values.set(name, rest.replace(/(^|\s)#.*$/, '').trim());
      continue;
    }
    const begun = i;
    let raw = rest.slice(1);
    let end = closing(raw, quote);
    while (end < 0 && i + 1 < lines.length) {
      raw += `\n${lines[++i]}`;
      end = closing(raw, quote);
    }
    if (end < 0) throw wrongLine(source, begun, `has no closing ${quote}`);
    if (!/^\s*(#.*)?$/.test(raw.slice(end + 1))) throw wrongLine(source, i, `goes on behind the closing ${quote}`);
    const inner = raw.slice(0, end);
    values.set(name, quote === "'" ? inner : withoutEscapes(inner));
  }
  return values;
}

function closing(text: string, quote: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i++;
    else if (text[i] === quote) return i;
  }
  return -1;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function withoutEscapes(text: string): string {
  return text.replace(/\\(.)/gs, (_, char: string) => escapes[char] ?? char);
}

function wrongLine(source: string, index: number, what: string): DevclusterError {
  return new DevclusterError('usage', 'NOT_DOTENV', `${source}:${index + 1}: the line ${what}`, {
    hint: 'A .env file has lines like NAME=value, NAME="several words" and # comments.',
  });
}
