import { setMaxListeners } from 'node:events';

/** Owns timers, sockets, children and files: what was deferred is undone in reverse order, once. */
export interface Scope {
  /** Registers an undo; runs it at once (and reports nothing) when the scope is closed already. */
  defer(undo: () => unknown): void;
  /** Aborted at the start of `close`. */
  readonly signal: AbortSignal;
  readonly closed: boolean;
  /** Undoes everything; errors of single undos don't stop the others and are thrown together at the end. */
  close(): Promise<void>;
}

export function createScope(): Scope {
  const undos: (() => unknown)[] = [];
  const abort = new AbortController();
  // Whatever the scope owns may listen, and all of it is known to end with the scope.
  setMaxListeners(0, abort.signal);
  let closing: Promise<void> | undefined;
  return {
    signal: abort.signal,
    get closed() {
      return closing !== undefined;
    },
    defer(undo) {
      if (closing)
        void Promise.resolve()
          .then(undo)
          .catch(() => {});
      else undos.push(undo);
    },
    close() {
      closing ??= (async () => {
        abort.abort();
        const errors: unknown[] = [];
        for (let undo = undos.pop(); undo; undo = undos.pop()) {
          try {
            await undo();
          } catch (error) {
            errors.push(error);
          }
        }
        if (errors.length === 1) throw errors[0];
        if (errors.length > 1) throw new AggregateError(errors, 'several clean-ups failed');
      })();
      return closing;
    },
  };
}
