/**
 * How a command ends. The numbers are the exit codes of the command line.
 *
 * usage: wrong usage or configuration; missing: something needed is not here or not possible here; timeout: not ready
 * in time; notFound: no such cluster, node, service or app; conflict: name, port, lock, running deployment;
 * deployment: a deployment failed or timed out; interrupted: ended by a signal after cleaning up.
 */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  missing: 3,
  timeout: 4,
  notFound: 5,
  conflict: 6,
  deployment: 7,
  interrupted: 130,
} as const;

export type ExitKind = Exclude<keyof typeof exitCodes, 'ok'>;

export interface ErrorOptions {
  /** What to do next, as a sentence for the user. */
  hint?: string;
  /** Machine-readable facts, printed under `details` by `--json`. */
  details?: unknown;
  cause?: unknown;
}

/**
 * An error a user can act on: `message` says what and why, `hint` what next.
 * `code` is a stable SCREAMING_SNAKE_CASE name; `kind` decides the exit code.
 */
export class DevclusterError extends Error {
  readonly kind: ExitKind;
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: unknown;

  constructor(kind: ExitKind, code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DevclusterError';
    this.kind = kind;
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }
}

/** The `code` of a Node.js system error (`ENOENT`, `EADDRINUSE`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
