import type { CommandInfo, ContainerInfo, NetworkInfo } from '../../../protocols/mesos/types.ts';
import type { ContainerInspect } from './engine.ts';

/** A running container's address in a network; without the network's name the only one it has. */
export function addressIn(container: ContainerInspect, network: string): string | undefined {
  const networks = container.NetworkSettings.Networks ?? {};
  const found = networks[network] ?? (Object.keys(networks).length === 1 ? Object.values(networks)[0] : undefined);
  return found?.IPAddress || undefined;
}

/** The `network_infos` of a running container's status. Source: src/docker/executor.cpp of Apache Mesos. */
export function networkInfosOf(address: string, container: ContainerInfo | undefined): NetworkInfo[] {
  const [given] = container?.network_infos ?? [];
  return [{ ip_addresses: [{ protocol: 'IPv4', ip_address: address }], ...without(given) }];
}

function without(info: NetworkInfo | undefined): Omit<NetworkInfo, 'ip_addresses'> {
  const { ip_addresses: _, ...rest } = info ?? {};
  return rest;
}

/**
 * The `data` of TASK_RUNNING: what `docker inspect` prints, as base64. Values of secrets are left out of it: it goes to
 * the framework and may be kept or shown there.
 */
export function statusData(container: ContainerInspect, command: CommandInfo | undefined): string {
  const secrets = (command?.environment?.variables ?? []).filter(({ type }) => type === 'SECRET');
  const isSecret = (entry: string) => secrets.some(({ name }) => entry.startsWith(`${name}=`));
  const shown = {
    ...container,
    Config: {
      ...container.Config,
      Env: container.Config.Env?.map((entry) => (isSecret(entry) ? `${entry.slice(0, entry.indexOf('='))}=…` : entry)),
    },
  };
  return Buffer.from(`${JSON.stringify([shown], undefined, 4)}\n`).toString('base64');
}
