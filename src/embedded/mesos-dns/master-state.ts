import { createHash } from 'node:crypto';
import type { Clock } from '../../support/clock.ts';
import { httpCall } from '../../support/http-client.ts';
import type { Network } from '../../support/network.ts';
import type { MesosDnsConfig } from './config.ts';
import { joinHostPort } from './generator.ts';
import { type MesosState, parsePid, parseState } from './state.ts';

/**
 * Reads `/master/state` of the leading master, asking `masters` (`ip:port`) in order until one answers. While the
 * answer stays the same byte for byte, so does the object: most reloads end with one comparison.
 * @throws when no master answers, or the signal aborts
 */
export type LoadState = (masters: readonly string[], signal: AbortSignal) => Promise<MesosState>;

const maxRedirects = 5;

export function createStateLoader(
  network: Network,
  clock: Clock,
  config: Pick<MesosDnsConfig, 'StateTimeoutSeconds' | 'MesosAuthentication' | 'MesosCredentials'>,
): LoadState {
  const { Principal, Secret } = config.MesosCredentials;
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (config.MesosAuthentication === 'basic')
    headers.Authorization = `Basic ${Buffer.from(`${Principal}:${Secret}`).toString('base64')}`;
  let last: { digest: string; state: MesosState } | undefined;

  const fetchFrom = async (address: string, signal: AbortSignal): Promise<MesosState> => {
    // A master that is paused in the middle of its answer must not end all reloads.
    const abort = new AbortController();
    const seconds = config.StateTimeoutSeconds;
    const cancel = clock.after(seconds * 1000, () => abort.abort(new Error(`no answer in ${seconds} s`)));
    const onAbort = () => abort.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      const url = `http://${address}/master/state`;
      const call = { agent: network.httpAgent, headers, maxRedirects, signal: abort.signal };
      const { status, body } = await httpCall(url, call);
      if (status !== 200) throw new Error(`the master at ${address} answered ${status}`);
      const digest = createHash('sha1').update(body).digest('base64');
      if (last?.digest === digest) return last.state;
      const state = parseState(body.toString('utf8'));
      if (!state) throw new Error(`the master at ${address} knows no leader`);
      last = { digest, state };
      return state;
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  };

  const loadFrom = async (address: string, signal: AbortSignal): Promise<MesosState> => {
    const state = await fetchFrom(address, signal);
    const colon = address.lastIndexOf(':');
    const leader = parsePid(state.leader)!;
    if (leader.host === address.slice(0, colon).replace(/^\[|\]$/g, '')) return state;
    // The leader is asked at the port that this master was asked at, whatever port it names.
    return fetchFrom(joinHostPort(leader.host, address.slice(colon + 1)), signal);
  };

  return async (masters, signal) => {
    let problem: unknown = new Error('no master is known');
    for (const master of masters) {
      try {
        return await loadFrom(master, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        problem = error;
      }
    }
    throw problem;
  };
}
