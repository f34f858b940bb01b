import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryAuth } from './engine.ts';

interface DockerConfig {
  auths?: Record<string, AuthEntry>;
}

interface AuthEntry {
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
}

/** What Docker calls its own registry in configuration files. */
const dockerHub = 'https://index.docker.io/v1/';

/**
 * The credentials for an image's registry: from a Docker configuration that the task's URIs brought into its sandbox,
 * else from the flag `docker_config`. Helpers that keep credentials elsewhere are programs that are not here.
 * @param flag JSON, or the absolute path of a file
 * @returns undefined when nothing is known of the registry
 */
export async function registryAuth(
  image: string,
  sandbox: string,
  flag: string | undefined,
): Promise<RegistryAuth | undefined> {
  const [own, old] = await Promise.all([
    readConfig(join(sandbox, '.docker', 'config.json')),
    readConfig(join(sandbox, '.dockercfg')),
  ]);
  const brought = own ?? (old && { auths: old as Record<string, AuthEntry> });
  return authIn(brought ?? (await readFlag(flag)), image);
}

async function readFlag(flag: string | undefined): Promise<DockerConfig | undefined> {
  if (flag === undefined) return undefined;
  return flag.startsWith('/') || flag.startsWith('file://')
    ? readConfig(flag.replace(/^file:\/\//, ''))
    : parseConfig(flag);
}

async function readConfig(path: string): Promise<DockerConfig | undefined> {
  return readFile(path, 'utf8').then(parseConfig, () => undefined);
}

function parseConfig(text: string): DockerConfig | undefined {
  try {
    const parsed = JSON.parse(text) as DockerConfig | null;
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The entry for an image's registry, whichever way its address is written there. */
export function authIn(config: DockerConfig | undefined, image: string): RegistryAuth | undefined {
  const registry = registryOf(image);
  const entries = Object.entries(config?.auths ?? {});
  const found =
    entries.find(([address]) => address === registry) ??
    entries.find(([address]) => hostOf(address) === hostOf(registry));
  if (!found) return undefined;
  const [, { auth, username, password, identitytoken }] = found;
  const decoded = auth ? Buffer.from(auth, 'base64').toString('utf8') : undefined;
  const colon = decoded?.indexOf(':') ?? -1;
  const both =
    decoded !== undefined && colon >= 0
      ? { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') }
      : { username: username ?? '', password: password ?? '' };
  return { ...both, serveraddress: registry, ...(identitytoken ? { identitytoken } : {}) };
}

/** A name's first part is a registry when it could be a host; otherwise the image is on Docker's own. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : dockerHub;
}

function hostOf(address: string): string {
  return address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
