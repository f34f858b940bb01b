import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuthConfig } from 'dockerode';
import { DevclusterError, messageOf, systemCode } from '../../../support/errors.ts';
import { readTextIfExists } from '../../../support/files.ts';

type Variables = Readonly<Record<string, string | undefined>>;

interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>;
  /** Name of a program `docker-credential-<name>` for all registries. */
  credsStore?: string;
  /** The same for one registry each. */
  credHelpers?: Record<string, string>;
}

/** Docker Hub's own key in everything that holds credentials. */
const hubKey = 'https://index.docker.io/v1/';

/**
 * What the user's `docker login` left for a registry: in the configuration of the docker command, or kept by a
 * credential helper. Undefined: nobody logged in there.
 * @throws DevclusterError usage when the configuration can't be read
 */
export async function credentialsFor(registry: string, env: Variables): Promise<AuthConfig | undefined> {
  const folder = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
  const file = join(folder, 'config.json');
  const config = parse(await readTextIfExists(file).catch(() => undefined), file);
  const key = registry === 'docker.io' ? hubKey : registry;
  const helper = config.credHelpers?.[registry] ?? config.credHelpers?.[key] ?? config.credsStore;
  if (helper) {
    const kept = await askHelper(helper, key, env);
    if (kept) return kept;
  }
  const entry = Object.entries(config.auths ?? {}).find(([name]) => hostOf(name) === hostOf(key))?.[1];
  if (!entry) return undefined;
  if (entry.identitytoken) return { identitytoken: entry.identitytoken, serveraddress: key } as unknown as AuthConfig;
  const [username, ...password] = entry.auth
    ? Buffer.from(entry.auth, 'base64').toString('utf8').split(':')
    : [entry.username, entry.password];
  if (!username) return undefined;
  return { username, password: password.join(':').replace(/\0+$/, ''), serveraddress: key };
}

function parse(text: string | undefined, file: string): DockerConfig {
  if (text === undefined) return {};
  try {
    return (JSON.parse(text) ?? {}) as DockerConfig;
  } catch (error) {
    throw new DevclusterError('usage', 'BAD_DOCKER_CONFIG', `${file} can't be read: ${messageOf(error)}`, {
      hint: "Repair it: it is what 'docker login' writes.",
    });
  }
}

/** `https://host/v1/`, `host/path` and `host` are the same registry. */
function hostOf(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

/** The protocol of credential helpers: the registry on standard input of `get`, a JSON document on standard output. */
function askHelper(name: string, registry: string, env: Variables): Promise<AuthConfig | undefined> {
  if (!/^[\w.-]+$/.test(name)) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const child = execFile(
      `docker-credential-${name}`,
      ['get'],
      { timeout: 10_000, env: env as NodeJS.ProcessEnv },
      (error, stdout) => {
        if (error && systemCode(error) === 'ENOENT')
          return reject(
            new DevclusterError('missing', 'NO_CREDENTIAL_HELPER', `docker-credential-${name} is not on the PATH`, {
              hint: "The docker command's config.json names it (credsStore or credHelpers): install it, or take the line out.",
            }),
          );
        // A helper that knows nothing of the registry fails.
        if (error) return resolve(undefined);
        try {
          const { Username: username, Secret: secret } = JSON.parse(stdout) as { Username?: string; Secret?: string };
          if (!username || !secret) return resolve(undefined);
          resolve(
            username === '<token>'
              ? ({ identitytoken: secret, serveraddress: registry } as unknown as AuthConfig)
              : { username, password: secret, serveraddress: registry },
          );
        } catch {
          resolve(undefined);
        }
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(registry);
  });
}
