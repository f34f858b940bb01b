import type { ContainerInfo } from '../../../protocols/mesos/types.ts';
import type { Placement } from './placement.ts';
import { RequestError } from './request.ts';

/** Where a task's container is on the network. */
export interface ContainerNetwork {
  /** What the engine is told. */
  mode: string;
  /** Uses another's network namespace, or has none: no address and no ports of its own. */
  shared: boolean;
  /** A second network that it joins: the one by which its node reaches it, and it the cluster's DNS servers. */
  second?: string;
  /** As `default_container_dns` tells them apart. */
  kind: 'HOST' | 'BRIDGE' | 'NONE' | 'USER';
}

/**
 * HOST tasks are in their node's network namespace, BRIDGE tasks in the cluster's network, USER tasks in the one they
 * name. An agent that belongs to no cluster takes the engine's host and its default bridge, as the real one does.
 * A parameter `net` or `network` wins over all that.
 * @throws RequestError
 */
export function networkOf(container: ContainerInfo, placement: Placement): ContainerNetwork {
  const asked = container.docker?.parameters?.find(({ key }) => key === 'net' || key === 'network')?.value;
  if (asked !== undefined) return byName(asked, placement);
  switch (container.docker?.network ?? 'HOST') {
    case 'HOST':
      return byName('host', placement);
    case 'BRIDGE':
      return byName('bridge', placement);
    case 'NONE':
      return byName('none', placement);
    case 'USER': {
      const [info, ...others] = container.network_infos ?? [];
      if (!info) throw new RequestError('No network info found in container info');
      if (others.length > 0) throw new RequestError('Only a single network can be defined in Docker run');
      if (!info.name) throw new RequestError('No network name found in network info');
      return byName(info.name, placement);
    }
  }
}

function byName(name: string, { network, nodeContainer }: Placement): ContainerNetwork {
  if (name === 'host')
    return { mode: nodeContainer === undefined ? 'host' : `container:${nodeContainer}`, shared: true, kind: 'HOST' };
  if (name === 'bridge' || name === 'default') return { mode: network ?? 'bridge', shared: false, kind: 'BRIDGE' };
  if (name === 'none') return { mode: 'none', shared: true, kind: 'NONE' };
  if (name.startsWith('container:')) return { mode: name, shared: true, kind: 'USER' };
  const second = network !== undefined && network !== name ? { second: network } : {};
  return { mode: name, shared: false, kind: 'USER', ...second };
}
