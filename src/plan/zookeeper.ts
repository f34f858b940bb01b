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
          ...(isImage(context) ? imageTiming : commonTiming),
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
  if (isImage(context)) return ofImage(context, id, settings);
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

const isImage = ({ engine, runtime }: ComponentContext) => engine === 'mesos' && runtime === 'docker';

/** Sessions may be as short as 2 s; a shorter tick would only cost more heartbeats. */
const commonTiming: Settings = {
  tickTime: 1000,
  initLimit: 20,
  // A leader that hangs is replaced after three seconds, one that is killed at once.
  syncLimit: 3,
};

/**
 * The same times in shorter ticks: with them real Mesos was measured, whose agents were there the sooner for it. The real
 * one looks for expired sessions once a tick.
 */
const imageTiming: Settings = {
  tickTime: 500,
  initLimit: 40,
  syncLimit: 6,
  // Otherwise 20 ticks.
  maxSessionTimeout: 20_000,
};

/** Megabytes; a server of a developer's cluster holds little. */
const heapMb = 128;

/**
 * A server of the official image, told by its variables, from which it writes `zoo.cfg` and `myid`. What has no
 * variable of its own goes into ZOO_CFG_EXTRA, which is split at spaces.
 */
function ofImage(context: ComponentContext, id: number, settings: Settings): ServicePlan {
  const { place, control, config } = context;
  const lines: Record<string, unknown> = { ...settings, ...config.components.zookeeper.flags };
  const env: Record<string, string> = {
    ZOO_MY_ID: String(id),
    ZOO_SERVERS: control
      .map(({ address, ports }, i) => {
        const peers = `${ports['zookeeper-peer']}:${ports['zookeeper-election']}`;
        return `server.${i + 1}=${address}:${peers};${ports.zookeeper}`;
      })
      .join(' '),
    JVMFLAGS: `-Xmx${heapMb}m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError`,
  };
  const extra: string[] = [];
  for (const [key, value] of Object.entries(lines)) {
    if (value === null || value === undefined || saidByImage.test(key)) continue;
    const variable = imageVariables[key];
    if (variable) env[variable] = String(value);
    else extra.push(`${key}=${value}`);
  }
  if (extra.length > 0) env.ZOO_CFG_EXTRA = extra.join(' ');
  const { host, port } = place.published.zookeeper;
  return servicePlan('zookeeper', context, {
    args: [],
    env,
    // Where everything starts at once on few cores its JVM was seen to need a minute.
    startSeconds: 120,
    container: { volumes: ['/data', '/datalog'] },
    ports: ['zookeeper', 'zookeeper-peer', 'zookeeper-election'],
    probe: { kind: 'zookeeper-srvr', host, port },
    after: [],
  });
}

/** The image has its own places for data, and the servers' own lines have the client's port. */
const saidByImage = /^(dataDir|dataLogDir|clientPort|clientPortAddress|server\.\d+)$/;

/** Lines of `zoo.cfg` that the image writes from variables; given twice, a line would be written twice. */
const imageVariables: Readonly<Record<string, string>> = {
  tickTime: 'ZOO_TICK_TIME',
  initLimit: 'ZOO_INIT_LIMIT',
  syncLimit: 'ZOO_SYNC_LIMIT',
  maxClientCnxns: 'ZOO_MAX_CLIENT_CNXNS',
  standaloneEnabled: 'ZOO_STANDALONE_ENABLED',
  'autopurge.snapRetainCount': 'ZOO_AUTOPURGE_SNAPRETAINCOUNT',
  'autopurge.purgeInterval': 'ZOO_AUTOPURGE_PURGEINTERVAL',
  'admin.enableServer': 'ZOO_ADMINSERVER_ENABLED',
  '4lw.commands.whitelist': 'ZOO_4LW_COMMANDS_WHITELIST',
};
