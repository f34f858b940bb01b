import { styleText } from 'node:util';
import type { Style } from './spec.ts';

/** @param on without it every function gives the text back as it is */
export function createStyle(on: boolean): Style {
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) => (on ? styleText(format, text) : text);
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  };
}

/** Whether a stream gets colours: a terminal, and nobody said no (https://no-color.org). */
export function wantsColor(
  stream: { isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
  allowed: boolean,
): boolean {
  return allowed && stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}
