import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type Docker from 'dockerode';
import { DevclusterError } from '../../support/errors.ts';
import { httpJson } from '../../support/http-client.ts';
import { describeEndpoint, type EngineEndpoint, type EngineTls } from './endpoint.ts';
import { engineError } from './errors.ts';

/** What an engine says of itself. */
export interface EngineFacts {
  version: string;
  apiVersion: string;
  /** `linux`, as the containers see it. */
  os: string;
  /** As Go names it: `amd64`, `arm64`. */
  arch: string;
  /** It is Podman's service, which speaks Docker's API. */
  podman?: true;
}

/** The engine's `GET /version`, as far as it is read. */
interface Version {
  Version?: string;
  ApiVersion?: string;
  Os?: string;
  Arch?: string;
  Components?: { Name?: string }[];
}

/** The oldest API that has all of what is used here: that of Docker 20.10. */
const oldestApi = [1, 40] as const;

/**
 * Asks the engine who it is, without loading the client.
 * @throws DevclusterError missing: nobody answers, no right to ask, or too old an engine
 */
export async function askEngine(endpoint: EngineEndpoint, timeoutMs: number): Promise<EngineFacts> {
  const { status, json, text } = await ask(endpoint, '/version', timeoutMs);
  const version = json as Version | undefined;
  if (status !== 200 || !version?.ApiVersion)
    throw new DevclusterError(
      'missing',
      'NO_DOCKER',
      `What answers at ${describeEndpoint(endpoint)} is no Docker engine (status ${status}: ${text.slice(0, 200).trim()})`,
      { hint: 'Look at DOCKER_HOST and `docker context ls`, or use --runtime process, which needs no Docker.' },
    );
  const facts = {
    version: version.Version ?? 'unknown',
    apiVersion: version.ApiVersion,
    os: version.Os ?? 'linux',
    arch: version.Arch ?? 'amd64',
    ...(version.Components?.some(({ Name }) => Name === 'Podman Engine') ? { podman: true as const } : {}),
  };
  refuseUnfit(facts);
  return facts;
}

function refuseUnfit({ version, apiVersion, os }: EngineFacts): void {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  if (major < oldestApi[0] || (major === oldestApi[0] && minor < oldestApi[1]))
    throw new DevclusterError(
      'missing',
      'DOCKER_TOO_OLD',
      `The Docker engine is too old: it is ${version} with API ${apiVersion}, and ${oldestApi.join('.')} is needed`,
      { hint: 'Install Docker 20.10 or newer, or use --runtime process, which needs no Docker.' },
    );
  if (os !== 'linux')
    throw new DevclusterError('missing', 'DOCKER_NOT_LINUX', `The Docker engine runs ${os} containers`, {
      hint: 'Switch it to Linux containers, or use --runtime process.',
    });
}

/** What the engine answers to a GET; undefined when it refuses. @throws DevclusterError missing: nobody answers */
export async function askJson<T>(endpoint: EngineEndpoint, path: string, timeoutMs: number): Promise<T | undefined> {
  const { status, json } = await ask(endpoint, path, timeoutMs);
  return status === 200 ? (json as T) : undefined;
}

/** One question to the engine by plain HTTP, without the client. @throws DevclusterError missing */
async function ask(endpoint: EngineEndpoint, path: string, timeoutMs: number) {
  try {
    if (endpoint.kind === 'unix')
      return await httpJson<unknown>(`http://docker${path}`, { socketPath: endpoint.socketPath, timeoutMs });
    const { tls, port } = endpoint;
    const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
    if (!tls) return await httpJson<unknown>(`http://${host}:${port}${path}`, { timeoutMs });
    return await httpJson<unknown>(`https://${host}:${port}${path}`, {
      timeoutMs,
      agent: new TlsAgent(tlsOptions(tls)),
    });
  } catch (error) {
    throw engineError(error, endpoint);
  }
}

/** Whether the engine says anything at all in that time. */
export async function answers(endpoint: EngineEndpoint, timeoutMs: number): Promise<boolean> {
  return ask(endpoint, '/_ping', timeoutMs).then(
    () => true,
    () => false,
  );
}

/** The connections of a client, which end together; as Node.js keeps them by itself. */
export function connectionsTo(endpoint: EngineEndpoint): Agent {
  const options = { keepAlive: true, scheduling: 'lifo', timeout: 5_000 } as const;
  if (endpoint.kind === 'unix' || !endpoint.tls) return new Agent(options);
  return new TlsAgent({ ...options, ...tlsOptions(endpoint.tls) });
}

function tlsOptions({ ca, cert, key, verify }: EngineTls) {
  return { rejectUnauthorized: verify, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

/** The client of an engine; loaded only when something is to be done. */
export async function loadClient(endpoint: EngineEndpoint, agent = connectionsTo(endpoint)): Promise<Docker> {
  const { default: Client } = await import('dockerode');
  // Everything is said here, since the client would read the environment for what is left out.
  const common = { pathPrefix: '/', headers: {}, timeout: undefined, sshOptions: {}, agent };
  if (endpoint.kind === 'unix')
    return new Client({ ...common, protocol: 'http', host: undefined, socketPath: endpoint.socketPath } as never);
  const { host, port, tls } = endpoint;
  return new Client({ ...common, protocol: tls ? 'https' : 'http', host, port, ...tls } as never);
}
