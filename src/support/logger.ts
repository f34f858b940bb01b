export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Writes one line a message: `2026-01-02T03:04:05.678Z INFO  marathon: text key=value`. */
export interface Logger {
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** The same sink and level under another name. */
  named(name: string): Logger;
}

export type LogFields = Record<string, unknown>;

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * @param write takes whole lines, newline included
 * @param level the least level written
 */
export function createLogger(write: (line: string) => void, name: string, level: LogLevel = 'info'): Logger {
  const at = (messageLevel: LogLevel) => (text: string, fields?: LogFields) => {
    if (rank[messageLevel] < rank[level]) return;
    const time = new Date().toISOString();
    write(`${time} ${messageLevel.toUpperCase().padEnd(5)} ${name}: ${oneLine(text)}${formatFields(fields)}\n`);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    named: (other) => createLogger(write, other, level),
  };
}

export const silentLogger: Logger = createLogger(() => {}, '', 'error');

function formatFields(fields: LogFields | undefined): string {
  if (!fields) return '';
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const shown = value instanceof Error ? value.message : typeof value === 'string' ? value : JSON.stringify(value);
    text += ` ${key}=${/[\s"=]/.test(shown ?? '') ? JSON.stringify(shown) : shown}`;
  }
  return text;
}

function oneLine(text: string): string {
  return text.includes('\n') ? text.replaceAll('\n', '\\n') : text;
}
