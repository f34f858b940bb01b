import type { Progress, Step } from '../support/progress.ts';
import type { Style } from './spec.ts';

export interface CliProgress extends Progress {
  /** Ends what is still shown as under way; resolves when nothing will be drawn any more. */
  close(): Promise<void>;
}

export interface ProgressOptions {
  quiet: boolean;
  verbose: boolean;
  style: Style;
}

/** Plain lines, one for each thing that was done; for pipes and logs. Quiet, it writes warnings only. */
export function createPlainProgress(write: (text: string) => void, options: ProgressOptions): CliProgress {
  const { quiet, verbose, style } = options;
  const line = (text: string) => {
    if (!quiet) write(`${text}\n`);
  };
  return {
    steps: (titles) =>
      titles.map((title): Step => {
        let last = '';
        return {
          update(text) {
            if (verbose && text !== last) line(style.dim(`  ${title}: ${text}`));
            last = text;
          },
          done: (text) => line(`${style.green('✔')} ${title}${text ? style.dim(` ${text}`) : ''}`),
          fail: (text) => line(`${style.red('✖')} ${title}${text ? ` ${text}` : ''}`),
        };
      }),
    note: (text) => line(text),
    warn: (text) => write(`${style.yellow('warning:')} ${text}\n`),
    detail(text) {
      if (verbose) line(style.dim(text));
    },
    async close() {},
  };
}
