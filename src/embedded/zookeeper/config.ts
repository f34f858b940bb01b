/**
 * `zoo.cfg` and `myid`, read as ZooKeeper 3.8 reads them: `key=value` lines, `#` and `!` comments. A key that ZooKeeper
 * doesn't know becomes a Java system property `zookeeper.<key>` there, so those that matter here (`forceSync`,
 * `extendedTypesEnabled`, `snapCount`, …) are taken in the same spelling.
 */

/** One `server.N` line. */
export interface PeerConfig {
  id: number;
  host: string;
  quorumPort: number;
  electionPort: number;
  clientPort?: number;
  clientHost?: string;
}

export interface ZooConfig {
  /** This server's id; standalone servers have 0 unless `myid` says otherwise. */
  id: number;
  standalone: boolean;
  /** All voting servers, this one included; of length 1 when standalone. */
  peers: readonly PeerConfig[];
  /** Milliseconds. */
  tickTime: number;
  initLimit: number;
  syncLimit: number;
  dataDir: string;
  dataLogDir: string;
  clientPort: number | undefined;
  clientHost: string | undefined;
  /** From one address; 0 for any number. */
  maxClientConnections: number;
  /** From all addresses; 0 for any number. */
  maxConnections: number;
  minSessionTimeout: number;
  maxSessionTimeout: number;
  /** `all`, or the allowed words. */
  fourLetterWords: 'all' | ReadonlySet<string>;
  purge: { keep: number; intervalHours: number };
  admin: { enabled: boolean; host: string | undefined; port: number; commandPath: string };
  /** Longest frame, bytes. */
  maxFrameBytes: number;
  /** Whether a write is acknowledged only after it is on disk (`forceSync`). */
  forceSync: boolean;
  extendedTypes: boolean;
  skipAcl: boolean;
  /** The digest whose owner may do everything, if there is one. */
  superDigest: string | undefined;
  /** Log entries between snapshots. */
  snapCount: number;
  /** Requests in work per server before it stops reading from clients. */
  maxOutstanding: number;
  /** How often empty containers and expired TTL nodes are looked for, milliseconds. */
  containerCheckInterval: number;
  /** Every `key=value` as given, for `conf`. */
  values: ReadonlyMap<string, string>;
  warnings: readonly string[];
}

/** The file can't be used; the server ends with it. */
export class ConfigError extends Error {}

const defaults = { initLimit: 10, syncLimit: 5, tickTime: 3000, maxClientConnections: 60, adminPort: 8080 };

/** Keys of the real server that have no meaning here; they are accepted without a warning. */
const withoutEffect = new Set([
  'preAllocSize',
  'dynamicConfigFile',
  'reconfigEnabled',
  'standaloneEnabled',
  'peerType',
  'syncEnabled',
  'sslQuorum',
  'electionAlg',
  'cnxTimeout',
  'quorumListenOnAllIPs',
  'localSessionsEnabled',
  'localSessionsUpgradingEnabled',
  'leaderServes',
  'metricsProvider.className',
  'metricsProvider.httpPort',
  'metricsProvider.exportJvmInfo',
  'clientPortListenBacklog',
  'snapshot.trust.empty',
  'audit.enable',
  'admin.idleTimeout',
  'fsync.warningthresholdms',
  'snapSizeLimitInKb',
  'commitProcessor.numWorkerThreads',
  'tcpKeepAlive',
]);

/** Not here, and ignoring it would promise what isn't kept. */
const refused: readonly { key: RegExp; value?: string; reason: string }[] = [
  { key: /^secureClientPort$/, reason: 'TLS is not supported by the embedded server' },
  { key: /^sslQuorum$/, value: 'true', reason: 'TLS between servers is not supported by the embedded server' },
  { key: /^(group|weight)\./, reason: 'every vote counts the same in the embedded server' },
  { key: /^peerType$/, value: 'observer', reason: 'observers are not supported by the embedded server' },
];

/**
 * @param text the content of `zoo.cfg`
 * @param readMyid gives the content of `<dataDir>/myid`, undefined when there is none; asked only for ensembles
 * @throws ConfigError
 */
export function parseZooConfig(text: string, readMyid: (dataDir: string) => string | undefined): ZooConfig {
  const values = parseProperties(text);
  const warnings: string[] = [];
  const used = new Set<string>();
  const take = (key: string): string | undefined => {
    used.add(key);
    const value = values.get(key);
    return value === undefined || value === '' ? undefined : value;
  };
  const number = (key: string, fallback: number, least = 0): number => {
    const value = take(key);
    if (value === undefined) return fallback;
    const parsed = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(parsed)) throw new ConfigError(`${key}=${value} is not a whole number`);
    if (parsed < least) throw new ConfigError(`${key}=${value} must be at least ${least}`);
    return parsed;
  };
  const flag = (key: string, fallback: boolean): boolean => {
    const value = take(key);
    if (value === undefined) return fallback;
    if (/^(true|yes)$/i.test(value)) return true;
    if (/^(false|no)$/i.test(value)) return false;
    throw new ConfigError(`${key}=${value} is neither true nor false`);
  };

  const dataDir = take('dataDir');
  if (dataDir === undefined) throw new ConfigError('dataDir is not set');
  const dataLogDir = take('dataLogDir') ?? dataDir;
  const tickTime = number('tickTime', defaults.tickTime, 1);
  const minSessionTimeout = optionalTimeout(number('minSessionTimeout', -1, -1)) ?? tickTime * 2;
  const maxSessionTimeout = optionalTimeout(number('maxSessionTimeout', -1, -1)) ?? tickTime * 20;
  if (minSessionTimeout > maxSessionTimeout)
    throw new ConfigError(
      `minSessionTimeout (${minSessionTimeout}) must not be larger than maxSessionTimeout (${maxSessionTimeout})`,
    );

  const peers: PeerConfig[] = [];
  for (const [key, value] of values) {
    if (!key.startsWith('server.')) continue;
    used.add(key);
    peers.push(parsePeer(key, value));
  }
  peers.sort((a, b) => a.id - b.id);

  const standalone = peers.length <= 1;
  let id = 0;
  if (!standalone) {
    const myid = readMyid(dataDir);
    if (myid === undefined) throw new ConfigError(`${dataDir}/myid file is missing`);
    id = Number(myid.trim());
    if (!/^\d+$/.test(myid.trim()) || id > 255)
      throw new ConfigError(`serverid ${myid.trim()} in ${dataDir}/myid is not a number from 0 to 255`);
    if (!peers.some((peer) => peer.id === id))
      throw new ConfigError(`${dataDir}/myid says ${id}, but there is no server.${id} line`);
    if (!values.has('initLimit')) throw new ConfigError('initLimit is not set');
    if (!values.has('syncLimit')) throw new ConfigError('syncLimit is not set');
    if (peers.length % 2 === 0)
      warnings.push(`${peers.length} servers tolerate no more losses than ${peers.length - 1}: use an odd number`);
  } else if (peers[0]) {
    id = peers[0].id;
    warnings.push('only one server line: running as a standalone server');
  }
  const self = peers.find((peer) => peer.id === id);

  const words = take('4lw.commands.whitelist') ?? 'srvr';
  const fourLetterWords =
    words.trim() === '*'
      ? 'all'
      : new Set(
          words
            .split(',')
            .map((word) => word.trim())
            .filter(Boolean),
        );

  const config: ZooConfig = {
    id,
    standalone,
    peers: standalone ? [self ?? { id, host: '127.0.0.1', quorumPort: 0, electionPort: 0 }] : peers,
    tickTime,
    initLimit: number('initLimit', defaults.initLimit, 1),
    syncLimit: number('syncLimit', defaults.syncLimit, 1),
    dataDir,
    dataLogDir,
    clientPort: values.has('clientPort') ? portOf('clientPort', number('clientPort', 0)) : self?.clientPort,
    clientHost: take('clientPortAddress') ?? self?.clientHost,
    maxClientConnections: number('maxClientCnxns', defaults.maxClientConnections),
    maxConnections: number('maxCnxns', 0),
    minSessionTimeout,
    maxSessionTimeout,
    fourLetterWords,
    purge: {
      keep: Math.max(3, number('autopurge.snapRetainCount', 3)),
      intervalHours: number('autopurge.purgeInterval', 0),
    },
    admin: {
      // The real server's is on unless turned off; 8080 is Marathon's port, so here it has to be asked for.
      enabled: flag('admin.enableServer', false),
      host: take('admin.serverAddress'),
      port: portOf('admin.serverPort', number('admin.serverPort', defaults.adminPort)),
      commandPath: take('admin.commandURL') ?? '/commands',
    },
    maxFrameBytes: number('jute.maxbuffer', 0xfffff, 1024),
    forceSync: flag('forceSync', true),
    extendedTypes: flag('extendedTypesEnabled', false),
    skipAcl: flag('skipACL', false),
    superDigest: take('DigestAuthenticationProvider.superDigest'),
    snapCount: number('snapCount', 100_000, 2),
    maxOutstanding: number('globalOutstandingLimit', 1000, 1),
    containerCheckInterval: number('znode.container.checkIntervalMs', 60_000, 1),
    values,
    warnings,
  };
  take('initLimit');
  take('syncLimit');
  for (const [key, value] of values)
    for (const one of refused)
      if (one.key.test(key) && (one.value ?? value) === value) throw new ConfigError(`${key}: ${one.reason}`);
  for (const key of values.keys())
    if (!used.has(key) && !withoutEffect.has(key)) warnings.push(`unknown key '${key}' in zoo.cfg is ignored`);
  return config;
}

function optionalTimeout(value: number): number | undefined {
  return value === -1 ? undefined : value;
}

function portOf(key: string, value: number): number {
  if (value > 65535) throw new ConfigError(`${key}=${value} is not a port`);
  return value;
}

/** `server.N=host:quorumPort:electionPort[:participant][;[clientAddress:]clientPort]` */
function parsePeer(key: string, value: string): PeerConfig {
  const id = Number(key.slice('server.'.length));
  if (!/^\d+$/.test(key.slice('server.'.length)) || id > 255)
    throw new ConfigError(`${key}: a server id is a number from 0 to 255`);
  const [address = '', client] = value.split(';');
  const match = /^(\[[^\]]+\]|[^:]+):(\d+):(\d+)(?::(\w+))?$/.exec(address.trim());
  if (!match) throw new ConfigError(`${key}=${value} is not of the form host:port:port[;clientPort]`);
  if (match[4] !== undefined && match[4] !== 'participant')
    throw new ConfigError(`${key}=${value}: only participants are supported by the embedded server, not ${match[4]}s`);
  const peer: PeerConfig = {
    id,
    host: match[1]!.replace(/^\[|\]$/g, ''),
    quorumPort: portOf(key, Number(match[2])),
    electionPort: portOf(key, Number(match[3])),
  };
  if (client !== undefined) {
    const clientMatch = /^(?:(\[[^\]]+\]|[^:]+):)?(\d+)$/.exec(client.trim());
    if (!clientMatch) throw new ConfigError(`${key}=${value}: '${client}' is not a client port`);
    peer.clientPort = portOf(key, Number(clientMatch[2]));
    if (clientMatch[1]) peer.clientHost = clientMatch[1].replace(/^\[|\]$/g, '');
  }
  return peer;
}

/** Java properties, as far as configuration files use them: no escapes but a backslash at a line's end. */
function parseProperties(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.replace(/\\\r?\n\s*/g, '').split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('!')) continue;
    const match = /^([^=:\s]+)\s*[=:\s]\s*(.*)$/.exec(trimmed);
    if (!match) throw new ConfigError(`line '${trimmed}' is not of the form key=value`);
    values.set(match[1]!, match[2]!.trim());
  }
  return values;
}
