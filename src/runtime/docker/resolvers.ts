import { getServers } from 'node:dns';
import { readFileSync } from 'node:fs';

/**
 * Where a cluster's Mesos-DNS sends names that are not its own: to this machine's resolvers, but for those that listen
 * on a loopback address, which is another one inside of a container. (The containers' own resolver asks Mesos-DNS, so
 * asking that one would go round in circles.)
 */
export function upstreamResolvers(): string[] {
  const usable = (addresses: readonly string[]) =>
    addresses.filter((address) => /^\d+\.\d+\.\d+\.\d+$/.test(address) && !address.startsWith('127.'));
  const own = usable(getServers());
  if (own.length > 0) return own.slice(0, 3);
  // systemd-resolved listens on loopback, and says here whom it asks.
  try {
    const text = readFileSync('/run/systemd/resolve/resolv.conf', 'utf8');
    return usable([...text.matchAll(/^nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '')).slice(0, 3);
  } catch {
    return [];
  }
}
