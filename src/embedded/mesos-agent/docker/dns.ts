import { FlagError } from '../../../support/flags.ts';

/** An entry of `default_container_dns` for Docker containers. */
export interface ContainerDns {
  mode: 'BRIDGE' | 'USER';
  /** Of a user network; undefined: of all that have no entry of their own. */
  name?: string;
  nameservers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}

interface Given {
  docker?: {
    network_mode?: string;
    network_name?: string;
    dns?: { nameservers?: string[]; search?: string[]; options?: string[] };
  }[];
}

/**
 * Reads the JSON of `default_container_dns`; entries for CNI networks are of no use here.
 * Source: ContainerDNSInfo in src/messages/flags.proto of Apache Mesos.
 * @throws FlagError
 */
export function parseContainerDns(given: unknown): ContainerDns[] {
  const entries = (given as Given | null)?.docker ?? [];
  if (!Array.isArray(entries)) throw new FlagError("'docker' is no list");
  return entries.map(({ network_mode: mode, network_name: name, dns = {} }) => {
    if (mode !== 'BRIDGE' && mode !== 'USER')
      throw new FlagError(`DNS can be set for the network modes BRIDGE and USER, not for '${mode}'`);
    const { nameservers = [], search = [], options = [] } = dns;
    for (const list of [nameservers, search, options])
      if (!Array.isArray(list) || list.some((entry) => typeof entry !== 'string'))
        throw new FlagError('nameservers, search and options are lists of texts');
    return { mode, ...(name === undefined ? {} : { name }), nameservers, search, options };
  });
}
