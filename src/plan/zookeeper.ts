import { posix } from 'node:path';
import { type ComponentContext, isDevelopment, type Settings, servicePlan } from './component.ts';
import type { ServicePlan } from './types.ts';

/**
 * A ZooKeeper server: `zoo.cfg` as its argument, `myid` in its data folder. `flags` of the configuration are lines of
 * `zoo.cfg`. Known to be ready by its answer to `srvr`: a server outside a quorum says that it serves no requests.
 */
export function zookeeper(context: ComponentContext): ServicePlan {
  const { place, control, config } = context;
  const folder = posix.join(place.dataDir, 'zookeeper');
  const dataDir = posix.join(folder, 'data');
  const configFile = posix.join(folder, 'zoo.cfg');
  const id = control.indexOf(place) + 1;

  const settings: Settings = {
    ...(isDevelopment(context)
      ? {
          // Sessions may be as short as 2 s; a shorter tick would only cost more heartbeats.
          tickTime: 1000,
          initLimit: 20,
          // A leader that hangs is replaced after three ticks, one that is killed at once.
          syncLimit: 3,
          // A killed process loses nothing; only a machine that loses its power could.
          forceSync: 'no',
        }
      : { tickTime: 2000, initLimit: 10, syncLimit: 5 }),
    dataDir,
    clientPort: place.ports.zookeeper,
    clientPortAddress: place.address,
    maxClientCnxns: 0,
    'autopurge.snapRetainCount': 3,
    'autopurge.purgeInterval': 1,
    'admin.enableServer': 'false',
    '4lw.commands.whitelist': '*',
    ...(control.length > 1
      ? Object.fromEntries(
          control.map((peer, i) => [
            `server.${i + 1}`,
            `${peer.address}:${peer.ports['zookeeper-peer']}:${peer.ports['zookeeper-election']}`,
          ]),
        )
      : {}),
  };
  const lines = { ...settings, ...config.components.zookeeper.flags };
  const content = Object.entries(lines)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');

  const { host, port } = place.published.zookeeper;
  return servicePlan('zookeeper', context, {
    args: [configFile],
    files: [
      { path: configFile, content },
      { path: posix.join(dataDir, 'myid'), content: `${id}\n` },
    ],
    ports: ['zookeeper', 'zookeeper-peer', 'zookeeper-election'],
    probe: { kind: 'zookeeper-srvr', host, port },
    after: [],
  });
}
