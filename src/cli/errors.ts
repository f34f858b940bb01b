import { DevclusterError, exitCodes, messageOf, systemCode } from '../support/errors.ts';
import type { Style } from './spec.ts';

export interface ErrorReport {
  exitCode: number;
  /** What `--json` prints. */
  document: { error: { code: string; message: string; hint?: string; details?: unknown } };
}

/** Whatever was thrown, as what the user is told. */
export function reportOf(error: unknown): ErrorReport {
  const known = error instanceof DevclusterError ? error : systemError(error);
  if (!known)
    return {
      exitCode: exitCodes.unexpected,
      document: {
        error: { code: 'UNEXPECTED', message: messageOf(error), hint: 'Run it again with --verbose for the details.' },
      },
    };
  return {
    exitCode: exitCodes[known.kind],
    document: {
      error: {
        code: known.code,
        message: known.message,
        ...(known.hint === undefined ? {} : { hint: known.hint }),
        ...(known.details === undefined ? {} : { details: known.details }),
      },
    },
  };
}

/** Errors of the system that no code further down has explained better. */
function systemError(error: unknown): DevclusterError | undefined {
  const path = (error as { path?: unknown } | null)?.path;
  const where = typeof path === 'string' ? ` (${path})` : '';
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new DevclusterError('missing', 'DISK_FULL', `There is no room left on the disk${where}`, {
        hint: 'Free some space, then run `devcluster down` and `devcluster up`.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new DevclusterError('missing', 'NOT_PERMITTED', messageOf(error), {
        hint: 'Give yourself the right, or choose another place with XDG_STATE_HOME.',
        cause: error,
      });
    case 'EMFILE':
    case 'ENFILE':
      return new DevclusterError('missing', 'TOO_MANY_FILES', 'The limit of open files is reached', {
        hint: 'Raise it with `ulimit -n`.',
        cause: error,
      });
    default:
      return undefined;
  }
}

/** The report as text for stderr, newline included. */
export function formatError(error: unknown, style: Style, verbose: boolean): string {
  const { message, hint } = reportOf(error).document.error;
  const lines = [`${style.red('error:')} ${message}`];
  if (hint) lines.push(`${style.cyan('hint:')} ${hint}`);
  if (verbose) lines.push(style.dim(traceOf(error)));
  return `${lines.join('\n')}\n`;
}

function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${traceOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
