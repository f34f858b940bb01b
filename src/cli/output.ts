import type { Output } from './spec.ts';
import { createStyle } from './style.ts';

/** @param write writes to stdout */
export function createOutput(write: (text: string) => void, options: { json: boolean; color: boolean }): Output {
  return {
    json: options.json,
    color: options.color && !options.json,
    style: createStyle(options.color && !options.json),
    result(document, text) {
      if (options.json) write(`${JSON.stringify(document, undefined, 2)}\n`);
      else if (text !== '') write(text.endsWith('\n') ? text : `${text}\n`);
    },
    event(document, text) {
      write(`${options.json ? JSON.stringify(document) : text}\n`);
    },
  };
}
