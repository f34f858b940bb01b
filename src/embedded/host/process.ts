import type { HostSpec } from '../../protocols/control.ts';
import type { Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { LoadComponent } from './components.ts';
import { type Host, runHost } from './host.ts';

/** EX_SOFTWARE of sysexits.h: an error nobody handled. */
const internalError = 70;

/**
 * Makes this process a node's host: SIGTERM or SIGINT end it in order with code 0 (a second one at once), an error that
 * nobody handled is logged and ends it with code 70. It has left its terminal, so a hang-up means nothing to it.
 */
export async function serve(spec: HostSpec, load: LoadComponent, clock: Clock): Promise<void> {
  process.title = `devcluster: ${spec.cluster} ${spec.node}`;
  let host: Host | undefined;
  const fail = (what: string) => (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    try {
      if (host) host.log.error(`${what}: ${text}`);
      else process.stderr.write(`${new Date().toISOString()} ERROR host: ${what}: ${text}\n`);
      host?.flush();
    } finally {
      process.exit(internalError);
    }
  };
  process.on('uncaughtException', fail('unhandled error'));
  process.on('unhandledRejection', fail('unhandled rejection'));
  process.on('SIGHUP', () => {});
  let ending = false;
  const end = (signal: NodeJS.Signals) => {
    if (ending) process.exit(0);
    ending = true;
    host?.log.info('stopping', { signal });
    void Promise.resolve(host?.stop()).then(() => process.exit(0), fail('stopping failed'));
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  try {
    host = await runHost(spec, load, clock);
  } catch (error) {
    fail('the node could not be started')(error);
  }
}
