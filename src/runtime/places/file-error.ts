import { rmdirSync } from 'node:fs';
import { DevclusterError, messageOf, systemCode } from '../../support/errors.ts';

/** What a failed write to devcluster's own files means to the user; errors of other kinds are returned as they are. */
export function fileError(error: unknown, path: string): unknown {
  if (error instanceof DevclusterError) return error;
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new DevclusterError('missing', 'NO_SPACE', `There is no room left to write ${path}`, {
        hint: 'Make room on that disk, or set XDG_STATE_HOME to a folder on another one.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
      return new DevclusterError('missing', 'NOT_WRITABLE', `${path} can't be written: ${messageOf(error)}`, {
        hint: 'Make the folder writable for this user, or set XDG_STATE_HOME to one that is.',
        cause: error,
      });
    default:
      return error;
  }
}

/** Removes a folder unless it holds something (or is not there). */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Whatever it holds belongs to somebody.
  }
}
