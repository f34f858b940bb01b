import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DevclusterError, messageOf } from '../../support/errors.ts';

/** How a Docker engine is reached, and who says so. */
export type EngineEndpoint = { from: string } & (
  | { kind: 'unix'; socketPath: string }
  | { kind: 'tcp'; host: string; port: number; tls?: EngineTls }
);

export interface EngineTls {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  /** false: any certificate of the engine is accepted, as its context asks. */
  verify: boolean;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The engine that the `docker` command of this user would speak to: DOCKER_HOST, else DOCKER_CONTEXT or the current
 * context of its configuration, else the system's socket, or where there is none the user's own (rootless) one.
 * @throws DevclusterError usage for settings that make no sense, missing for transports that are not supported
 */
export function engineEndpoint(env: Variables): EngineEndpoint {
  const configFolder = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
  if (env.DOCKER_HOST) {
    const folder = env.DOCKER_CERT_PATH || configFolder;
    const tls = env.DOCKER_TLS_VERIFY ? readTls(folder, true) : env.DOCKER_TLS ? readTls(folder, false) : undefined;
    return { from: 'DOCKER_HOST', ...parseHost(env.DOCKER_HOST, tls, 'DOCKER_HOST') };
  }
  const context = env.DOCKER_CONTEXT || currentContext(configFolder);
  if (context && context !== 'default') return fromContext(configFolder, context);
  const candidates = [
    { socketPath: '/var/run/docker.sock', from: 'the default' },
    ...(env.XDG_RUNTIME_DIR
      ? [{ socketPath: join(env.XDG_RUNTIME_DIR, 'docker.sock'), from: "the user's own engine" }]
      : []),
    { socketPath: join(env.HOME || homedir(), '.docker', 'run', 'docker.sock'), from: "the user's own engine" },
  ];
  const found = candidates.find(({ socketPath }) => existsSync(socketPath)) ?? candidates[0]!;
  return { kind: 'unix', ...found };
}

/** For people: `unix:///var/run/docker.sock`. */
export function describeEndpoint(endpoint: EngineEndpoint): string {
  return endpoint.kind === 'unix'
    ? `unix://${endpoint.socketPath}`
    : `tcp://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
}

/** Whether the engine runs on this machine, as far as its address tells. */
export function isLocal(endpoint: EngineEndpoint): boolean {
  return endpoint.kind === 'unix' || ['localhost', '127.0.0.1', '::1'].includes(endpoint.host);
}

function parseHost(
  text: string,
  tls: EngineTls | undefined,
  from: string,
): { kind: 'unix'; socketPath: string } | { kind: 'tcp'; host: string; port: number; tls?: EngineTls } {
  const wrong = (why: string) =>
    new DevclusterError('usage', 'BAD_DOCKER_HOST', `${from} is '${text}': ${why}`, {
      hint: 'It is, for instance, unix:///var/run/docker.sock or tcp://build-machine:2376.',
    });
  if (text.startsWith('unix://')) {
    const socketPath = text.slice('unix://'.length);
    if (!socketPath.startsWith('/')) throw wrong('the path of a socket begins with a slash');
    return { kind: 'unix', socketPath };
  }
  if (text.startsWith('ssh://'))
    throw new DevclusterError('missing', 'DOCKER_OVER_SSH', `${from} names an engine over SSH (${text})`, {
      hint: `devcluster speaks to sockets. Forward the engine's: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock ${sshTarget(text)} & then set DOCKER_HOST=unix:///tmp/docker.sock; or use --runtime process.`,
    });
  if (!/^(tcp|https?):\/\//.test(text)) throw wrong('it names no unix socket and no TCP address');
  let url: URL;
  try {
    url = new URL(text.replace(/^tcp:/, 'http:'));
  } catch {
    throw wrong('it is no address');
  }
  const secure = tls ?? (url.protocol === 'https:' ? { verify: true } : undefined);
  return {
    kind: 'tcp',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 2376 : 2375),
    ...(secure ? { tls: secure } : {}),
  };
}

function sshTarget(text: string): string {
  try {
    const { username, hostname, port } = new URL(text);
    return `${port ? `-p ${port} ` : ''}${username ? `${username}@` : ''}${hostname}`;
  } catch {
    return 'USER@HOST';
  }
}

function currentContext(configFolder: string): string | undefined {
  const path = join(configFolder, 'config.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const { currentContext: name } = JSON.parse(text) as { currentContext?: unknown };
    return typeof name === 'string' ? name : undefined;
  } catch (error) {
    throw new DevclusterError('usage', 'BAD_DOCKER_CONFIG', `${path} can't be read: ${messageOf(error)}`, {
      hint: 'Repair it, or set DOCKER_HOST.',
    });
  }
}

interface ContextMeta {
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

/** Contexts lie in folders that are named by the hash of the context's name. */
function fromContext(configFolder: string, name: string): EngineEndpoint {
  const id = createHash('sha256').update(name).digest('hex');
  const from = `the Docker context '${name}'`;
  let meta: ContextMeta;
  try {
    meta = JSON.parse(readFileSync(join(configFolder, 'contexts', 'meta', id, 'meta.json'), 'utf8')) as ContextMeta;
  } catch (error) {
    throw new DevclusterError('missing', 'NO_SUCH_CONTEXT', `${from} can't be read: ${messageOf(error)}`, {
      hint: "Choose another with 'docker context use', or set DOCKER_HOST.",
    });
  }
  const { Host: host, SkipTLSVerify: skip = false } = meta.Endpoints?.docker ?? {};
  if (!host)
    throw new DevclusterError('missing', 'NO_SUCH_CONTEXT', `${from} names no Docker engine`, {
      hint: "Choose another with 'docker context use', or set DOCKER_HOST.",
    });
  const folder = join(configFolder, 'contexts', 'tls', id, 'docker');
  const tls = existsSync(folder) ? readTls(folder, !skip) : skip ? { verify: false } : undefined;
  return { from, ...parseHost(host, tls, from) };
}

function readTls(folder: string, verify: boolean): EngineTls {
  const read = (name: string) => {
    try {
      return readFileSync(join(folder, name));
    } catch {
      return undefined;
    }
  };
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')];
  return { verify, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}
