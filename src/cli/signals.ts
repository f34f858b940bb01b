import { DevclusterError, exitCodes } from '../support/errors.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Who owns signals: nobody but this. The first one aborts; with `cleansUp` the command then undoes what it began and
 * ends with 130, others end at once. A second one only leaves.
 */
export function ownSignals(options: { cleansUp: boolean; onFirst: (signal: string) => void }): AbortSignal {
  const controller = new AbortController();
  for (const name of signals)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCodes.interrupted);
      controller.abort(
        new DevclusterError('interrupted', 'INTERRUPTED', `Interrupted by ${name}`, { details: { signal: name } }),
      );
      if (options.cleansUp) options.onFirst(name);
      else process.exit(exitCodes.interrupted);
    });
  return controller.signal;
}
