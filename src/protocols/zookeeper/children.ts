import type { Cancel, Clock } from '../../support/clock.ts';
import { coalesce } from '../../support/coalesce.ts';
import type { Logger } from '../../support/logger.ts';
import type { ZooKeeperClient } from './client-types.ts';
import { isZooKeeperError } from './errors.ts';

export interface Child {
  name: string;
  data: Buffer | null;
}

export interface ChildrenOptions {
  client: ZooKeeperClient;
  clock: Clock;
  log: Logger;
  /** The parent; it need not exist yet. */
  path: string;
  /** Picks the children to read, in the order they are reported. */
  select(names: readonly string[]): readonly string[];
  /** Whether losing the connection already counts as knowing nothing; losing the session always does. */
  forgetOnDisconnect: boolean;
  /** Called at each change, and with the first answer; none when there are none, or nothing is known any more. */
  onChange(children: readonly Child[]): void;
}

// What Mesos' detectors wait after an error of the server.
const firstRetryMs = 2000;
const maxRetryMs = 60_000;

/** Follows chosen children of a node by a watch on the list of children; the way leaders are found. */
export function followChildren(options: ChildrenOptions): { close(): void } {
  const { client, clock, log, path, select } = options;
  let closed = false;
  let last: string | undefined;
  let retryMs = firstRetryMs;
  let cancelRetry: Cancel = () => {};

  const report = (identity: string, children: readonly Child[]) => {
    if (closed || identity === last) return;
    last = identity;
    options.onChange(children);
  };

  const readOnce = async (): Promise<'done' | 'again'> => {
    let names: string[];
    try {
      names = await client.getChildren(path, { watch: update });
    } catch (error) {
      if (!isZooKeeperError(error, 'noNode')) throw error;
      if (await client.exists(path, { watch: update })) return 'again';
      report('', []);
      return 'done';
    }
    const chosen = select(names);
    try {
      const read = await Promise.all(
        chosen.map((name) => client.getData(path === '/' ? `/${name}` : `${path}/${name}`)),
      );
      const identity = chosen.map((name, i) => `${name} ${read[i]!.stat.czxid} ${read[i]!.stat.mzxid}`).join();
      report(
        identity,
        chosen.map((name, i) => ({ name, data: read[i]!.data })),
      );
      return 'done';
    } catch (error) {
      if (isZooKeeperError(error, 'noNode')) return 'again';
      throw error;
    }
  };

  const run = coalesce(async () => {
    cancelRetry();
    try {
      while (!closed && client.state === 'connected' && (await readOnce()) === 'again');
      retryMs = firstRetryMs;
    } catch (error) {
      // A lost connection or session is taken up by the state listener.
      if (closed || isZooKeeperError(error, 'connectionLoss', 'sessionExpired')) return;
      log.warn('could not read the members of a group', { path, error });
      cancelRetry = clock.after(retryMs, update);
      retryMs = Math.min(retryMs * 2, maxRetryMs);
    }
  });

  function update(): void {
    if (!closed) void run();
  }

  const cancelState = client.onState((state) => {
    if (state === 'connected') update();
    else if (state !== 'connecting' || options.forgetOnDisconnect) report('', []);
  });
  update();

  return {
    close() {
      closed = true;
      cancelState();
      cancelRetry();
    },
  };
}

/** The number that a sequential node's name ends with, after the separator; undefined if there is none. */
export function sequenceOf(name: string, separator: '_' | '-'): number | undefined {
  const digits = name.slice(name.lastIndexOf(separator) + 1);
  return /^\d{1,10}$/.test(digits) ? Number(digits) : undefined;
}

/** Names with a number, lowest first. */
export function bySequence(names: readonly string[], separator: '_' | '-'): string[] {
  const numbered: { name: string; sequence: number }[] = [];
  for (const name of names) {
    const sequence = sequenceOf(name, separator);
    if (sequence !== undefined) numbered.push({ name, sequence });
  }
  return numbered.sort((a, b) => a.sequence - b.sequence).map(({ name }) => name);
}
