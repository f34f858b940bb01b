import { type ErrorName, errorCodes, errorName } from './constants.ts';

/** A failed ZooKeeper operation. `code` is one of `errorCodes`, `reason` its name, `path` what it was about. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  readonly code: number;
  readonly reason: ErrorName | 'unknown';
  readonly path: string | undefined;

  constructor(code: number, path?: string, detail?: string) {
    const reason = errorName(code);
    super(`ZooKeeper: ${reason} (${code})${path === undefined ? '' : ` for ${path}`}${detail ? `: ${detail}` : ''}`);
    this.code = code;
    this.reason = reason;
    this.path = path;
  }
}

/** Whether `error` is a ZooKeeperError of one of these reasons: `isZooKeeperError(e, 'noNode')`. */
export function isZooKeeperError(error: unknown, ...reasons: ErrorName[]): error is ZooKeeperError {
  return (
    error instanceof ZooKeeperError && (reasons.length === 0 || reasons.some((name) => errorCodes[name] === error.code))
  );
}
