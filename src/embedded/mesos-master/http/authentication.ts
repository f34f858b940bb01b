import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../../support/errors.ts';
import { FlagError } from '../../../support/flags.ts';
import type { HttpAnswer, HttpRequest } from '../../../support/http-server.ts';

/** What can be guarded on its own, by the flags --authenticate_http_readonly, _readwrite and _frameworks. */
export type Realm = 'readonly' | 'readwrite' | 'frameworks';

/** The names that the real master's challenges carry. */
const realmNames: Readonly<Record<Realm, string>> = {
  readonly: 'mesos-master-readonly',
  readwrite: 'mesos-master-readwrite',
  frameworks: 'mesos-master-scheduler',
};

const readonlyPaths = [
  'frameworks',
  'flags',
  'roles',
  'slaves',
  'state',
  'state-summary',
  'tasks',
  'maintenance/status',
  'metrics/snapshot',
  'files/(browse|read|download|debug)',
];
const readwritePaths = ['api/v1', 'teardown', 'maintenance/schedule', 'weights', 'quota'];

const guarded: readonly [RegExp, Realm][] = [
  [/^\/(?:master\/)?api\/v1\/scheduler$/, 'frameworks'],
  [new RegExp(`^/(?:master/)?(?:${readonlyPaths.join('|')})$`), 'readonly'],
  [new RegExp(`^/(?:master/)?(?:${readwritePaths.join('|')})$`), 'readwrite'],
];

/** Principals and their secrets. */
export type Credentials = ReadonlyMap<string, string>;

/**
 * Reads the file of --credentials: `{"credentials": [{"principal", "secret"}]}`.
 * @throws FlagError that says what is wrong, without its content
 */
export async function readCredentials(path: string): Promise<Credentials> {
  const file = path.replace(/^file:\/\//, '');
  const refuse = (why: string) => new FlagError(`Failed to read credentials file '${file}': ${why}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw refuse(error instanceof SyntaxError ? 'it is no JSON' : messageOf(error));
  }
  const list = (parsed as { credentials?: unknown } | null)?.credentials;
  if (!Array.isArray(list)) throw refuse("it has no list 'credentials'");
  return new Map(
    list.map((entry: { principal?: unknown; secret?: unknown } | null) => {
      if (typeof entry?.principal !== 'string') throw refuse("a credential has no 'principal'");
      return [entry.principal, typeof entry.secret === 'string' ? entry.secret : ''] as const;
    }),
  );
}

/**
 * Asks for HTTP basic credentials where a realm is guarded.
 * @returns for the HTTP server's `before`: the refusal, or undefined to go on
 */
export function createGuard(
  realms: ReadonlySet<Realm>,
  credentials: Credentials,
): (request: HttpRequest) => HttpAnswer | undefined {
  return (request) => {
    const realm = guarded.find(([path]) => path.test(request.path))?.[1];
    if (realm === undefined || !realms.has(realm) || isKnown(request.headers.authorization, credentials))
      return undefined;
    return { status: 401, headers: { 'WWW-Authenticate': `Basic realm="${realmNames[realm]}"` }, body: '' };
  };
}

function isKnown(header: string | undefined, credentials: Credentials): boolean {
  const encoded = /^basic\s+(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return false;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const secret = colon < 0 ? undefined : credentials.get(text.slice(0, colon));
  return secret !== undefined && sameText(secret, text.slice(colon + 1));
}

/** Takes the same time whatever the difference. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
